"""The tables of the trail: staff, operations, events."""

from __future__ import annotations

from audit.models.event import Event, Outcome
from audit.models.operation import Operation
from audit.models.user import User

__all__ = ["Event", "Operation", "Outcome", "User"]
