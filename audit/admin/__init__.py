"""The pages of the trail and of staff accounts."""

from __future__ import annotations

from audit.admin import trail, user

__all__ = ["trail", "user"]
