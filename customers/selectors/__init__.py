"""What may be read: selectors take the actor, and return rows of their businesses."""

from __future__ import annotations
