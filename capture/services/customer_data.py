"""What captures know of customers, as columns: document 000's table and its exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    Model,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture.choices import SETTLED_STATES, Decision, PaymentState, Trust
from capture.models import (
    Capture,
    Login,
    Payment,
    Quarantine,
    Questionnaire,
    Signup,
)
from capture.parsing import payload_text, read_payload
from customers import services as customers

if TYPE_CHECKING:
    from customers.models import Business, Customer

_Model = TypeVar("_Model", bound=Model)
# The columns of document 000 but the password, in its order, with the customer's id
# under both of its names.
CUSTOMER_DATA = (
    "id",
    "customer_id",
    "unique_id",
    "email",
    "name",
    "phone",
    "membership_tier",
    "payment_status",
    "payment_method",
    "payment_amount",
    "payment_date",
    "join_date",
    "last_active",
    "status",
    "questionnaire_data",
    "account_type",
    "prop_firm",
    "account_size",
    "trading_experience",
    "risk_tolerance",
    "trading_goals",
    "ip_address",
    "user_agent",
    "signup_source",
    "referral_code",
    "data_capture_complete",
    "admin_verified",
    "admin_notes",
    "credential_seen",
    "created_at",
    "updated_at",
)
_REDACTED_WARNING = "secret_redacted"
_CLAIMED = "claimed"
_PERMISSION = "capture.view_capture"


@dataclass
class Latest:
    """The newest of each kind that one customer has; None without one."""

    signup: Signup | None = None
    payment: Payment | None = None
    questionnaire: Questionnaire | None = None


def load_latest(customers_page: list[Customer]) -> dict[UUID, Latest]:
    """Return the newest signup, payment and questionnaire of each customer.

    Three queries, whatever the number of customers and of their captures.
    """
    latest = {person.pk: Latest() for person in customers_page}
    signups = Signup.objects.select_related("capture").defer("capture__payload")
    for signup in _newest(signups, customers_page):
        if signup.customer_id is not None:
            latest[signup.customer_id].signup = signup
    for payment in _newest(Payment.objects.all(), customers_page):
        if payment.customer_id is not None:
            latest[payment.customer_id].payment = payment
    for answers in _newest(Questionnaire.objects.all(), customers_page):
        if answers.customer_id is not None:
            latest[answers.customer_id].questionnaire = answers
    return latest


# What a page says comes after all that a server or a provider has said.
_IS_CLAIM = Case(When(trust=Trust.BROWSER, then=1), default=0)


def _newest(queryset: QuerySet[_Model], owners: list[Customer]) -> QuerySet[_Model]:
    place = Window(
        RowNumber(),
        partition_by=F("customer_id"),
        order_by=[_IS_CLAIM, F("occurred_at").desc(), F("id").desc()],
    )
    ordered = queryset.filter(customer__in=owners).order_by()
    return ordered.annotate(place=place).filter(place=1)  # type: ignore[return-value]  # the stubs forget the model


def _of(kind: str, name: str) -> Callable[[object, Latest | None], object]:
    return lambda _, latest: getattr(getattr(latest, kind, None), name, None)


def _payment_status(_: object, latest: Latest | None) -> str | None:
    """Return the status as it was sent, but of money that a page alone speaks of."""
    payment = latest.payment if latest else None
    if payment is None:
        return None
    is_claim = payment.is_claim and payment.state in SETTLED_STATES
    return _CLAIMED if is_claim else payment.payment_status


def _paid_amount(_: object, latest: Latest | None) -> Decimal | None:
    payment = latest.payment if latest else None
    if payment is None or payment.final_price is None:
        return None
    return customers.quantise(payment.final_price, payment.currency)


def _size(_: object, latest: Latest | None) -> Decimal | int | None:
    answers = latest.questionnaire if latest else None
    size = answers.account_size if answers else None
    # A whole number in the document; fractions stay fractions.
    return int(size) if size is not None and size == int(size) else size


def _answers(_: object, latest: Latest | None) -> str | None:
    answers = latest.questionnaire if latest else None
    return (answers.answers or None) if answers else None


def _credential(_: object, latest: Latest | None) -> bool:
    signup = latest.signup if latest else None
    warnings = signup.capture.warnings if signup else None
    return any(code == _REDACTED_WARNING for code, _ in warnings or ())


def _column(
    name: str, kind: str, read: Callable[[object, Latest | None], object]
) -> customers.CustomerColumn:
    return customers.CustomerColumn(
        name, read, kind, needs=_PERMISSION, load=load_latest, is_copy=True
    )


def capture_columns() -> list[customers.CustomerColumn]:
    """Return the columns that this app adds to what is known of a customer."""
    behaviour, free = "behaviour", "free_text"
    return [
        _column("membership_tier", "public", _of("signup", "plan")),
        _column("payment_status", "public", _payment_status),
        _column("payment_method", "payment", _of("payment", "payment_method")),
        _column("payment_amount", "public", _paid_amount),
        _column("payment_date", "public", _of("payment", "occurred_at")),
        replace(
            _column("questionnaire_data", behaviour, _answers),
            parse=read_payload,
            write=payload_text,
        ),
        _column("account_type", behaviour, _of("questionnaire", "account_type")),
        _column("prop_firm", behaviour, _of("questionnaire", "prop_firm")),
        _column("account_size", behaviour, _size),
        *(
            _column(name, free, _of("questionnaire", name))
            for name in ("trading_experience", "risk_tolerance", "trading_goals")
        ),
        _column("ip_address", "trace", _of("signup", "ip_address")),
        _column("user_agent", "trace", _of("signup", "user_agent")),
        _column("signup_source", "public", _of("signup", "signup_source")),
        _column("referral_code", behaviour, _of("signup", "referral_code")),
        _column("credential_seen", "public", _credential),
    ]


# --- figures ------------------------------------------------------------------------

_CONFIRMED = (
    PaymentState.PAID,
    PaymentState.PARTIALLY_REFUNDED,
    PaymentState.DISPUTED,
)
VERIFICATIONS = ("none", _CLAIMED, "confirmed", "failed", "refunded")


@dataclass(frozen=True)
class CustomerDataStats:
    """The figures of document 000, as of one moment."""

    as_of: datetime
    total_customers: int
    complete: int
    accepted: int
    quarantined: int
    payment_verification: dict[str, int] = field(default_factory=dict)

    @property
    def incomplete(self) -> int:
        """How many customers lack data."""
        return self.total_customers - self.complete

    @property
    def completion_rate(self) -> Decimal | None:
        """The share of customers whose data are complete."""
        return customers.rate(self.complete, self.total_customers)

    @property
    def success_rate(self) -> Decimal | None:
        """The share of what was received that was taken."""
        return customers.rate(self.accepted, self.accepted + self.quarantined)


def get_customer_data_stats(
    business: Business, *, actor: Actor, period: timedelta, now: datetime | None = None
) -> CustomerDataStats:
    """Return the figures of one business; four queries at any size.

    Captures and quarantined items are those received within the period before now.
    Each live customer counts once by the first that applies: confirmed, refunded,
    claimed (told, and neither confirmed nor failed), failed, none.
    """
    actor.require_perm(business.pk, "customers.view_customerstats")
    now = now or timezone.now()
    live = customers.list_customers(actor=actor, business_id=business.pk).order_by()
    totals = live.aggregate(
        total=Count("pk"),
        complete=Count("pk", filter=Q(stats__data_capture_complete=True)),
    )
    received = {"business": business.pk, "received_at__gt": now - period}
    received["received_at__lte"] = now
    taken = Capture.objects.filter(**received, corrects_id=None)
    put_aside = Quarantine.objects.filter(**received).exclude(
        decisions__decision=Decision.REPLAYED
    )
    return CustomerDataStats(
        as_of=now,
        total_customers=totals["total"],
        complete=totals["complete"],
        accepted=taken.count(),
        quarantined=put_aside.count(),
        payment_verification=_verification(live, business.pk),
    )


def _verification(live: QuerySet[Customer], business_id: UUID) -> dict[str, int]:
    is_confirmed = Q(verified=True, state__in=_CONFIRMED)
    refunded = Q(verified=True, state=PaymentState.REFUNDED)
    failed = Q(state=PaymentState.FAILED)
    steps = (
        ("confirmed", is_confirmed),
        ("refunded", refunded),
        (_CLAIMED, ~is_confirmed & ~refunded & ~failed),
        ("failed", failed),
    )
    payments = Payment.objects.filter(
        business=business_id, customer__isnull=False
    ).order_by()
    # Each a set that the database makes once, not a look for each customer.
    whens = [
        When(pk__in=payments.filter(rule).values("customer"), then=Value(number))
        for number, (_, rule) in enumerate(steps)
    ]
    none = len(steps)
    ranked = live.annotate(
        rank=Case(*whens, default=Value(none), output_field=IntegerField())
    )
    names = [name for name, _ in steps] + ["none"]
    counts = dict.fromkeys(VERIFICATIONS, 0)
    for number, n in ranked.values_list("rank").annotate(n=Count("pk")):
        counts[names[number]] = n
    return counts


def count_logins(business: Business, *, actor: Actor, since: datetime) -> int:
    """Return the successful logins of live customers after a moment.

    A signup counts as one where the business says so, as in each one's figures.
    """
    actor.require_perm(business.pk, "customers.view_customerstats")
    alive = {
        "business": business.pk,
        "customer__archived_at": None,
        "customer__erased_at": None,
        "customer__isnull": False,
    }
    logins = Login.objects.filter(**alive, success=True, login_time__gt=since)
    n = logins.count()
    if business.signup_is_login:
        n += Signup.objects.filter(**alive, signup_date__gt=since).count()
    return n
