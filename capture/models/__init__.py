"""The tables of captures."""

from __future__ import annotations

from capture.models.bookkeeping import Allowance, IdempotencyRecord, RefusalCount
from capture.models.capture import Capture, CaptureLink
from capture.models.known import CapturedValue, Identifier
from capture.models.payment import Payment, PaymentReference
from capture.models.projections import (
    DashboardSnapshot,
    Login,
    Questionnaire,
    Signup,
)
from capture.models.quarantine import Quarantine, QuarantineDecision, Sighting
from capture.models.source import ApiKey, Source, WebhookEndpoint

__all__ = [
    "Allowance",
    "ApiKey",
    "Capture",
    "CaptureLink",
    "CapturedValue",
    "DashboardSnapshot",
    "IdempotencyRecord",
    "Identifier",
    "Login",
    "Payment",
    "PaymentReference",
    "Quarantine",
    "QuarantineDecision",
    "Questionnaire",
    "RefusalCount",
    "Sighting",
    "Signup",
    "Source",
    "WebhookEndpoint",
]
