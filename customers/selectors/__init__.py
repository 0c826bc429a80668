"""What may be read: selectors take the actor and stay within their businesses."""

from __future__ import annotations
