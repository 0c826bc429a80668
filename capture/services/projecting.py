"""Typed rows from captures. The rebuild calls the same functions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q

from capture.adapters import read
from capture.choices import CaptureType
from capture.models import Capture, CaptureLink, Login, Signup
from capture.services.normalising import FUTURE_ALLOWED, read_time
from capture.services.validation import is_success

Projection = Signup | Login
TYPED: dict[str, type[Signup] | type[Login]] = {
    CaptureType.SIGNUP: Signup,
    CaptureType.LOGIN: Login,
}


def project(capture: Capture, customer_id: UUID | None) -> Projection | None:
    """Return the unsaved typed row of a capture; None for types without one yet.

    Reads the kept payload and nothing else, so that a rebuild gives the same row.
    """
    model = TYPED.get(capture.type)
    if model is None:
        return None
    body = json.loads(capture.payload or "{}", parse_float=Decimal)
    fields = read(capture.type, body).fields
    columns = _signup(fields, capture) if model is Signup else _login(fields, capture)
    return model(
        business_id=capture.business_id,
        customer_id=customer_id,
        capture=capture,
        trust=capture.trust,
        occurred_at=capture.occurred_at,
        **columns,
    )


def _signup(fields: dict[str, Any], capture: Capture) -> dict[str, Any]:
    consent = fields.get("marketing_consent")
    categories = fields.get("preferred_categories")
    is_list = isinstance(categories, list)
    return {
        "user_id": capture.user_ref,
        "email": capture.email,
        "full_name": text(fields.get("full_name"), 200),
        "mobile_number": text(fields.get("mobile_number"), 50),
        "plan": text(fields.get("plan"), 200),
        "signup_date": _signup_date(fields, capture),
        "signup_method": text(fields.get("signup_method"), 50) or "email",
        "signup_source": text(fields.get("signup_source"), 100) or "website",
        "referral_code": text(fields.get("referral_code"), 100),
        "email_verified": fields.get("email_verified") is True,
        "marketing_consent": consent if isinstance(consent, bool) else None,
        "preferred_categories": [text(item, 200) for item in categories or []]
        if is_list
        else None,
        "location": text(fields.get("location"), 200),
    }


def _signup_date(fields: dict[str, Any], capture: Capture) -> datetime:
    given = read_time(fields.get("signup_date"))
    if given is None or given > capture.received_at + FUTURE_ALLOWED:
        return capture.occurred_at
    return given


def _login(fields: dict[str, Any], capture: Capture) -> dict[str, Any]:
    return {
        "email": capture.email,
        "login_time": capture.occurred_at,
        "login_method": text(fields.get("login_method"), 50) or "password",
        "success": is_success(fields) is True,
        "device_info": text(fields.get("device_info"), 255),
        "failure_reason": text(fields.get("failure_reason"), 2000),
    }


def text(value: Any, length: int) -> str | None:
    """Return a value as a column takes it; None when it is no text or number."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    clean = str(value).replace("\0", "\u2400").strip()[:length]
    return clean.encode("utf-8", errors="replace").decode() or None


def earliest_signups(customer_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return when each customer first signed up."""
    signups = Signup.objects.filter(customer__in=list(customer_ids)).order_by()
    rows = signups.values_list("customer_id").annotate(first=Min("signup_date"))
    return dict(rows)


def activity(customer_ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """Return logins and last activity of customers: the columns captures know.

    A signup counts as a login where the business says so.
    """
    figures: dict[UUID, dict[str, Any]] = {
        pk: {"login_count": 0, "last_login_at": None, "last_active_at": None}
        for pk in customer_ids
    }
    logins = Login.objects.filter(customer__in=customer_ids, success=True)
    signups = Signup.objects.filter(
        Q(business__signup_is_login=True), customer__in=customer_ids
    )
    for rows, moment in ((logins, "login_time"), (signups, "signup_date")):
        groups = rows.order_by().values_list("customer_id")
        for pk, n, last in groups.annotate(n=Count("pk"), last=Max(F(moment))):
            row = figures[pk]
            row["login_count"] += n
            row["last_login_at"] = max(row["last_login_at"] or last, last)
    seen = CaptureLink.objects.filter(customer__in=customer_ids).order_by()
    for pk, last in seen.values_list("customer_id").annotate(
        last=Max("capture__occurred_at")
    ):
        figures[pk]["last_active_at"] = last
    return figures
