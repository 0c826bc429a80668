"""Typed rows from captures. The rebuild calls the same functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import Coalesce

from audit.datetimes import FUTURE_ALLOWED
from audit.json_text import JsonObject
from capture.adapters import (
    Item,
    read_cloudevent,
    read_paypal,
    read_requirement,
    read_segment,
    read_standard,
    read_stripe,
    snake,
)
from capture.adapters.values import answer, as_object
from capture.choices import CaptureType, PaymentState, Trust
from capture.ingest.amounts import readable_number
from capture.ingest.normalisation import read_time
from capture.ingest.screenshots import read_mark
from capture.ingest.validation import is_success
from capture.models import (
    Capture,
    CaptureLink,
    DashboardSnapshot,
    Login,
    Payment,
    Questionnaire,
    Sighting,
    Signup,
)
from capture.models.projections import Projection
from capture.parsing import payload_text, read_payload
from customers.values.person_name import captured_name

# The columns of a typed row, by name.
Columns = dict[str, Any]
# The types with one row for each capture; a payment has one for many.
TYPED: dict[str, type[Projection]] = {
    CaptureType.SIGNUP: Signup,
    CaptureType.LOGIN: Login,
    CaptureType.QUESTIONNAIRE: Questionnaire,
    CaptureType.DASHBOARD: DashboardSnapshot,
}
# The columns that are not made from the capture.
OF_REQUEST = frozenset({"id", "ip_address", "user_agent", "created_at"})
_PROVIDERS = {"stripe": read_stripe, "paypal": read_paypal}
_LONG = 10_000


@dataclass(frozen=True)
class ParsedCapture:
    """A capture and its values under our names; `email` as it was typed.

    For a corrected capture, `fields`, `values` and `stated_at` (the time of arrival)
    are those of the correction.
    """

    capture: Capture
    fields: JsonObject
    values: JsonObject
    stated_at: datetime
    email: str | None = None


def parse_capture(capture: Capture, source: Capture | None = None) -> ParsedCapture:
    """Parse a stored capture, from its own payload or from that of a correction."""
    stored = source or capture
    payload = read_payload(stored.payload)
    # A correction has the form of what it corrects.
    fields = read_stored(capture, payload).fields if isinstance(payload, dict) else {}
    return ParsedCapture(
        capture, fields, stored.facts or {}, stored.received_at, stored.email
    )


def parse_captures(captures: Iterable[Capture]) -> list[ParsedCapture]:
    """Parse captures with their newest corrections; one more query for all."""
    captures = list(captures)
    newest = newest_corrections(capture.pk for capture in captures)
    return [parse_capture(capture, newest.get(capture.pk)) for capture in captures]


def newest_corrections(capture_ids: Iterable[UUID]) -> dict[UUID | None, Capture]:
    """Return the newest correction of each of these captures that has one."""
    corrections = Capture.objects.filter(corrects_id__in=list(capture_ids))
    by_time = corrections.order_by("received_at", "pk")
    return {correction.corrects_id: correction for correction in by_time}


def read_stored(capture: Capture, payload: JsonObject) -> Item:
    """Return a payload in our words, as that of a capture was read when it came."""
    if capture.adapter in _PROVIDERS:
        return _PROVIDERS[capture.adapter](payload)
    if capture.adapter == "standard":
        return read_standard(payload, capture.message_id)
    if capture.adapter == "segment":
        # As it was mapped when it came, whatever staff changed since.
        return read_segment(payload, None, {}, capture.type)
    if capture.adapter == "cloudevents" and "specversion" in payload:
        return read_cloudevent(None, payload)
    return read_requirement(capture.type, payload)


def project(
    parsed: ParsedCapture, customer_id: UUID | None, seen_at: datetime | None = None
) -> Projection:
    """Return the unsaved typed row of a capture of one of the types in `TYPED`.

    Reads what the payload says and nothing else, so that a rebuild gives the same
    row. `seen_at` is the last sighting of the capture, if any.
    """
    capture = parsed.capture
    model = TYPED[capture.type]
    columns = _COLUMNS[capture.type](parsed.fields, capture)
    if model is DashboardSnapshot:
        columns["last_seen_at"] = max(
            seen_at or capture.occurred_at, capture.occurred_at
        )
    return model(
        business_id=capture.business_id,
        customer_id=customer_id,
        capture=capture,
        trust=capture.trust,
        occurred_at=capture.occurred_at,
        **columns,
    )


def write_over(model: type[Projection], projections: list[Projection]) -> None:
    """Write typed rows over those of the same captures; what is of requests stays."""
    excluded = {*OF_REQUEST, "capture"}
    names = [field.name for field in model._meta.fields if field.name not in excluded]
    model._default_manager.bulk_create(
        projections,
        update_conflicts=True,
        unique_fields=["capture"],
        update_fields=names,
    )


def last_seen(capture_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return when each capture was seen last, of those that came again."""
    seen = Sighting.objects.filter(
        capture__in=list(capture_ids), occurred_at__isnull=False
    )
    times = seen.order_by().values_list("capture_id").annotate(last=Max("occurred_at"))
    return dict(times)


def _signup(fields: JsonObject, capture: Capture) -> Columns:
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
        "email_verified": answer(fields.get("email_verified")) is True,
        "marketing_consent": answer(fields.get("marketing_consent")),
        "preferred_categories": texts(fields.get("preferred_categories")),
        "location": text(fields.get("location"), 200),
    }


def _signup_date(fields: dict[str, object], capture: Capture) -> datetime:
    given = read_time(fields.get("signup_date"))
    if given is None or given > capture.received_at + FUTURE_ALLOWED:
        return capture.occurred_at
    return given


def _login(fields: JsonObject, capture: Capture) -> Columns:
    return {
        "email": capture.email,
        "login_time": capture.occurred_at,
        "login_method": text(fields.get("login_method"), 50) or "password",
        "success": is_success(fields) is True,
        "device_info": text(fields.get("device_info"), 255),
        "failure_reason": text(fields.get("failure_reason"), 2000),
    }


def _person(fields: JsonObject, capture: Capture) -> Columns:
    return {
        "user_id": capture.user_ref,
        "user_email": capture.email,
        "user_name": text(fields.get("full_name"), 200),
    }


ANSWER_TEXTS = {
    "trades_per_day": 100,
    "trading_session": 100,
    "has_account": 100,
    "prop_firm": 100,
    "account_type": 100,
    "risk_reward_ratio": 100,
    "trading_experience": _LONG,
    "risk_tolerance": _LONG,
    "trading_goals": _LONG,
    "screenshot_filename": 255,
}
ANSWER_LISTS = ("crypto_assets", "forex_assets", "custom_forex_pairs")


def _questionnaire(fields: JsonObject, capture: Capture) -> Columns:
    mark = read_mark(fields.get("account_screenshot"))
    digest, kind, size = mark or (None, None, None)
    has_account = fields.get("has_account")
    if isinstance(has_account, bool):
        fields = {**fields, "has_account": "yes" if has_account else "no"}
    answers = fields.get("answers")
    return {
        **_person(fields, capture),
        **{name: text(fields.get(name), n) for name, n in ANSWER_TEXTS.items()},
        **{name: texts(fields.get(name)) for name in ANSWER_LISTS},
        "account_equity": number(fields.get("account_equity"), 15, 3),
        "account_size": number(fields.get("account_size"), 15, 3),
        "risk_percentage": number(fields.get("risk_percentage"), 5, 2),
        "account_screenshot": digest,
        "screenshot_size": size,
        "screenshot_type": kind,
        # The whole object, as the document keeps it.
        "answers": payload_text(answers) if answers else capture.payload,
    }


PERFORMANCE_COLUMNS = {
    "total_pnl": (15, 3),
    "gross_profit": (15, 3),
    "gross_loss": (15, 3),
    "average_win": (12, 2),
    "average_loss": (12, 2),
    "max_drawdown": (12, 2),
    "current_drawdown": (12, 2),
    "win_rate": (5, 2),
    "profit_factor": (10, 4),
}
COUNTS = (
    "total_trades",
    "winning_trades",
    "losing_trades",
    "consecutive_wins",
    "consecutive_losses",
)


def _dashboard(fields: JsonObject, capture: Capture) -> Columns:
    dashboard = as_object(fields.get("dashboard_state"))
    trading = as_object(fields.get("trading_state"))
    performance = _snaked(dashboard.get("performance")) | _snaked(
        trading.get("performanceMetrics", trading.get("performance_metrics"))
    )
    risks = _snaked(trading.get("riskSettings", trading.get("risk_settings")))
    account = _snaked(dashboard.get("account"))
    equities = _snaked(trading)
    return {
        **_person(fields, capture),
        "initial_equity": number(equities.get("initial_equity"), 15, 3),
        "current_equity": number(equities.get("current_equity"), 15, 3),
        **{
            name: number(performance.get(name), *shape)
            for name, shape in PERFORMANCE_COLUMNS.items()
        },
        **{name: whole(performance.get(name)) for name in COUNTS},
        "risk_per_trade": number(risks.get("risk_per_trade"), 5, 2),
        "daily_loss_limit": number(risks.get("daily_loss_limit"), 5, 2),
        "consecutive_losses_limit": whole(risks.get("consecutive_losses_limit")),
        "account_balance": number(account.get("balance"), 15, 3),
        "account_equity_dash": number(account.get("equity"), 15, 3),
        "theme": text(fields.get("theme"), 20) or "dark",
        "dashboard_state": payload_text(dashboard) if dashboard else None,
        "trading_state": payload_text(trading) if trading else None,
        "state_hash": state_hash(fields),
    }


_COLUMNS: dict[str, Callable[[JsonObject, Capture], Columns]] = {
    CaptureType.SIGNUP: _signup,
    CaptureType.LOGIN: _login,
    CaptureType.QUESTIONNAIRE: _questionnaire,
    CaptureType.DASHBOARD: _dashboard,
}


def state_hash(fields: dict[str, object]) -> str:
    """Return a hash of a dashboard's state: equal states have equal ones."""
    names = ("dashboard_state", "trading_state", "theme")
    state = {name: fields.get(name) for name in names}
    return hashlib.sha256(payload_text(state).encode()).hexdigest()


def _snaked(value: object) -> JsonObject:
    return {snake(key): item for key, item in as_object(value).items()}


def texts(value: object) -> list[str] | None:
    """Return the texts of a list; None for anything else."""
    if not isinstance(value, list):
        return None
    return [line for line in (text(item, 200) for item in value) if line]


def text(value: object, length: int) -> str | None:
    """Return a value as a column takes it; None when it is no text or number."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    clean = str(value).replace("\0", "\u2400").strip()[:length]
    return clean.encode("utf-8", errors="replace").decode() or None


def name_in(value: object) -> str | None:
    """Return a name as a column takes it; None for one in which nothing is seen."""
    return captured_name(value)[0]


def number(value: object, digits: int, decimals: int) -> Decimal | None:
    """Return a number as a column takes it, rounded half-even here and not there.

    None for what is no number or does not fit; the capture keeps it.
    """
    amount = readable_number(value)
    # Looked at before anything writes the number out.
    if amount is None or amount.adjusted() >= digits - decimals:
        return None
    # More digits than Decimal computes with by itself.
    exact = Context(prec=digits + 1, rounding=ROUND_HALF_EVEN)
    step = Decimal(1).scaleb(-decimals)
    rounded = amount.quantize(step, context=exact) if amount else Decimal(0)
    return rounded if rounded.adjusted() < digits - decimals else None


def whole(value: object) -> int | None:
    """Return a whole number as a column takes it."""
    amount = number(value, 18, 0)
    return None if amount is None or amount != readable_number(value) else int(amount)


def earliest_signups(customer_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return when each customer first signed up; by pages only if no server says so."""
    signups = Signup.objects.filter(customer__in=list(customer_ids)).order_by()
    trusted = Min("signup_date", filter=~Q(trust=Trust.BROWSER))
    times = signups.values_list("customer_id").annotate(
        first=Coalesce(trusted, Min("signup_date"))
    )
    return dict(times)


class Activity(TypedDict):
    """The columns of `CustomerStats` that captures know."""

    login_count: int
    last_login_at: datetime | None
    last_active_at: datetime | None
    data_capture_complete: bool


def compute_activity(customer_ids: list[UUID]) -> dict[UUID, Activity]:
    """Return logins, last activity and completeness of each customer.

    A signup counts as a login where the business says so.
    """
    figures: dict[UUID, Activity] = {
        pk: {
            "login_count": 0,
            "last_login_at": None,
            "last_active_at": None,
            "data_capture_complete": False,
        }
        for pk in customer_ids
    }
    logins = Login.objects.filter(customer__in=customer_ids, success=True)
    signups = Signup.objects.filter(
        Q(business__signup_is_login=True), customer__in=customer_ids
    )
    for queryset, moment in ((logins, "login_time"), (signups, "signup_date")):
        groups = queryset.order_by().values_list("customer_id")
        for pk, n, last in groups.annotate(n=Count("pk"), last=Max(F(moment))):
            figure = figures[pk]
            figure["login_count"] += n
            figure["last_login_at"] = max(figure["last_login_at"] or last, last)
    seen = CaptureLink.objects.filter(customer__in=customer_ids).order_by()
    for pk, last in seen.values_list("customer_id").annotate(
        last=Max("capture__occurred_at")
    ):
        figures[pk]["last_active_at"] = last
    complete = _complete(customer_ids)
    for pk, figure in figures.items():
        figure["data_capture_complete"] = pk in complete
    return figures


def _complete(customer_ids: list[UUID]) -> set[UUID]:
    """Return who signed up, paid or claims to, and answered the questionnaire."""
    paid = Payment.objects.exclude(state=PaymentState.FAILED)
    kinds = (Signup.objects.all(), paid, Questionnaire.objects.all())
    signed_up, have_paid, have_answered = (
        set(kind.filter(customer__in=customer_ids).values_list("customer", flat=True))
        for kind in kinds
    )
    return signed_up & have_paid & have_answered
