"""The tables that can be imported: their columns, and how a cell is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation
from django.utils.translation import gettext

from audit.datetimes import parse_moment
from audit.privacy.classes import PUBLIC, declaration
from customers.choices import ConsentChannel
from customers.models import Address, Booking, Business, Contact, Customer, Ticket
from customers.readers import SheetError
from customers.services.columns import Column
from customers.services.consent import (
    MARKETING_CONSENT,
    RESTRICTIONS,
    attach_restrictions,
)
from customers.values.amount import parse_number
from customers.values.answer import SENTENCE, parse_answer

Attach = Callable[[list[Any]], None]
# A yes in it is a no to marketing.
OPT_OUT = "opt_out"
TEXT, KEY, AMOUNT, MOMENT, FLAG = "text", "key", "amount", "moment", "flag"
# Whose a column is that stands in the file of another table.
PREFERENCES, CONSENT = "preferences", "consent"
# Characters of an unknown header that are shown.
_MAX_HEADER_LETTERS = 50
_NEEDLESS = re.compile(r"[\W_]+")


@dataclass(frozen=True, kw_only=True)
class ImportColumn(Column):
    """A column that is also imported. A fixed one finds rows, or is only exported."""

    holds: str = TEXT
    is_fixed: bool = False
    # Finds the row or its parent; another fixed one is never read.
    is_read: bool = True
    # Of PREFERENCES or CONSENT, where it is no column of the table itself.
    owner: str = ""
    is_exported: bool = True
    # An empty cell leaves the default of a new row, and never clears a stored value.
    has_default: bool = False


@dataclass(frozen=True)
class ImportTable:
    """A table that files can be loaded into."""

    model: type[models.Model]
    columns: tuple[ImportColumn, ...]
    # Sets on some instances what their columns of other tables hold.
    attach: Attach | None = None

    @property
    def name(self) -> str:
        """The name under which uploads remember the table, like `customer`."""
        return str(self.model._meta.model_name)

    @property
    def permission(self) -> str:
        """The permission to import, maybe in fewer businesses than that to view."""
        return f"{self.model._meta.app_label}.import_{self.name}"

    @property
    def plain(self) -> list[ImportColumn]:
        """The columns whose cells are written to the row."""
        return [column for column in self.columns if not column.is_fixed]

    def column(self, name: str) -> ImportColumn | None:
        """Return the column of a header, ignoring case and punctuation."""
        plain_name = _plain_name(name)
        for column in self.columns:
            if _plain_name(column.name) == plain_name:
                return column
        return None


@dataclass(frozen=True)
class Headers:
    """The columns of the first row of a file: used, unknown and unread ones."""

    # The column of each cell; None for those that are left out.
    columns: list[ImportColumn | None]
    unknown: list[str]
    unread: list[str]

    @property
    def used(self) -> list[str]:
        """The names of the columns that are read."""
        return [column.name for column in self.columns if column]


def read_headers(table: ImportTable, names: Iterable[str]) -> Headers:
    """Match the headers of a file to the columns of a table.

    Raises SheetError for two that mean one column: no cell is dropped for another.
    """
    columns: list[ImportColumn | None] = []
    unknown, unread = [], []
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        column = table.column(name) if name else None
        if column is None:
            unknown.append(name[:_MAX_HEADER_LETTERS] or f"column {number}")
            columns.append(None)
        elif not column.is_read:
            unread.append(column.name)
            columns.append(None)
        elif column.name in seen:
            msg = gettext(
                "Columns %(first)s and %(second)s both mean %(name)s. Remove one."
            )
            values = {"first": seen[column.name], "second": number}
            raise SheetError(msg % {**values, "name": column.name})
        else:
            seen[column.name] = number
            columns.append(column)
    return Headers(columns, unknown, unread)


def _plain_name(name: str) -> str:
    return _NEEDLESS.sub("", name).casefold()


def read_cell(
    column: ImportColumn, cell: str, business: Business
) -> str | bool | Decimal | datetime:
    """Return the value of a cell that is not empty.

    A time without a zone is in that of the business, and a day is its midnight. Raises
    ValueError, with the message, for what the column cannot hold.
    """
    text = cell.strip()
    if column.holds == FLAG:
        return _parse_flag(text)
    if column.holds == AMOUNT:
        return _parse_amount(text)
    if column.holds == MOMENT:
        return _parse_moment(text, business)
    return text if column.holds == KEY else cell


def _parse_flag(text: str) -> bool:
    try:
        return parse_answer(text) is True
    except ValidationError as error:
        # In English: it is stored, and translated when it is shown.
        with translation.override(None):
            raise ValueError(str(SENTENCE)) from error


def _parse_amount(text: str) -> Decimal:
    try:
        return parse_number(text) or Decimal(0)
    except ValidationError as error:
        raise ValueError(*error.messages) from None


def _parse_moment(text: str, business: Business) -> datetime:
    try:
        return parse_moment(text, business.zone)
    except ValidationError as error:
        raise ValueError(*error.messages) from None


def _key(name: str, path: str = "", *, is_read: bool = True) -> ImportColumn:
    return ImportColumn(name, path, holds=KEY, is_fixed=True, is_read=is_read)


_BUSINESS = _key("business", "business.slug")
_CHILD = (_key("id"), _BUSINESS, _key("customer", "customer.unique_id"))


def _columns(
    *names: str, holds: str = TEXT, has_default: bool = False
) -> list[ImportColumn]:
    return [ImportColumn(n, holds=holds, has_default=has_default) for n in names]


def _answer(name: str, owner: str, *, is_exported: bool = True) -> ImportColumn:
    return ImportColumn(
        name, holds=FLAG, has_default=True, owner=owner, is_exported=is_exported
    )


def _table(
    model: type[models.Model], *columns: ImportColumn, attach: Attach | None = None
) -> ImportTable:
    """Return a table whose columns have the privacy classes of the model."""
    kinds = declaration(model)
    classed = (replace(c, kind=kinds.get(c.name, PUBLIC)) for c in columns)
    return ImportTable(model, tuple(classed), attach)


CUSTOMERS = _table(
    Customer,
    _BUSINESS,
    _key("reference", "unique_id"),
    *_columns("name"),
    *_columns("email", holds=KEY),
    *_columns("is_email_verified", holds=FLAG),
    *_columns("phone", "customer_type"),
    *_columns("status", has_default=True),
    *_columns("external_id", holds=KEY),
    *_columns("signup_method", "source", has_default=True),
    *_columns("location"),
    *_columns("joined_at", holds=MOMENT, has_default=True),
    *(_answer(name, PREFERENCES) for name in RESTRICTIONS),
    *(_key(f"{MARKETING_CONSENT}_{n}", is_read=False) for n in ConsentChannel.values),
    _answer(MARKETING_CONSENT, CONSENT),
    _answer(OPT_OUT, CONSENT, is_exported=False),
    attach=attach_restrictions,
)
ADDRESSES = _table(
    Address,
    *_CHILD,
    *_columns("kind", has_default=True),
    *_columns("label", "recipient", "line1", "line2", "city", "region"),
    *_columns("postal_code", "country", "raw"),
    *_columns("is_primary", holds=FLAG),
    *_columns("phone", "instructions"),
)
CONTACTS = _table(
    Contact,
    *_CHILD,
    *_columns("kind", "name", "relation"),
    *_columns("email", holds=KEY),
    *_columns("phone"),
    *_columns("is_primary", holds=FLAG),
    *_columns("valid_from", "valid_to", holds=MOMENT),
)
BOOKINGS = _table(
    Booking,
    *_CHILD,
    _key("reference", is_read=False),
    *_columns("external_id", holds=KEY),
    *_columns("kind", "status", has_default=True),
    *_columns("placed_at", holds=MOMENT, has_default=True),
    *_columns("starts_at", "ends_at", "completed_at", holds=MOMENT),
    *_columns("items_count", "discount_amount", holds=AMOUNT, has_default=True),
    *_columns("total_amount", "paid_amount", holds=AMOUNT, has_default=True),
    *_columns("credit_used", holds=AMOUNT, has_default=True),
    *_columns("currency", has_default=True),
    *_columns("payment_method", "invoice_number"),
)
TICKETS = _table(
    Ticket,
    *_CHILD,
    _key("number", is_read=False),
    *_columns("subject"),
    *_columns("status", "priority", "channel", has_default=True),
    *_columns("opened_at", holds=MOMENT, has_default=True),
    *_columns("resolved_at", "closed_at", holds=MOMENT),
)
IMPORT_TABLES = {
    table.name: table for table in (CUSTOMERS, ADDRESSES, CONTACTS, BOOKINGS, TICKETS)
}
