"""Everything that is known of a customer, as named columns: for exports and faces.

Apps above add columns of what they know with `register_columns`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from audit.privacy.masking import SEE_CLEAR, Room, masked_value
from audit.tenancy.actors import Actor
from customers.cells import cell_text
from customers.choices import FLAG_VERIFIED, ExportProfile
from customers.models import Address, Customer, Flag, Note
from customers.money import quantise

Loader = Callable[[list[Customer]], Mapping[UUID, Any]]


@dataclass(frozen=True)
class Column:
    """One column: how it is read, of which privacy class, and who may have it.

    `read` takes the customer and what the loader named by `source` has for them.
    """

    name: str
    read: Callable[[Customer, Any], Any]
    kind: str = "public"
    # A right beyond that to export.
    needs: str = ""
    source: str = ""
    # Repeats what somebody sent, where addresses stand inside other texts.
    is_copy: bool = False
    # What is made of the text that `read` returns, where it is none to be shown.
    parse: Callable[[str], Any] | None = None
    # How a value that is no text, number or time is written into a cell.
    write: Callable[[Any], str] | None = None
    profiles: tuple[str, ...] = (ExportProfile.FULL,)


_columns: dict[str, Column] = {}
_loaders: dict[str, Loader] = {}


def register_columns(source: str, load: Loader, columns: Iterable[Column]) -> None:
    """Let an app add columns of what it knows about customers.

    `load` takes up to some hundred customers and uses a constant number of queries.
    """
    _loaders[source] = load
    _columns.update({column.name: column for column in columns})


def column_names(profile: str, *, actor: Actor, business_id: UUID) -> list[str]:
    """Return the columns of a profile that the actor may have."""
    return [
        column.name
        for column in _columns.values()
        if profile in column.profiles and _may_have(column, actor, business_id)
    ]


def check_columns(
    names: Iterable[str], profile: str, *, actor: Actor, business_id: UUID
) -> list[str]:
    """Return the asked columns; all that the actor may have if none are asked.

    Raises ValidationError for unknown ones, naming the nearest, and for ones that the
    actor's role may not have.
    """
    allowed = column_names(profile, actor=actor, business_id=business_id)
    unique_names = list(dict.fromkeys(names))
    for name in unique_names:
        if name in allowed:
            continue
        if name in _columns and profile in _columns[name].profiles:
            msg = "Your role may not export one of these columns. Leave it out."
            raise ValidationError({"columns": ValidationError(msg, "column_refused")})
        near = difflib.get_close_matches(name, allowed, n=1)
        hint = f" Do you mean {near[0]}?" if near else ""
        msg = f"One of these columns is not known.{hint}"
        raise ValidationError({"columns": ValidationError(msg, "unknown_column")})
    return unique_names or allowed


def load_values(
    customers: list[Customer], names: Iterable[str], *, room: Room | None = None
) -> list[dict[str, Any]]:
    """Return the named columns of customers that `for_list` has loaded.

    A constant number of queries, one for each source that the columns need. With a
    `room` what is too long for it is cut, and `{"left_out": "too_long"}` stands in the
    place of JSON.
    """
    columns = [_columns[name] for name in names]
    sources = {column.source for column in columns if column.source}
    loaded = {source: _loaders[source](customers) for source in sources}
    return [
        {
            column.name: _value(
                column, row, loaded.get(column.source, {}).get(row.pk), room
            )
            for column in columns
        }
        for row in customers
    ]


def _value(column: Column, row: Customer, loaded: Any, room: Room | None) -> Any:
    value = column.read(row, loaded)
    if column.parse and value is not None:
        is_whole = room is None or room.takes(value)
        return column.parse(value) if is_whole else {"left_out": "too_long"}
    return value if room is None else room.fitted(value)


def shown_values(
    values: Mapping[str, Any],
    *,
    actor: Actor,
    business_id: UUID,
    is_clear: bool | None = None,
) -> dict[str, Any]:
    """Return values as the actor may see them, None for what needs a right they lack.

    Contact, trace and payment details are masked unless `is_clear`; without it, the
    role decides.
    """
    if is_clear is None:
        is_clear = actor.may(SEE_CLEAR, business_id)
    masked_values: dict[str, Any] = {}
    for name, value in values.items():
        column = _columns[name]
        if not _may_have(column, actor, business_id):
            masked_values[name] = None
        else:
            masked_values[name] = value if is_clear else masked(name, value)
    return masked_values


def masked(name: str, value: Any) -> Any:
    """Return a column's value as it is shown to whom its class is masked."""
    column = _columns[name]
    return masked_value(value, column.kind, is_copy=column.is_copy)


def written(name: str, value: Any) -> str:
    """Return a column's value as the text of a cell, not yet made safe."""
    write = _columns[name].write
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return write(value) if write and not isinstance(value, str) else cell_text(value)


def _may_have(column: Column, actor: Actor, business_id: UUID) -> bool:
    return not column.needs or actor.may(column.needs, business_id)


# --- what this app knows ------------------------------------------------------------


def _of(path: str) -> Callable[[Customer, Any], Any]:
    first, _, second = path.partition(".")
    if not second:
        return lambda row, _: getattr(row, first)
    return lambda row, _: getattr(getattr(row, first), second)


def _money(path: str) -> Callable[[Customer, Any], Any]:
    read = _of(path)

    def amount(row: Customer, loaded: Any) -> Decimal | None:
        value = read(row, loaded)
        return None if value is None else quantise(value, row.business.currency)

    return amount


def _loaded(_: Customer, value: Any) -> Any:
    return value


def _verified(customers: list[Customer]) -> dict[UUID, bool]:
    rows = Flag.objects.filter(
        customer__in=customers, code=FLAG_VERIFIED, removed_at=None
    )
    return dict.fromkeys(rows.values_list("customer_id", flat=True), True)


def _notes(customers: list[Customer]) -> dict[UUID, str | None]:
    """Return the newest note of each, a pinned one before others."""
    place = Window(
        RowNumber(),
        partition_by=F("customer_id"),
        order_by=[F("is_pinned").desc(), F("created_at").desc(), F("id").desc()],
    )
    rows = Note.objects.filter(customer__in=customers, archived_at=None).order_by()
    newest = rows.annotate(place=place).filter(place=1)
    return dict(newest.values_list("customer_id", "content"))


def _addresses(customers: list[Customer]) -> dict[UUID, str]:
    rows = Address.objects.filter(
        customer__in=customers, is_primary=True, archived_at=None
    )
    return {row.customer_id: row.as_text for row in rows}


_BOTH = (ExportProfile.FULL, ExportProfile.LIST)
_STATS = (
    "total_orders",
    "completed_orders",
    "cancelled_orders",
    "total_purchases",
    "total_items_bought",
    "first_purchase_date",
    "last_purchase_date",
    "is_repeat_customer",
    "repeat_frequency",
    "open_tickets",
    "urgent_tickets",
    "addresses_count",
    "contacts_count",
)

register_columns("verified", _verified, ())
register_columns("notes", _notes, ())
register_columns("addresses", _addresses, ())
register_columns(
    "",
    lambda _: {},
    [
        Column("id", _of("pk"), profiles=_BOTH),
        Column("customer_id", _of("pk")),
        Column("unique_id", _of("unique_id"), profiles=_BOTH),
        Column("external_id", _of("external_id"), "identity", profiles=_BOTH),
        Column("email", _of("email"), "contact", profiles=_BOTH),
        Column("email_verified", _of("is_email_verified"), profiles=_BOTH),
        Column("name", _of("name"), "identity", profiles=_BOTH),
        Column("phone", _of("phone"), "contact", profiles=_BOTH),
        Column("address", _loaded, "contact", source="addresses"),
        Column("customer_type", _of("customer_type"), profiles=_BOTH),
        Column("status", _of("shown_status"), profiles=_BOTH),
        Column("source", _of("source")),
        Column("join_date", _of("joined_at"), profiles=_BOTH),
        Column("last_active", _of("stats.last_active_at"), profiles=_BOTH),
        Column("last_login_at", _of("stats.last_login_at")),
        Column("login_count", _of("stats.login_count")),
        Column("data_capture_complete", _of("stats.data_capture_complete")),
        Column("admin_verified", lambda _, is_set: bool(is_set), source="verified"),
        Column(
            "admin_notes",
            _loaded,
            "free_text",
            needs="customers.view_note",
            source="notes",
        ),
        *(Column(name, _of(f"stats.{name}"), profiles=_BOTH) for name in _STATS),
        Column("total_spent", _money("stats.total_spent"), profiles=_BOTH),
        Column("avg_transaction_value", _money("stats.avg_transaction_value")),
        Column("currency", _of("business.currency"), profiles=_BOTH),
        Column("marketing_opt_in", _of("stats.is_opted_in")),
        Column("created_at", _of("created_at"), profiles=_BOTH),
        Column("updated_at", _of("updated_at"), profiles=_BOTH),
    ],
)
