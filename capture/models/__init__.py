"""The tables of captures."""

from __future__ import annotations

from capture.models.capture import Capture, CaptureLink
from capture.models.identifiers import CapturedValue, Identifier
from capture.models.identity_review import IdentityReview
from capture.models.payment import Payment, PaymentReference
from capture.models.projections import DashboardSnapshot, Login, Questionnaire, Signup
from capture.models.quarantine import Quarantine, QuarantineDecision, Sighting
from capture.models.refusal_count import RefusalCount
from capture.models.source import ApiKey, Source, WebhookEndpoint
