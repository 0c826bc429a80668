"""The sources of the timeline in the hub's own tables: one for each kind of entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

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
from customers.selectors.customers import list_visible
from customers.selectors.timeline import (
    Before,
    TimelineEntry,
    TimelineSource,
    before_place,
    register_timeline_source,
)

# Every update sets them; naming them each time would hide what was changed.
_STAMPS = frozenset({"updated_at", "rev"})
_ARCHIVED = frozenset({"archived_at", "archived_by_id", "archive_reason"})
_Model = TypeVar("_Model", bound=models.Model)


class _Version(Protocol):
    """A row of a history table."""

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
    name columns, too. `texts` are long columns, of which the entry has the beginning.
    """
    path = customer

    # Columns are named by text, so none of the model's own are known here.
    def entry(instance: Any) -> TimelineEntry:
        values = {key: getattr(instance, column) for key, column in data.items()}
        return TimelineEntry(
            instance.pk,
            kind,
            getattr(instance, at),
            title(instance),
            getattr(instance, actor_id) if actor_id else None,
            amount=getattr(instance, amount) if amount else None,
            currency=instance.currency if amount else None,
            data=values | {name: _cut(values[name]) for name in texts},
        )

    def find(
        customer: Customer, actor: Actor, before: Before | None, limit: int
    ) -> Iterable[TimelineEntry]:
        # The business first: the indexes are led by it.
        filters = {"business": customer.business_id, path: customer}
        queryset = list_visible(model, actor=actor).filter(**filters)
        if only is not None:
            queryset = queryset.filter(only)
        queryset = without_long(queryset, columns=texts)
        return map(entry, before_place(queryset, before, column=at, limit=limit))

    permission = f"{model._meta.app_label}.view_{model._meta.model_name}"
    return TimelineSource(kind, permission, find)


def _cut(text: str | None) -> str | None:
    """Return the beginning of a text; its own endpoint answers all of it."""
    return None if text is None else shortened(text)


def _same(*names: str) -> dict[str, str]:
    """Return data whose keys are the names of columns."""
    return {name: name for name in names}


def _booking_title(booking: Booking) -> str:
    kind, status = booking.get_kind_display(), booking.get_status_display()
    return f"{kind.capitalize()} placed, now {status.lower()}."


def _message_title(message: TicketMessage) -> str:
    what = "Internal note" if message.is_internal else "Message"
    return f"{what} of {message.get_author_kind_display().lower()} in a ticket."


def _consent_title(consent: ConsentEvent) -> str:
    channel = f" by {consent.get_channel_display().lower()}" if consent.channel else ""
    action = consent.get_action_display().lower()
    return f"Consent {action}: {consent.purpose}{channel}."


# --- from the history tables ---------------------------------------------------------


def _find_changes(
    customer: Customer, actor: Actor, before: Before | None, limit: int
) -> list[TimelineEntry]:
    versions = history_model(Customer)._base_manager.filter(id=customer.pk)
    # One more, which the last one is compared with.
    newest = list(
        before_place(versions, before, column="history_date", limit=limit + 1)
    )
    pairs = zip(newest[:limit], [*newest[1:], None], strict=False)
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
        action, title = "created", "Customer created."
    elif "archived_at" in changed:
        action = "restored" if version.archived_at is None else "archived"
        title = f"Customer {action}."
    else:
        action = "changed"
        names = ", ".join(sorted(changed.values()))
        title = f"Changed: {names}." if names else "Saved without a change."
    data = {
        "action": action,
        "fields": sorted(changed.keys() - _ARCHIVED),
        "reason": _cut(version.history_change_reason),
    }
    return _entry_of_version("change", version, title, data)


def _find_flags(
    customer: Customer, actor: Actor, before: Before | None, limit: int
) -> list[TimelineEntry]:
    versions = history_model(Flag)._base_manager.filter(
        business=customer.business_id, customer=customer.pk
    )
    newest = before_place(versions, before, column="history_date", limit=limit)
    return [_flag(version) for version in newest]


def _flag(version: _FlagVersion) -> TimelineEntry:
    action, reason = "changed", version.reason
    if version.removed_at is not None:
        action, reason = "removed", version.removed_reason
    elif version.history_type == "+":
        action = "added"
    data = {"flag": version.code, "action": action, "reason": _cut(reason)}
    return _entry_of_version("flag", version, f"Flag {version.code} {action}.", data)


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
            "refund",
            Refund,
            lambda refund: f"Refund {refund.get_status_display().lower()}.",
            actor_id="requested_by_id",
            amount="amount",
            data=_same("booking_id", "status", "reason_code"),
        ),
        _table(
            "credit",
            Credit,
            lambda entry: f"Credit {entry.get_kind_display().lower()}.",
            actor_id="created_by_id",
            amount="amount",
            data={"type": "kind", **_same("reason_code", "booking_id")},
        ),
        _table(
            "note",
            Note,
            lambda note: f"Note written: {note.get_note_type_display().lower()}.",
            actor_id="created_by_id",
            only=models.Q(archived_at=None),
            data=_same("note_type", "content"),
            texts=["content"],
        ),
        _table(
            "ticket",
            Ticket,
            lambda ticket: (
                f"Ticket #{ticket.number} opened, now "
                f"{ticket.get_status_display().lower()}."
            ),
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
        TimelineSource("change", "customers.view_historicalcustomer", _find_changes),
        TimelineSource("flag", "customers.view_historicalflag", _find_flags),
    ):
        register_timeline_source(source)
