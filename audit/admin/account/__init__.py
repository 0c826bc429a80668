"""Pages of one's own account, and those that one signs in on."""

from __future__ import annotations
