"""Checking rows of a file against what is there: in batches, and without writing.

A batch takes a constant number of statements, whatever its size, and no transaction:
nobody waits for a preview. Loading checks with the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.actors import Actor
from audit.folding import fold_email
from customers.models import Booking, Business, Customer, Ticket
from customers.money import check_amount
from customers.services.booking_rules import check_booking_change, claimed_by_refunds
from customers.services.constraints import (
    broken_checks,
    clean_columns,
    find_holders,
    unique_rules,
    unique_values,
)
from customers.services.doors import list_businesses, list_customers, list_rows
from customers.services.import_tables import (
    FLAG,
    Column,
    Headers,
    ImportTable,
    read_cell,
)
from customers.services.records import check_live, stamp_booking, stamp_ticket

NEW, CHANGED, UNCHANGED, REJECTED = "new", "changed", "unchanged", "rejected"
OUTCOMES = (NEW, CHANGED, UNCHANGED, REJECTED)
_MONEY = ("discount_amount", "total_amount", "paid_amount", "credit_used")
_NOTHING = (None, "")
# Errors that are about no single column.
WHOLE = "row"


@dataclass
class CheckedRow:
    """One row of the file, what it means, and what is wrong with it.

    `row` is the row as it would be written, `before` its stored columns by attribute;
    empty for a new one. `errors` are sentences by the column that they are about.
    """

    line: int
    cells: dict[str, str]
    business: Business | None = None
    row: Any = None
    before: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    # The columns of the file that differ from what is stored.
    changes: list[Column] = field(default_factory=list)
    outcome: str = ""

    def reject(self, column: str, sentence: str) -> None:
        """Say what is wrong; the row is then not written."""
        self.errors.setdefault(column, []).append(sentence)
        self.outcome = REJECTED

    @property
    def is_new(self) -> bool:
        """Tell whether the row is not there yet."""
        return not self.before

    @property
    def changed_columns(self) -> set[str]:
        """The attributes that differ from what is stored."""
        return {
            name
            for name, value in self.before.items()
            if not _same(value, getattr(self.row, name))
        }


class RowChecker:
    """Checks the rows of one file, batch after batch.

    It remembers what earlier rows of the file claimed, so that one person who stands in
    it twice is told. `seen_at` is when the preview began: a row that was changed later
    is rejected and not overwritten. Asks for rows as the actor and writes nothing.
    """

    def __init__(
        self,
        table: ImportTable,
        headers: Headers,
        *,
        actor: Actor,
        business: Business,
        clear_empty: bool = False,
        seen_at: datetime | None = None,
    ) -> None:
        self.table, self.headers, self.actor = table, headers, actor
        self._clear_empty, self._seen_at = clear_empty, seen_at
        self._default = business
        self._businesses: dict[str, Business | None] = {}
        self._claimed: dict[Any, int] = {}
        self._filled = [c for c in headers.columns if c and not c.is_fixed]
        fields = table.model._meta.fields
        self._cleaned = [f.name for f in fields if f.editable and not f.is_relation]

    def check(self, rows: Iterable[tuple[int, list[str]]]) -> list[CheckedRow]:
        """Return what each of these rows would do; about 500 at a time is enough.

        `rows` are line numbers and cells, as `open_sheet` hands them out.
        """
        found = [self._read(line, cells) for line, cells in rows]
        self._find_businesses(found)
        if self.table.model is Customer:
            self._find_customers(_open(found))
        else:
            self._find_children(_open(found))
        for checked in _open(found):
            self._check_rights(checked)
        for checked in _open(found):
            self._fill(checked)
        check_claims(_open(found))
        for checked in _open(found):
            self._clean(checked)
        self._check_unique(_open(found))
        for checked in _open(found):
            self._settle(checked)
        return found

    # --- what a row means -------------------------------------------------------

    def _read(self, line: int, cells: list[str]) -> CheckedRow:
        columns = self.headers.columns
        named = {
            column.name: cell
            for column, cell in zip(columns, cells, strict=False)
            if column is not None
        }
        checked = CheckedRow(line, named)
        if len(cells) > len(columns):
            msg = (
                "The row has more cells than there are columns. Is a comma not quoted?"
            )
            checked.reject(WHOLE, msg)
        return checked

    def _find_businesses(self, found: list[CheckedRow]) -> None:
        wanted = {_cell(c, "business") for c in found} - {"", *self._businesses}
        if wanted:
            rows = list_businesses(actor=self.actor, permission=self.table.right)
            keys = {key for text in wanted if (key := _uuid(text))}
            for row in rows.filter(Q(slug__in=wanted) | Q(pk__in=keys)):
                self._businesses[row.slug] = self._businesses[str(row.pk)] = row
            for text in wanted:
                key = str(_uuid(text) or text)
                self._businesses[text] = self._businesses.get(key)
        for checked in _open(found):
            text = _cell(checked, "business")
            checked.business = self._businesses[text] if text else self._default
            if checked.business is None:
                msg = "Name one of your businesses in the column business."
                checked.reject("business", msg)

    def _find_customers(self, found: list[CheckedRow]) -> None:
        """Find customers by reference, else by external id and e-mail."""
        rows = self._customers(found)
        by_reference = _by("unique_id", rows, found, "reference", str.upper)
        by_id = _by("external_id", rows, found, "external_id")
        by_email = _by("email_key", rows, found, "email", fold_email)
        archived: Any = list_rows(Customer, actor=self.actor).filter(erased_at=None)
        hidden = _by(
            "email_key", archived.exclude(archived_at=None), found, "email", fold_email
        )
        for checked in found:
            reference, email = _cell(checked, "reference"), _cell(checked, "email")
            if reference:
                row = by_reference(checked, reference)
                if row is None:
                    self.actor.operation.refuse("not_found", "customers.customer")
                    msg = "No customer of yours has it. Leave it empty to add one."
                    checked.reject("reference", msg)
                    continue
            else:
                same_id = by_id(checked, _cell(checked, "external_id"))
                same_email = by_email(checked, email)
                if same_id and same_email and same_id.pk != same_email.pk:
                    msg = "One customer has this e-mail, another one this external id."
                    checked.reject("email", msg)
                    continue
                row = same_id or same_email
            if row is None:
                row = Customer(business=checked.business, joined_at=timezone.now())
                if hidden(checked, email):
                    msg = "An archived customer has this e-mail. Restore that one?"
                    checked.notes.append(msg)
            else:
                self._take(checked, row)
            checked.row = row

    def _find_children(self, found: list[CheckedRow]) -> None:
        """Find rows by their id, and the customers of new ones."""
        keys = {key for c in found if (key := _uuid(_cell(c, "id")))}
        rows = list_rows(
            self.table.model, actor=self.actor, permission=self.table.right
        )
        known = {
            row.pk: row
            for row in rows.filter(pk__in=keys).select_related("customer", "business")
        }
        customer_of = self._finder_of_customers(found)
        for checked in found:
            text, name = _cell(checked, "id"), _cell(checked, "customer")
            row: Any = None
            if text:
                row = known.get(_uuid(text))
                if row is None:
                    label = self.table.model._meta.label_lower
                    self.actor.operation.refuse("not_found", label)
                    msg = "No row of yours has this id. Leave it empty to add one."
                    checked.reject("id", msg)
                    continue
                if name in {"", row.customer.unique_id}:
                    self._take(checked, row)
                    continue
            customer = customer_of(checked, name)
            if customer is None:
                self.actor.operation.refuse("not_found", "customers.customer")
                msg = "No customer of this business has this reference, id or e-mail."
                checked.reject("customer", msg)
            elif row is None:
                row = self.table.model(business=checked.business, customer=customer)
                if isinstance(row, Booking):
                    row.currency = checked.business.currency  # type: ignore[union-attr]  # looked up before
                checked.row = row
            elif customer.pk != row.customer_id:
                checked.reject(
                    "customer", "The row with this id is another customer's."
                )
            else:
                self._take(checked, row)

    def _take(self, checked: CheckedRow, row: Any) -> None:
        """Let a stored row be the one that is meant, if it may be changed."""
        checked.row, checked.business = row, row.business
        checked.before = {
            f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields
        }
        if self._claimed.setdefault(row.pk, checked.line) != checked.line:
            first = self._claimed[row.pk]
            checked.reject(WHOLE, f"The same as in row {first} of this file.")
            return
        try:
            check_live(row if isinstance(row, Customer) else row.customer)
        except ValidationError as error:
            checked.reject(WHOLE, " ".join(error.messages))
        if getattr(row, "is_archived", False):
            checked.reject(WHOLE, "This is archived. Restore it first.")

    def _customers(self, found: list[CheckedRow]) -> Any:
        ids = {c.business.pk for c in found if c.business}
        rows = list_customers(actor=self.actor).filter(business__in=ids)
        return rows.select_related("business")

    def _finder_of_customers(
        self, found: list[CheckedRow]
    ) -> Callable[[CheckedRow, str], Customer | None]:
        """Return who finds a customer of the business by e-mail, id or reference."""
        rows = self._customers(found)
        by_email = _by("email_key", rows, found, "customer", fold_email)
        by_key = _by("pk", rows, found, "customer", _uuid)
        by_reference = _by("unique_id", rows, found, "customer", str.upper)
        by_id = _by("external_id", rows, found, "customer")

        def find(checked: CheckedRow, name: str) -> Customer | None:
            if "@" in name:
                return by_email(checked, name)
            return (
                by_key(checked, name)
                or by_reference(checked, name)
                or by_id(checked, name)
            )

        return find

    # --- whether it may be written ----------------------------------------------

    def _check_rights(self, checked: CheckedRow) -> None:
        meta = self.table.model._meta
        act = "add" if checked.is_new else "change"
        right = f"{meta.app_label}.{act}_{meta.model_name}"
        business_id = checked.row.business_id
        if not (
            self.actor.may(right, business_id)
            and self.actor.may(self.table.right, business_id)
        ):
            checked.reject(WHOLE, f"Your role may not {act} such rows here.")

    def _fill(self, checked: CheckedRow) -> None:
        row, business = checked.row, checked.business
        for column in self._filled:
            cell = checked.cells.get(column.name, "")
            if cell.strip():
                try:
                    value = read_cell(column, cell, business)  # type: ignore[arg-type]  # looked up before
                except ValueError as error:
                    checked.reject(column.name, str(error))
                    continue
                setattr(row, column.name, value)
            elif self._clear_empty and checked.before and not column.has_default:
                setattr(row, column.name, False if column.kind == FLAG else None)

    def _clean(self, checked: CheckedRow) -> None:
        row = checked.row
        is_written = checked.is_new or bool(checked.changed_columns)
        if is_written and isinstance(row, Booking):
            stamp_booking(row)
        if is_written and isinstance(row, Ticket):
            stamp_ticket(row)
        for name, texts in clean_columns(row, self._cleaned).items():
            for text in texts:
                checked.reject(name, text)
        row.clean()
        for names, text in broken_checks(row):
            if not names & checked.errors.keys():
                checked.reject(_about(row, names), text)
        if isinstance(row, Booking) and is_written and not checked.errors:
            _check_money(checked)

    def _check_unique(self, found: list[CheckedRow]) -> None:
        """Reject what somebody else holds, and what an earlier row of the file claims."""
        rules = unique_rules(self.table.model)
        rows = [checked.row for checked in found]
        holders = [find_holders(rule, rows) for rule in rules]
        for checked in found:
            claims = {}
            for rule, held in zip(rules, holders, strict=True):
                values = unique_values(rule, checked.row)
                if values is None:
                    continue
                about = _about(checked.row, {rule.fields[-1]})
                first = self._claimed.get((rule.name, values))
                if held.get(values, checked.row.pk) != checked.row.pk:
                    checked.reject(about, str(rule.get_violation_error_message()))
                elif first not in {None, checked.line}:
                    msg = f"Stands twice in this file, first in row {first}."
                    checked.reject(about, msg)
                claims[rule.name, values] = checked.line
            if not checked.errors:
                self._claimed |= claims

    def _settle(self, checked: CheckedRow) -> None:
        if checked.is_new:
            checked.outcome = NEW
            return
        differing = checked.changed_columns
        checked.changes = [c for c in self._filled if c.name in differing]
        if not checked.changes:
            checked.outcome = UNCHANGED
        elif self._seen_at and checked.before["updated_at"] > self._seen_at:
            checked.reject(WHOLE, CHANGED_MEANWHILE)
        else:
            checked.outcome = CHANGED


CHANGED_MEANWHILE = "Somebody changed this after the preview. Preview the file again."


def check_claims(found: Iterable[CheckedRow]) -> None:
    """Reject changes of bookings that are not simply written; one statement for all.

    Refunds may be asked for at any time, so the writer asks again under its lock.
    """
    changed = [
        c for c in found if isinstance(c.row, Booking) and c.before and not c.errors
    ]
    lowered = {c.row.pk for c in changed if c.row.paid_amount < c.before["paid_amount"]}
    claimed = claimed_by_refunds(lowered) if lowered else {}
    for checked in changed:
        stored: Any = SimpleNamespace(**checked.before)
        try:
            check_booking_change(checked.row, stored, claimed.get(checked.row.pk))
        except ValidationError as error:
            checked.reject(WHOLE, " ".join(error.messages))


def _check_money(checked: CheckedRow) -> None:
    row = checked.row
    for name in _MONEY:
        if getattr(row, name) == checked.before.get(name):
            continue
        try:
            check_amount(getattr(row, name), row.currency)
        except ValidationError as error:
            checked.reject(name, " ".join(error.messages))


def _about(row: models.Model, names: set[str]) -> str:
    """Return the column that a rule on these columns is about, as files call it."""
    derived: dict[str, str] = getattr(row, "derived", {})
    if len(names) == 1:
        [name] = names
        return {"customer": "is_primary"}.get(name, derived.get(name, name))
    return WHOLE


def _by(
    attribute: str,
    rows: Any,
    found: Iterable[CheckedRow],
    column: str,
    key_of: Callable[[str], Any] = str,
) -> Callable[[CheckedRow, str], Any]:
    """Return who finds rows of a business by what a column says; one statement.

    `key_of` turns a cell into what is stored under `attribute`.
    """
    wanted = {
        key for c in found if (text := _cell(c, column)) and (key := key_of(text))
    }
    chosen = rows.filter(**{f"{attribute}__in": wanted}) if wanted else ()
    known = {(row.business_id, getattr(row, attribute)): row for row in chosen}

    def find(checked: CheckedRow, text: str) -> Any:
        if not text or checked.business is None:
            return None
        return known.get((checked.business.pk, key_of(text)))

    return find


def _open(found: Iterable[CheckedRow]) -> list[CheckedRow]:
    return [checked for checked in found if not checked.errors]


def _cell(checked: CheckedRow, name: str) -> str:
    return checked.cells.get(name, "").strip()


def _same(before: Any, after: Any) -> bool:
    return bool(before == after) or (before in _NOTHING and after in _NOTHING)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the rows in lists of at most this many."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
