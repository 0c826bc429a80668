"""The sources of the timeline in the hub's own tables: one for each kind of entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Cast, Left
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.history.writing import history_model
from audit.privacy.masking import REVEAL, SHORT_TEXT, shortened
from audit.tenancy.actors import Actor
from customers.choices import (
    AuthorKind,
    BookingStatus,
    ConsentAction,
    CreditKind,
    Purpose,
    RefundStatus,
    within_sentence,
)
from customers.models import (
    Booking,
    BookingPayment,
    ConsentEvent,
    Credit,
    Customer,
    Flag,
    Note,
    Refund,
    Ticket,
    TicketMessage,
)
from customers.selectors.customers import list_visible
from customers.selectors.timeline import (
    TimelineEntry,
    TimelineRecord,
    TimelineSource,
    before_place,
    instance_of,
    register_timeline_source,
)

# Every update sets them; naming them each time would hide what was changed.
_STAMPS = frozenset({"updated_at", "rev"})
_ARCHIVED = frozenset({"archived_at", "archived_by_id", "archive_reason"})
_FLAG_COLUMNS = (
    "history_type", "history_user_id", "code", "reason", "removed_at", "removed_reason",
)  # fmt: skip

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_Model = TypeVar("_Model", bound=models.Model)


class _Version(Protocol):
    """A record of a history table."""

    history_id: UUID
    history_date: datetime
    history_type: str
    history_user_id: UUID | None
    history_change_reason: str | None


class _CustomerVersion(_Version, Protocol):
    archived_at: datetime | None
    tracked_fields: Iterable[models.Field]


class _FlagVersion(_Version, Protocol):
    code: str
    reason: str | None
    removed_at: datetime | None
    removed_reason: str | None


def _table(
    kind: str,
    model: type[_Model],
    title: Callable[[_Model], str],
    *,
    data: Mapping[str, str],
    at: str = "created_at",
    actor_id: str = "",
    amount: str = "",
    customer: str = "customer",
    only: models.Q | None = None,
    texts: Iterable[str] = (),
) -> TimelineSource:
    """Return the source of a table of which each instance is an entry.

    `data` maps keys of the entry to columns; `at`, `actor_id`, `amount` and `customer`
    name columns, too; a title is made from those of `data`. `texts` are long columns,
    of which the entry has the beginning.
    """
    path = customer
    columns = {*data.values(), actor_id, amount, "currency" if amount else ""}

    def select(customer: Customer, actor: Actor) -> QuerySet[_Model]:
        # The business first: the indexes are led by it.
        filters = {"business": customer.business_id, path: customer}
        queryset = list_visible(model, actor=actor).filter(**filters)
        return queryset if only is None else queryset.filter(only)

    # Columns are named by text, so none of the model's own are known here.
    def entry(record: TimelineRecord) -> TimelineEntry:
        instance: Any = instance_of(model, record, data_columns)
        values = {key: getattr(instance, column) for key, column in data.items()}
        return TimelineEntry(
            record.key,
            kind,
            record.at,
            title(instance),
            getattr(instance, actor_id) if actor_id else None,
            amount=getattr(instance, amount) if amount else None,
            currency=instance.currency if amount else None,
            data=values | {name: _cut(values[name]) for name in texts},
        )

    permission = f"{model._meta.app_label}.view_{model._meta.model_name}"
    data_columns = {
        name: _column(model, name, texts) for name in sorted(columns - {""})
    }
    return TimelineSource(
        kind,
        (permission,),
        select,
        at,
        lambda _, records: map(entry, records),
        data_columns,
    )


def _column(
    model: type[models.Model], column: str, texts: Iterable[str]
) -> str | models.expressions.Combinable:
    """Return what JSON holds of a column: amounts digit by digit, long texts cut."""
    if isinstance(model._meta.get_field(column), models.DecimalField):
        return Cast(column, models.CharField())
    return Left(column, SHORT_TEXT + 1) if column in texts else column


def _cut(text: str | None) -> str | None:
    """Return the beginning of a text; its own endpoint answers all of it."""
    return None if text is None else shortened(text)


def _same(*names: str) -> dict[str, str]:
    """Return data whose keys are the names of columns."""
    return {name: name for name in names}


# --- titles --------------------------------------------------------------------------

_REFUNDS = {
    RefundStatus.REQUESTED: _("Refund requested."),
    RefundStatus.APPROVED: _("Refund approved."),
    RefundStatus.SUCCEEDED: _("Refund succeeded."),
    RefundStatus.FAILED: _("Refund failed."),
    RefundStatus.REFUSED: _("Refund refused."),
}
_PAYMENTS = {False: _("Payment recorded."), True: _("Payment reversed.")}
_CREDITS = {
    CreditKind.ISSUED: _("Credit issued."),
    CreditKind.SPENT: _("Credit spent."),
    CreditKind.REVERSED: _("Credit reversed."),
    CreditKind.EXPIRED: _("Credit expired."),
}
_CONSENTS = {
    ConsentAction.GIVEN: _("Consent given: %(what)s."),
    ConsentAction.REFUSED: _("Consent refused: %(what)s."),
    ConsentAction.WITHDRAWN: _("Consent withdrawn: %(what)s."),
}


def _booking_title(booking: Booking) -> str:
    return gettext("%(kind)s placed, now %(status)s.") % {
        "kind": capfirst(booking.get_kind_display()),
        "status": within_sentence(booking.get_status_display()),
    }


def _note_title(note: Note) -> str:
    kind = within_sentence(note.get_note_type_display())
    return gettext("Note written: %(kind)s.") % {"kind": kind}


def _ticket_title(ticket: Ticket) -> str:
    return gettext("Ticket #%(number)s opened, now %(status)s.") % {
        "number": ticket.number,
        "status": within_sentence(ticket.get_status_display()),
    }


def _message_title(message: TicketMessage) -> str:
    if message.is_internal:
        return gettext("Internal note of staff in a ticket.")
    if message.author_kind == AuthorKind.STAFF:
        return gettext("Message of staff in a ticket.")
    return gettext("Message of customer in a ticket.")


def _consent_title(consent: ConsentEvent) -> str:
    what = consent.purpose
    if what in Purpose.values:
        what = within_sentence(Purpose(what).label)
    if consent.channel:
        what = gettext("%(purpose)s by %(channel)s") % {
            "purpose": what,
            "channel": within_sentence(consent.get_channel_display()),
        }
    return str(_CONSENTS[ConsentAction(consent.action)]) % {"what": what}


# --- from the history tables ---------------------------------------------------------


def _versions(customer: Customer, _actor: Actor) -> QuerySet:
    return history_model(Customer)._base_manager.filter(id=customer.pk)


def _changes(
    customer: Customer, records: list[TimelineRecord]
) -> Iterable[TimelineEntry]:
    """Return what each version changed, by comparing it with the one before it."""
    newest, *_ = records
    versions = _versions(customer, Actor.system("timeline")).filter(
        models.Q(history_date__lt=newest.at)
        | models.Q(history_date=newest.at, pk__lte=newest.key)
    )
    # One more, which the last one is compared with.
    compared = list(
        before_place(versions, None, column="history_date", limit=len(records) + 1)
    )
    pairs = zip(compared[: len(records)], [*compared[1:], None], strict=False)
    return [_change(version, older) for version, older in pairs]


def _change(version: _CustomerVersion, older: _CustomerVersion | None) -> TimelineEntry:
    changed = {
        f.name: str(f.verbose_name)
        for f in version.tracked_fields
        if older is not None
        and getattr(version, f.attname) != getattr(older, f.attname)
        and f.name not in _STAMPS | Customer.derived.keys()
    }
    if version.history_type == "+":
        action, title = "created", gettext("Customer created.")
    elif "archived_at" in changed and version.archived_at is None:
        action, title = "restored", gettext("Customer restored.")
    elif "archived_at" in changed:
        action, title = "archived", gettext("Customer archived.")
    elif changed:
        names = ", ".join(sorted(changed.values()))
        action, title = "changed", gettext("Changed: %(names)s.") % {"names": names}
    else:
        action, title = "changed", gettext("Saved without a change.")
    data = {
        "action": action,
        "fields": sorted(changed.keys() - _ARCHIVED),
        "reason": _cut(version.history_change_reason),
    }
    return _entry_of_version("change", version, title, data)


def _flag_versions(customer: Customer, _actor: Actor) -> QuerySet:
    return history_model(Flag)._base_manager.filter(
        business=customer.business_id, customer=customer.pk
    )


def _flags(
    _customer: Customer, records: list[TimelineRecord]
) -> Iterable[TimelineEntry]:
    model = history_model(Flag)
    for record in records:
        version: Any = instance_of(model, record, _FLAG_COLUMNS)
        version.history_date = record.at
        yield _flag(version)


def _flag(version: _FlagVersion) -> TimelineEntry:
    action, reason = "changed", version.reason
    title = gettext("Flag %(code)s changed.")
    if version.removed_at is not None:
        action, reason = "removed", version.removed_reason
        title = gettext("Flag %(code)s removed.")
    elif version.history_type == "+":
        action, title = "added", gettext("Flag %(code)s added.")
    data = {"flag": version.code, "action": action, "reason": _cut(reason)}
    return _entry_of_version("flag", version, title % {"code": version.code}, data)


def _entry_of_version(
    kind: str, version: _Version, title: str, data: Mapping[str, object]
) -> TimelineEntry:
    return TimelineEntry(
        version.history_id,
        kind,
        version.history_date,
        title,
        version.history_user_id,
        data=data,
    )


# --- from the trail ------------------------------------------------------------------

_REVEALS = {
    "field.revealed": _("Contact data revealed."),
    # Of everything about one person, and of a file with others.
    "export.finished": _("Data of this person exported."),
    "customer.exported": _("Data of this person exported in a file."),
}
_MAILS = {
    "invoice.sent": _("Invoice sent."),
    "invoice.failed": _("Invoice could not be sent."),
}


def _events(
    kind: str, titles: Mapping[str, _StrPromise], *permissions: str
) -> TimelineSource:
    """Return the source of some events about a customer, by what they are called."""

    def select(customer: Customer, actor: Actor) -> QuerySet:
        events = log.list_events_about(customer, actor=actor)
        return events.filter(action__in=[*titles])

    def entry(record: TimelineRecord) -> TimelineEntry:
        who = record.data["actor_id"]
        return TimelineEntry(
            record.key,
            kind,
            record.at,
            str(titles[record.data["action"]]),
            UUID(who) if who else None,
            data={"action": record.data["action"], "reason": record.data["reason"]},
        )

    columns = {name: name for name in ("action", "reason", "actor_id")}
    return TimelineSource(
        kind,
        permissions,
        select,
        "occurred_at",
        lambda _, records: map(entry, records),
        columns,
    )


def register_customer_sources() -> None:
    """Register the kinds of this app; `AppConfig.ready()` calls it once."""
    for source in (
        _table(
            "booking",
            Booking,
            _booking_title,
            at="placed_at",
            amount="total_amount",
            only=~models.Q(status=BookingStatus.DRAFT),
            data={"reference": "reference", "type": "kind", "status": "status"},
        ),
        _table(
            "payment",
            BookingPayment,
            lambda entry: str(_PAYMENTS[entry.reverses_id is not None]),
            actor_id="created_by_id",
            amount="amount",
            customer="booking__customer",
            data={
                **_same("booking_id", "method", "reason"),
                "reverses_id": "reverses_id",
            },
            texts=["reason"],
        ),
        _table(
            "refund",
            Refund,
            lambda refund: str(_REFUNDS[RefundStatus(refund.status)]),
            actor_id="requested_by_id",
            amount="amount",
            data=_same("booking_id", "status", "reason_code"),
        ),
        _table(
            "credit",
            Credit,
            lambda entry: str(_CREDITS[CreditKind(entry.kind)]),
            actor_id="created_by_id",
            amount="amount",
            data={"type": "kind", **_same("reason_code", "booking_id")},
        ),
        _table(
            "note",
            Note,
            _note_title,
            actor_id="created_by_id",
            only=models.Q(archived_at=None),
            data=_same("note_type", "content"),
            texts=["content"],
        ),
        _table(
            "ticket",
            Ticket,
            _ticket_title,
            at="opened_at",
            data=_same("number", "subject", "status", "priority", "channel"),
        ),
        _table(
            "message",
            TicketMessage,
            _message_title,
            at="sent_at",
            actor_id="author_id",
            customer="ticket__customer",
            data={
                "ticket_id": "ticket_id",
                "author": "author_kind",
                **_same("is_internal", "body"),
            },
            texts=["body"],
        ),
        _table(
            "consent",
            ConsentEvent,
            _consent_title,
            at="occurred_at",
            actor_id="recorded_by_id",
            data=_same("purpose", "channel", "action", "method", "wording_version"),
        ),
        TimelineSource(
            "change",
            ("customers.view_historicalcustomer",),
            _versions,
            "history_date",
            _changes,
        ),
        TimelineSource(
            "flag",
            ("customers.view_historicalflag",),
            _flag_versions,
            "history_date",
            _flags,
            {name: name for name in _FLAG_COLUMNS},
        ),
        _events("access", _REVEALS, "audit.view_event", REVEAL),
        _events("invoice", _MAILS, "customers.view_booking"),
    ):
        register_timeline_source(source)
