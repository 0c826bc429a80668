"""The tables of the trail: staff and how they sign in, operations, events."""

from __future__ import annotations

from audit.models.event import Event, Outcome
from audit.models.operation import Operation
from audit.models.sign_in import (
    AttemptCounter,
    Authenticator,
    RecoveryCode,
    TokenFamily,
)
from audit.models.user import User

__all__ = [
    "AttemptCounter",
    "Authenticator",
    "Event",
    "Operation",
    "Outcome",
    "RecoveryCode",
    "TokenFamily",
    "User",
]
