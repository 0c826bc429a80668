"""The functions that document 002 names, for code in the same process."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from audit.tenancy.actors import Actor
from capture.choices import CaptureType, Trust
from capture.envelope import IngestResult
from capture.ingest.envelopes import build_envelopes
from capture.ingest.pipeline import ingest
from capture.models import Source
from capture.parsing import ParseError, parse_body


def store_customer_profile(
    *, source: Source, actor: Actor, email: str, **fields: object
) -> IngestResult:
    """Capture a profile; its customer is found by e-mail, or made.

    `fields` are the keys of document 002: full_name, signup_method, marketing_consent,
    status, mobile_number. Raises ValueError with a sentence when one does not fit.
    """
    body = {**fields, "email": email}
    return capture_one(CaptureType.PROFILE, body, source=source, actor=actor)


def update_customer_profile(
    email: str, changes: dict[str, object], *, source: Source, actor: Actor
) -> IngestResult:
    """Capture changed fields. A `last_login_at` becomes a login at that time."""
    body = {**changes, "email": email}
    return capture_one(CaptureType.PROFILE, body, source=source, actor=actor)


def track_login_activity(
    *, source: Source, actor: Actor, email: str, success: bool = True, **fields: object
) -> IngestResult:
    """Capture a sign-in or a failed attempt; an attempt makes no customer.

    `fields` are login_method, failure_reason, ip_address, device_info, login_time.
    """
    body = {**fields, "email": email, "success": success}
    return capture_one(CaptureType.LOGIN, body, source=source, actor=actor)


def capture_one(
    kind: str, body: dict[str, object], *, source: Source, actor: Actor
) -> IngestResult:
    """Capture one message; raises ValueError with a sentence when it does not fit."""
    try:
        parsed = parse_body(json.dumps(body, default=_json_default).encode())
    except ParseError as error:
        raise ValueError(error.message) from error
    envelopes = build_envelopes(
        kind, parsed.value, trust=Trust.SERVER, warnings=tuple(parsed.warnings)
    )
    if issue := envelopes[0].issue:
        msg = f"{issue.pointer}: {issue.message}"
        raise ValueError(msg)
    return ingest(envelopes, source=source, actor=actor)[0]


def _json_default(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    msg = f"A {type(value).__name__} cannot be captured. Send text or a number."
    raise ValueError(msg)
