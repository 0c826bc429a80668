"""Checking rows of a file against the database: in batches, and without writing.

A batch takes a constant number of statements, whatever its size, and no transaction.
Loading checks with the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.utils.translation import gettext_noop as _

from audit.privacy.invisible import trimmed
from audit.privacy.masking import MASKED, is_masked
from audit.tenancy.actors import Actor
from customers.models import Booking, Business, Customer, Ticket
from customers.selectors.customers import list_customers
from customers.services.constraints import (
    broken_checks,
    clean_columns,
    field_of,
    find_holders,
    unique_rules,
    unique_values,
)
from customers.services.imports.rows import (
    CHANGED,
    NEW,
    UNCHANGED,
    WHOLE,
    CheckedRow,
    Repeat,
    RowFinder,
    open_rows,
)
from customers.services.imports.tables import (
    CONSENT,
    FLAG,
    OPT_OUT,
    PREFERENCES,
    Headers,
    ImportTable,
    read_cell,
)
from customers.services.money.booking_rules import (
    check_booking_change,
    stamp_booking,
)
from customers.services.tickets import stamp_ticket

_PERMISSIONS = {
    PREFERENCES: "customers.change_preferences",
    CONSENT: "customers.add_consentevent",
}
_YES = _(
    "A yes to marketing is not taken from a file: it needs its wording. Record it on "
    "the page of the customer."
)
CHANGED_MEANWHILE = _(
    "Somebody changed this after the preview. Preview the file again."
)

MASKED_CELL = _(
    "This is masked, and so nobody can be added with it. Export the file in clear."
)
_NO_NUMBER = _(
    "The phone is loaded as it is written, but it is no number that can be called or "
    "found by search."
)


class RowChecker:
    """Checks the rows of one file, batch after batch.

    It remembers the unique values of earlier rows, so that repeats are rejected.
    `seen_at` is when the preview began: a row that was changed later is rejected and
    not overwritten. `repeats` are the repeats that the preview found, by line: they are
    rejected whatever this checker has seen itself. Reads as the actor, writes nothing.
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
        repeats: Mapping[int, Sequence[Repeat]] | None = None,
    ) -> None:
        self.table, self.headers, self.actor = table, headers, actor
        self._finder = RowFinder(table, actor=actor, business=business)
        self._clear_empty, self._seen_at = clear_empty, seen_at
        self._repeats = repeats or {}
        # The unique values of the rows so far, and their lines.
        self._claimed: dict[tuple[str, tuple[object, ...]], int] = {}
        self._filled = [c for c in headers.columns if c and not c.is_fixed]
        self._further = [c for c in self._filled if c.owner]
        fields = table.model._meta.fields
        self._cleaned = [f.name for f in fields if f.editable and not f.is_relation]

    def check(self, rows: Iterable[tuple[int, list[str]]]) -> list[CheckedRow]:
        """Return what each of these rows would do; about 500 at a time is enough.

        `rows` are line numbers and cells, as in a `Sheet`.
        """
        checked_rows = [self._parse_line(line, cells) for line, cells in rows]
        self._finder.find(checked_rows)
        for checked in checked_rows:
            self._reject_repeat(checked)
        for checked in open_rows(checked_rows):
            self._check_permissions(checked)
        self._attach(open_rows(checked_rows))
        for checked in open_rows(checked_rows):
            self._fill(checked)
        check_bookings(open_rows(checked_rows))
        for checked in open_rows(checked_rows):
            self._clean(checked)
        self._check_unique(open_rows(checked_rows))
        for checked in open_rows(checked_rows):
            self._settle(checked)
            _note_phone(checked)
        if self.table.model is Customer:
            note_look_alikes(open_rows(checked_rows), actor=self.actor)
        return checked_rows

    def _parse_line(self, line: int, cells: list[str]) -> CheckedRow:
        columns = self.headers.columns
        named = {
            column.name: cell
            for column, cell in zip(columns, cells, strict=False)
            if column is not None
        }
        checked = CheckedRow(line, cells, named)
        if len(cells) > len(columns):
            msg = _("The row has more cells than columns. Does a comma lack quotes?")
            checked.reject(WHOLE, msg)
        return checked

    def _reject_repeat(self, checked: CheckedRow) -> None:
        """Reject a row that the preview found to be a repeat, with the same error."""
        if checked.line in self._repeats:
            checked.errors.clear()
        for column, first in self._repeats.get(checked.line, ()):
            checked.repeat(column, first)

    # --- checks of one row ------------------------------------------------------

    def _check_permissions(self, checked: CheckedRow) -> None:
        meta = self.table.model._meta
        act = "add" if checked.is_new else "change"
        permission = f"{meta.app_label}.{act}_{meta.model_name}"
        business_id = checked.instance.business_id
        names = {permission, self.table.permission}
        names |= {
            _PERMISSIONS[column.owner]
            for column in self._further
            if checked.cells.get(column.name, "").strip()
        }
        if not all(self.actor.has_perm(name, business_id) for name in names):
            msg = _("Your role may not change such rows here.")
            if checked.is_new:
                msg = _("Your role may not add such rows here.")
            checked.reject(WHOLE, msg)

    def _attach(self, checked_rows: list[CheckedRow]) -> None:
        """Add what other tables hold of the customers, where the file has it, too."""
        if not self._further or self.table.attach is None:
            return
        stored = [checked for checked in checked_rows if checked.before]
        self.table.attach([checked.instance for checked in stored])
        for checked in checked_rows:
            instance = checked.instance
            instance.opt_out = None
            if checked.is_new:
                instance.marketing_consent = None
            elif instance.marketing_consent is False:
                instance.opt_out = True
            if checked.before:
                checked.before |= {
                    column.name: getattr(instance, column.name)
                    for column in self._further
                }

    def _fill(self, checked: CheckedRow) -> None:
        instance = checked.instance
        for column in self._filled:
            cell = checked.cells.get(column.name, "")
            # What nobody sees answers nothing.
            is_filled = trimmed(cell) if column.holds == FLAG else cell.strip()
            if column.kind in MASKED and is_masked(cell.strip()):
                # Of an export that masks: what is stored stays.
                if not checked.before:
                    checked.reject(column.name, MASKED_CELL)
            elif is_filled:
                try:
                    value = read_cell(column, cell, instance.business)
                except ValueError as error:
                    checked.reject(column.name, str(error))
                    continue
                is_no = value is (column.name == OPT_OUT)
                if column.owner == CONSENT and not is_no:
                    _note_yes(checked)
                    continue
                setattr(instance, column.name, value)
            elif self._clear_empty and checked.before and not column.has_default:
                setattr(instance, column.name, False if column.holds == FLAG else None)

    def _clean(self, checked: CheckedRow) -> None:
        instance = checked.instance
        if checked.before and not checked.changed_columns:
            return
        _stamp(instance)
        cleaned = self._cleaned
        if checked.before:
            # What was stored before a rule is judged once it changes.
            cleaned = [n for n in cleaned if n in checked.changed_columns]
        for name, texts in clean_columns(instance, cleaned).items():
            for text in _choices(instance, name) or texts:
                checked.reject(name, text)
        _clean_model(checked)
        for names, text in broken_checks(instance):
            if not names & checked.errors.keys():
                checked.reject(_about(instance, names), text)

    def _check_unique(self, checked_rows: list[CheckedRow]) -> None:
        """Reject unique values of stored rows, or of earlier rows of the file."""
        rules = unique_rules(self.table.model)
        instances = [checked.instance for checked in checked_rows]
        holders = [find_holders(rule, instances) for rule in rules]
        for checked in checked_rows:
            claims = {}
            for rule, held in zip(rules, holders, strict=True):
                values = unique_values(rule, checked.instance)
                if values is None:
                    continue
                about = _about(checked.instance, {rule.fields[-1]})
                first = self._claimed.get((rule.name, values))
                if held.get(values, checked.instance.pk) != checked.instance.pk:
                    checked.reject(about, str(rule.get_violation_error_message()))
                elif first is not None and first != checked.line:
                    checked.repeat(about, first)
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


def _note_yes(checked: CheckedRow) -> None:
    """Add a note where a file says yes to marketing, and nobody said so before."""
    if checked.instance.marketing_consent is not True and _YES not in checked.notes:
        checked.notes.append(_YES)


def check_bookings(checked_rows: Iterable[CheckedRow]) -> None:
    """Reject changes of bookings that payments, refunds or invoices forbid."""
    for checked in checked_rows:
        if not isinstance(checked.instance, Booking) or not checked.before:
            continue
        stored = SimpleNamespace(**checked.before)
        try:
            check_booking_change(checked.instance, stored, records_payments=True)
        except ValidationError as error:
            checked.reject(WHOLE, " ".join(error.messages))


def note_look_alikes(checked_rows: Iterable[CheckedRow], *, actor: Actor) -> None:
    """Add a note where an e-mail looks like another customer's; one statement for all.

    That is no error.
    """
    looks = {
        (c.instance.business_id, c.instance.email_skeleton): c
        for c in checked_rows
        if c.instance.email_skeleton and c.outcome in {NEW, CHANGED}
    }
    if not looks:
        return
    customers = list_customers(actor=actor).filter(
        business__in={business_id for business_id, _ in looks},
        email_skeleton__in={look for _, look in looks},
    )
    for other in customers.order_by():
        checked = looks.get((other.business_id, other.email_skeleton))
        if checked is not None and checked.instance.pk != other.pk:
            checked.notes.append(f"The e-mail looks like that of {other}.")


def _clean_model(checked: CheckedRow) -> None:
    try:
        checked.instance.clean()
    except ValidationError as error:
        for name, errors in error.update_error_dict({}).items():
            column = WHOLE if name == NON_FIELD_ERRORS else name
            for each in errors:
                checked.reject(column, " ".join(each.messages))


def _note_phone(checked: CheckedRow) -> None:
    """Add a note where a phone is written that nobody can be called or found by."""
    instance = checked.instance
    if "phone" not in getattr(instance, "derived", {}).values():
        return
    is_new = instance.phone != checked.before.get("phone")
    if instance.phone and is_new and not instance.phone_e164:
        checked.notes.append(_NO_NUMBER)


def _choices(instance: models.Model, name: str) -> list[str]:
    """Return the message for a value that is none of the choices of its column."""
    choices = field_of(instance, name).flatchoices
    if not choices or not getattr(instance, name):
        return []
    return [f"Write one of {', '.join(str(value) for value, _ in choices)}."]


def _stamp(instance: models.Model) -> None:
    if isinstance(instance, Booking):
        stamp_booking(instance)
    elif isinstance(instance, Ticket):
        stamp_ticket(instance)


def _about(instance: models.Model, names: set[str]) -> str:
    """Return the column of a file that gets the error of a rule on these columns."""
    derived: dict[str, str] = getattr(instance, "derived", {})
    if len(names) == 1:
        [name] = names
        return {"customer": "is_primary"}.get(name, derived.get(name, name))
    return WHOLE
