"""What the hub's own tables tell for the timeline: one source for each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import models

from audit.fields import without_long
from audit.history.writing import history_model
from audit.privacy.masking import shortened
from audit.tenancy.actors import Actor
from customers.choices import BookingStatus
from customers.models import (
    Booking,
    ConsentEvent,
    Credit,
    Customer,
    Flag,
    Note,
    Refund,
    Ticket,
    TicketMessage,
)
from customers.selectors.customers import list_rows
from customers.selectors.timeline import (
    Before,
    TimelineEntry,
    TimelineSource,
    before_place,
    register_timeline_source,
)

# Set by every change; saying so each time would hide what was changed.
_STAMPS = frozenset({"updated_at", "rev"})
_ARCHIVED = frozenset({"archived_at", "archived_by_id", "archive_reason"})

_Entry = Callable[[Any], TimelineEntry]


def _table(
    kind: str,
    model: type[models.Model],
    entry: _Entry,
    *,
    by: str,
    whose: str = "customer",
    only: models.Q | None = None,
    shown: Iterable[str] = (),
) -> TimelineSource:
    """Return the source of a table whose rows are entries themselves."""

    def find(
        customer: Customer, actor: Actor, before: Before | None, limit: int
    ) -> Iterable[TimelineEntry]:
        # The business first: the indexes are led by it.
        filters = {"business": customer.business_id, whose: customer}
        rows: Any = list_rows(model, actor=actor).filter(**filters)
        if only is not None:
            rows = rows.filter(only)
        rows = without_long(rows, columns=shown)
        return map(entry, before_place(rows, before, by=by, limit=limit))

    permission = f"{model._meta.app_label}.view_{model._meta.model_name}"
    return TimelineSource(kind, permission, find)


def _cut(text: str | None) -> str | None:
    """Return what the story tells of a text; the row's own address has all of it."""
    return None if text is None else shortened(text)


def _booking(row: Booking) -> TimelineEntry:
    kind, status = row.get_kind_display().lower(), row.get_status_display().lower()
    return TimelineEntry(
        row.pk,
        "booking",
        row.placed_at,
        f"{kind.capitalize()} placed, now {status}.",
        amount=row.total_amount,
        currency=row.currency,
        data={"reference": row.reference, "type": row.kind, "status": row.status},
    )


def _refund(row: Refund) -> TimelineEntry:
    return TimelineEntry(
        row.pk,
        "refund",
        row.created_at,
        f"Refund {row.get_status_display().lower()}.",
        row.requested_by_id,
        amount=row.amount,
        currency=row.currency,
        data={
            "booking_id": row.booking_id,
            "status": row.status,
            "reason_code": row.reason_code,
        },
    )


def _credit(row: Credit) -> TimelineEntry:
    return TimelineEntry(
        row.pk,
        "credit",
        row.created_at,
        f"Credit {row.get_kind_display().lower()}.",
        row.created_by_id,
        amount=row.amount,
        currency=row.currency,
        data={
            "type": row.kind,
            "reason_code": row.reason_code,
            "booking_id": row.booking_id,
        },
    )


def _note(row: Note) -> TimelineEntry:
    return TimelineEntry(
        row.pk,
        "note",
        row.created_at,
        f"Note written: {row.get_note_type_display().lower()}.",
        row.created_by_id,
        data={"note_type": row.note_type, "content": _cut(row.content)},
    )


def _ticket(row: Ticket) -> TimelineEntry:
    return TimelineEntry(
        row.pk,
        "ticket",
        row.opened_at,
        f"Ticket #{row.number} opened, now {row.get_status_display().lower()}.",
        data={
            "number": row.number,
            "subject": row.subject,
            "status": row.status,
            "priority": row.priority,
            "channel": row.channel,
        },
    )


def _message(row: TicketMessage) -> TimelineEntry:
    place = "Internal note" if row.is_internal else "Message"
    return TimelineEntry(
        row.pk,
        "message",
        row.sent_at,
        f"{place} of {row.get_author_kind_display().lower()} in a ticket.",
        row.author_id,
        data={
            "ticket_id": row.ticket_id,
            "author": row.author_kind,
            "is_internal": row.is_internal,
            "body": _cut(row.body),
        },
    )


def _consent(row: ConsentEvent) -> TimelineEntry:
    channel = f" by {row.get_channel_display().lower()}" if row.channel else ""
    return TimelineEntry(
        row.pk,
        "consent",
        row.occurred_at,
        f"Consent {row.get_action_display().lower()}: {row.purpose}{channel}.",
        row.recorded_by_id,
        data={
            "purpose": row.purpose,
            "channel": row.channel,
            "action": row.action,
            "method": row.method,
            "wording_version": row.wording_version,
        },
    )


# --- from the history tables ---------------------------------------------------------


def _find_changes(
    customer: Customer, actor: Actor, before: Before | None, limit: int
) -> list[TimelineEntry]:
    rows = history_model(Customer)._base_manager.filter(id=customer.pk)
    # One more, which the last one is compared with.
    newest = list(before_place(rows, before, by="history_date", limit=limit + 1))
    pairs = zip(newest[:limit], [*newest[1:], None], strict=False)
    return [_change(row, older) for row, older in pairs]


def _change(row: Any, older: Any) -> TimelineEntry:
    changed = {
        f.name
        for f in row.tracked_fields
        if older is not None
        and getattr(row, f.attname) != getattr(older, f.attname)
        and f.name not in _STAMPS | Customer.derived.keys()
    }
    if row.history_type == "+":
        what, title = "created", "Customer created."
    elif "archived_at" in changed:
        is_archived = row.archived_at is not None
        what = "archived" if is_archived else "restored"
        title = f"Customer {what}."
    else:
        what = "changed"
        names = ", ".join(sorted(_verbose(name) for name in changed))
        title = f"Changed: {names}." if names else "Saved without a change."
    return TimelineEntry(
        row.history_id,
        "change",
        row.history_date,
        title,
        row.history_user_id,
        data={
            "action": what,
            "fields": sorted(changed - _ARCHIVED),
            "reason": _cut(row.history_change_reason),
        },
    )


def _verbose(name: str) -> str:
    field: Any = Customer._meta.get_field(name)
    return str(field.verbose_name)


def _find_flags(
    customer: Customer, actor: Actor, before: Before | None, limit: int
) -> list[TimelineEntry]:
    rows = history_model(Flag)._base_manager.filter(
        business=customer.business_id, customer=customer.pk
    )
    newest = before_place(rows, before, by="history_date", limit=limit)
    return [_flag(row) for row in newest]


def _flag(row: Any) -> TimelineEntry:
    is_removed = row.removed_at is not None
    what = (
        "removed" if is_removed else "added" if row.history_type == "+" else "changed"
    )
    return TimelineEntry(
        row.history_id,
        "flag",
        row.history_date,
        f"Flag {row.code} {what}.",
        row.history_user_id,
        data={
            "flag": row.code,
            "action": what,
            "reason": _cut(row.removed_reason if is_removed else row.reason),
        },
    )


def register_customer_sources() -> None:
    """Register what this app tells; `AppConfig.ready()` calls it once."""
    live, ordered = models.Q(archived_at=None), ~models.Q(status=BookingStatus.DRAFT)
    for source in (
        _table("booking", Booking, _booking, by="placed_at", only=ordered),
        _table("refund", Refund, _refund, by="created_at"),
        _table("credit", Credit, _credit, by="created_at"),
        _table("note", Note, _note, by="created_at", only=live, shown=["content"]),
        _table("ticket", Ticket, _ticket, by="opened_at"),
        _table(
            "message",
            TicketMessage,
            _message,
            by="sent_at",
            whose="ticket__customer",
            shown=["body"],
        ),
        _table("consent", ConsentEvent, _consent, by="occurred_at"),
        TimelineSource("change", "customers.view_historicalcustomer", _find_changes),
        TimelineSource("flag", "customers.view_historicalflag", _find_flags),
    ):
        register_timeline_source(source)
