"""The columns of a customer in exports and contracts of the API.

Other apps add columns with `register_columns`.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from audit.json_text import JsonValue
from audit.privacy.classes import PUBLIC, declaration
from audit.privacy.masking import Room
from audit.tenancy.actors import Actor
from customers.choices import FLAG_VERIFIED, ConsentChannel, ExportProfile
from customers.models import Address, Customer, Flag, Note
from customers.money import quantise
from customers.services.columns import Column
from customers.services.consent import (
    MARKETING_CONSENT,
    RESTRICTIONS,
    attach_restrictions,
)

Loader = Callable[[list[Customer]], Mapping[UUID, object]]


@dataclass(frozen=True)
class CustomerColumn(Column):
    """A column about customers: its permission, and the exports that have it."""

    # A permission beyond that to export.
    needs: str = ""
    # Loads the second argument of `read`: by customer, for some hundred of them, with
    # a constant number of queries.
    load: Loader | None = None
    # Parses the text that `read` returns, such as JSON.
    parse: Callable[[str], JsonValue] | None = None
    profiles: tuple[str, ...] = (ExportProfile.FULL,)


# By profile and name, in the order of the file.
_columns: dict[str, dict[str, CustomerColumn]] = defaultdict(dict)


def register_columns(columns: Iterable[CustomerColumn]) -> None:
    """Register columns, also of another app."""
    for column in columns:
        for profile in column.profiles:
            _columns[profile][column.name] = column


def columns_of(profile: str, names: Iterable[str]) -> list[CustomerColumn]:
    """Return the named columns of a profile."""
    return [_columns[profile][name] for name in names]


def check_columns(
    names: Iterable[str], profile: str, *, actor: Actor, business_id: UUID
) -> list[str]:
    """Return the named columns; without names all that the actor may export.

    Raises ValidationError for an unknown one, suggesting the nearest, and for one that
    the actor's role may not export.
    """
    columns = _columns[profile]
    allowed = [n for n, c in columns.items() if _may_have(c, actor, business_id)]
    unique_names = list(dict.fromkeys(names))
    for name in unique_names:
        if name in allowed:
            continue
        if name in columns:
            msg = "Your role may not export one of these columns. Leave it out."
            raise ValidationError({"columns": ValidationError(msg, "column_refused")})
        near = difflib.get_close_matches(name, allowed, n=1)
        hint = f" Do you mean {near[0]}?" if near else ""
        msg = f"One of these columns is not known.{hint}"
        raise ValidationError({"columns": ValidationError(msg, "unknown_column")})
    return unique_names or allowed


def load_values(
    customers: list[Customer],
    names: Iterable[str],
    *,
    profile: str = ExportProfile.FULL,
    room: Room | None = None,
) -> list[dict[str, object]]:
    """Return the named columns of customers that `for_list` has loaded.

    A constant number of queries, one for each loader that the columns need. With a
    `room` long values are cut, and long JSON is replaced by `{"left_out": "too_long"}`.
    """
    columns = columns_of(profile, names)
    loaders = dict.fromkeys(column.load for column in columns if column.load)
    loaded = {load: load(customers) for load in loaders}
    return [
        {
            column.name: _value(
                column,
                customer,
                loaded[column.load].get(customer.pk) if column.load else None,
                room,
            )
            for column in columns
        }
        for customer in customers
    ]


def _value(
    column: CustomerColumn, customer: Customer, loaded: object, room: Room | None
) -> object:
    value = column.value_of(customer, loaded)
    if column.parse and isinstance(value, str):
        is_whole = room is None or room.takes(value)
        return column.parse(value) if is_whole else {"left_out": "too_long"}
    return value if room is None else room.fitted(value)


def masked_values(
    values: Mapping[str, object], *, actor: Actor, business_id: UUID, is_unmasked: bool
) -> dict[str, object]:
    """Return values as the actor may see them; None without the column's permission.

    Contact, trace and payment details are masked unless `is_unmasked`.
    """
    masked_values: dict[str, object] = {}
    for column in columns_of(ExportProfile.FULL, values):
        value = values[column.name]
        if not _may_have(column, actor, business_id):
            value = None
        masked_values[column.name] = value if is_unmasked else column.masked(value)
    return masked_values


def _may_have(column: CustomerColumn, actor: Actor, business_id: UUID) -> bool:
    return not column.needs or actor.has_perm(column.needs, business_id)


# --- columns of this app ------------------------------------------------------------


def _money(name: str) -> Callable[[Customer, object], Decimal | None]:
    def amount(customer: Customer, _: object) -> Decimal | None:
        value: Decimal | None = getattr(customer.stats, name)
        return None if value is None else quantise(value, customer.business.currency)

    return amount


def _loaded(_: Customer, value: object) -> object:
    return value


def _verified(customers: list[Customer]) -> dict[UUID, bool]:
    rows = Flag.objects.filter(
        customer__in=customers, code=FLAG_VERIFIED, removed_at=None
    )
    verified = set(rows.values_list("customer_id", flat=True))
    return {customer.pk: customer.pk in verified for customer in customers}


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


def _restrictions(customers: list[Customer]) -> dict[UUID, None]:
    """Set the columns on the customers themselves."""
    attach_restrictions(customers)
    return {}


def _addresses(customers: list[Customer]) -> dict[UUID, str]:
    rows = Address.objects.filter(
        customer__in=customers, is_primary=True, archived_at=None
    )
    return {row.customer_id: row.as_text for row in rows}


_FULL = (ExportProfile.FULL,)
_LISTED = (*_FULL, ExportProfile.LIST)
_MAILED = (ExportProfile.MARKETING,)


def _column(
    name: str, read: str = "", profiles: tuple[str, ...] = _LISTED
) -> CustomerColumn:
    """Return a column of the customer or their figures, with its privacy class."""
    kind = declaration(Customer).get(read or name, PUBLIC)
    return CustomerColumn(name, read, kind, profiles=profiles)


def _figures(*names: str, profiles: tuple[str, ...] = _LISTED) -> list[CustomerColumn]:
    return [_column(name, f"stats.{name}", profiles) for name in names]


register_columns(
    [
        _column("id"),
        _column("customer_id", "pk", _FULL),
        _column("unique_id"),
        _column("external_id"),
        _column("email", profiles=_LISTED + _MAILED),
        _column("email_verified", "is_email_verified"),
        _column("email_bounced_at", profiles=_FULL),
        _column("name", profiles=_LISTED + _MAILED),
        _column("phone"),
        # Mail tools want the code of the country.
        CustomerColumn(
            "phone",
            lambda customer, _: customer.phone_e164 or customer.phone,
            "contact",
            profiles=_MAILED,
        ),
        CustomerColumn("address", _loaded, "contact", load=_addresses),
        _column("customer_type"),
        _column("status", "display_status"),
        _column("signup_method", profiles=_FULL),
        _column("source", profiles=_FULL),
        _column("location", profiles=_FULL),
        _column("join_date", "joined_at"),
        _column("last_active", "stats.last_active_at"),
        *_figures("last_login_at", "login_count", profiles=_FULL),
        *_figures("data_capture_complete", profiles=_FULL),
        CustomerColumn("admin_verified", _loaded, load=_verified),
        CustomerColumn(
            "admin_notes",
            _loaded,
            "free_text",
            needs="customers.view_note",
            load=_notes,
        ),
        *_figures("total_orders", "completed_orders", "cancelled_orders"),
        _column("total_orders", "stats.total_purchases", _MAILED),
        *_figures("total_purchases", "total_items_bought"),
        *_figures(
            "first_purchase_date", "last_purchase_date", profiles=_LISTED + _MAILED
        ),
        *_figures("is_repeat_customer", "repeat_frequency"),
        *_figures("open_tickets", "urgent_tickets"),
        *_figures("addresses_count", "contacts_count"),
        CustomerColumn(
            "total_spent", _money("total_spent"), profiles=_LISTED + _MAILED
        ),
        CustomerColumn("avg_transaction_value", _money("avg_transaction_value")),
        _column("currency", "business.currency", _LISTED + _MAILED),
        _column("marketing_opt_in", "stats.is_opted_in", _FULL),
        *(
            CustomerColumn(name, name, load=_restrictions, profiles=_LISTED)
            for name in (
                *RESTRICTIONS,
                *(f"{MARKETING_CONSENT}_{name}" for name in ConsentChannel.values),
            )
        ),
        _column("created_at"),
        _column("updated_at"),
    ]
)
