"""The tables of the trail: staff, operations, events, step-up."""

from __future__ import annotations

from audit.models.event import Event, Outcome
from audit.models.operation import Operation
from audit.models.step_up import Grant, Method, PinCredential, Scope, StepUpCount
from audit.models.user import User

__all__ = [
    "Event",
    "Grant",
    "Method",
    "Operation",
    "Outcome",
    "PinCredential",
    "Scope",
    "StepUpCount",
    "User",
]
