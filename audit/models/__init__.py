"""The tables of the trail: staff, how they sign in and confirm, operations, events."""

from __future__ import annotations

from audit.models.catalogue import KeptCatalogue
from audit.models.event import Event, Outcome
from audit.models.heartbeat import Heartbeat
from audit.models.idempotency import IdempotentResponse
from audit.models.job import OPEN_STATUSES, Job, JobBatch, JobStatus
from audit.models.operation import Operation
from audit.models.preferences import UserPreferences
from audit.models.rate_limit import RateLimitBucket
from audit.models.refusals import RefusalWindow
from audit.models.sign_in import (
    PASSKEY,
    AttemptCounter,
    Authenticator,
    Ceremony,
    Passkey,
    Purpose,
    RecoveryCode,
    TokenFamily,
)
from audit.models.step_up import Grant, PinCredential, Scope, StepUpMethod
from audit.models.user import User
