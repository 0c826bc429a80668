"""What a file to import may hold: the columns of each table, and how a cell is read."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.dateparse import parse_date, parse_datetime

from audit.datetimes import OUT_OF_RANGE, is_in_range
from customers.models import Address, Booking, Business, Contact, Customer, Ticket

TEXT, KEY, AMOUNT, MOMENT, FLAG = "text", "key", "amount", "moment", "flag"
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_AMOUNT = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,10})?")
# Letters of an unknown name that are shown.
_MAX_SHOWN_LETTERS = 50
_NEEDLESS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Column:
    """One column of the file. A fixed one finds rows, or is only written by exports."""

    name: str
    kind: str = TEXT
    attribute: str = ""
    is_fixed: bool = False
    # Finds the row or what it belongs to; another fixed one is never read.
    is_read: bool = True
    # An empty cell leaves the default of a new row, and cannot clear an old one.
    has_default: bool = False

    @property
    def source(self) -> str:
        """The path of the value on a row, for exports."""
        return self.attribute or self.name


@dataclass(frozen=True)
class ImportTable:
    """A table that files can be loaded into."""

    model: type[models.Model]
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The name under which uploads remember the table, like `customer`."""
        return str(self.model._meta.model_name)

    @property
    def right(self) -> str:
        """The right to import, which may hold in fewer businesses than the view."""
        return f"{self.model._meta.app_label}.import_{self.name}"

    @property
    def plain(self) -> list[Column]:
        """The columns whose cells are written to the row."""
        return [column for column in self.columns if not column.is_fixed]

    def column(self, name: str) -> Column | None:
        """Return the column that a header means, however its letters are written."""
        plain_name = _plain_name(name)
        for column in self.columns:
            if _plain_name(column.name) == plain_name:
                return column
        return None


@dataclass(frozen=True)
class Headers:
    """What the first row of a file names: what is used, what is not and why."""

    # The column of each cell; None for those that are left out.
    columns: list[Column | None]
    unknown: list[str]
    unread: list[str]

    @property
    def used(self) -> list[str]:
        """The names of the columns that are read."""
        return [column.name for column in self.columns if column]


def read_headers(table: ImportTable, names: Iterable[str]) -> Headers:
    """Return which columns of a table the headers of a file mean."""
    columns: list[Column | None] = []
    unknown, unread, seen = [], [], set()
    for number, name in enumerate(names, start=1):
        column = table.column(name) if name else None
        if column is None or column.name in seen:
            unknown.append(name[:_MAX_SHOWN_LETTERS] or f"column {number}")
            columns.append(None)
        elif not column.is_read:
            unread.append(column.name)
            columns.append(None)
        else:
            seen.add(column.name)
            columns.append(column)
    return Headers(columns, unknown, unread)


def _plain_name(name: str) -> str:
    return _NEEDLESS.sub("", name).casefold()


def read_cell(column: Column, cell: str, business: Business) -> Any:
    """Return the value of a cell that is not empty.

    A time without a zone is one of the business's own zone, and a day is its midnight.
    Raises ValueError with a sentence for what the column cannot hold.
    """
    text = cell.strip()
    if column.kind == FLAG:
        if text.casefold() not in _FLAGS:
            msg = "Write yes or no."
            raise ValueError(msg)
        return _FLAGS[text.casefold()]
    if column.kind == AMOUNT:
        if not _AMOUNT.fullmatch(text):
            msg = "Write a number like 12.50."
            raise ValueError(msg)
        return Decimal(text)
    if column.kind == MOMENT:
        return _parse_time(text, business)
    return text if column.kind == KEY else cell


def _parse_time(text: str, business: Business) -> datetime:
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)):
            moment = datetime.combine(day, time())
    except ValueError:
        moment = None
    if moment is None:
        msg = "Write a time like 2026-11-21T10:00:00Z or a day like 2026-11-21."
        raise ValueError(msg)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(business.timezone))
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(OUT_OF_RANGE) from error
    if not is_in_range(moment):
        raise ValueError(OUT_OF_RANGE)
    return moment


def cell_of(column: Column, value: Any) -> str:
    """Return a value as exports write it, so that a file imports again unchanged."""
    if column.kind == FLAG:
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _key(name: str, attribute: str = "") -> Column:
    return Column(name, KEY, attribute, is_fixed=True)


def _shown(name: str, attribute: str = "") -> Column:
    return Column(name, KEY, attribute, is_fixed=True, is_read=False)


_BUSINESS = _key("business", "business__slug")
_CHILD = (_key("id"), _BUSINESS, _key("customer", "customer__unique_id"))


def _moments(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, MOMENT) for name in names)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _default(name: str, kind: str = TEXT) -> Column:
    return Column(name, kind, has_default=True)


CUSTOMERS = ImportTable(
    Customer,
    (
        _BUSINESS,
        _key("reference", "unique_id"),
        Column("name"),
        Column("email", KEY),
        Column("is_email_verified", FLAG),
        *_texts("phone", "customer_type"),
        _default("status"),
        Column("external_id", KEY),
        _default("source"),
        Column("location"),
        _default("joined_at", MOMENT),
    ),
)
ADDRESSES = ImportTable(
    Address,
    (
        *_CHILD,
        _default("kind"),
        *_texts("label", "recipient", "line1", "line2", "city", "region"),
        *_texts("postal_code", "country", "raw"),
        Column("is_primary", FLAG),
        *_texts("phone", "instructions"),
    ),
)
CONTACTS = ImportTable(
    Contact,
    (
        *_CHILD,
        *_texts("kind", "name", "relation"),
        Column("email", KEY),
        Column("phone"),
        Column("is_primary", FLAG),
        *_moments("valid_from", "valid_to"),
    ),
)
BOOKINGS = ImportTable(
    Booking,
    (
        *_CHILD,
        _shown("reference"),
        Column("external_id", KEY),
        _default("kind"),
        _default("status"),
        _default("placed_at", MOMENT),
        *_moments("starts_at", "ends_at", "completed_at"),
        _default("items_count", AMOUNT),
        _default("discount_amount", AMOUNT),
        _default("total_amount", AMOUNT),
        _default("paid_amount", AMOUNT),
        _default("credit_used", AMOUNT),
        _default("currency"),
        *_texts("payment_method", "invoice_number"),
    ),
)
TICKETS = ImportTable(
    Ticket,
    (
        *_CHILD,
        _shown("number"),
        Column("subject"),
        *(_default(name) for name in ("status", "priority", "channel")),
        _default("opened_at", MOMENT),
        *_moments("resolved_at", "closed_at"),
    ),
)
IMPORT_TABLES = {
    table.name: table for table in (CUSTOMERS, ADDRESSES, CONTACTS, BOOKINGS, TICKETS)
}
