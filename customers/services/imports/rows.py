"""Matching rows of a file: to a stored instance, or to the customer of a new one.

A batch of any size takes a constant number of statements, limited to what the actor
sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from audit.emails import fold_email
from audit.ids import parse_uuid
from audit.privacy.invisible import trimmed
from audit.tenancy.actors import Actor
from customers.choices import BY_IMPORT
from customers.models import Booking, Business, Customer, CustomerQuerySet
from customers.selectors.customers import (
    list_archived_customers,
    list_businesses,
    list_customers,
    list_visible,
)
from customers.services.identity import former_emails
from customers.services.imports.tables import ImportColumn, ImportTable
from customers.services.writing import check_live

NEW, CHANGED, UNCHANGED, REJECTED = "new", "changed", "unchanged", "rejected"
IMPORT_OUTCOMES = (NEW, CHANGED, UNCHANGED, REJECTED)
# Errors that concern no single column.
WHOLE = "row"
_NOTHING = (None, "")
# A column, or WHOLE for the same stored row, and the line of its first occurrence.
Repeat = tuple[str, int]
_NO_CUSTOMER = _("No customer of this business has this reference, id or e-mail.")

_ARCHIVED_ID = _(
    "An archived customer has this external id. Restore that one, or give another id."
)
_FORMER_EMAIL = _(
    "A customer had this e-mail before. Name the customer by reference, or give the "
    "current e-mail."
)


@dataclass
class CheckedRow:
    """One row of the file, its instance, and its errors.

    `instance` is what would be written, `before` its stored columns by attribute,
    empty for a new one. `errors` are messages by column: stored in English, and
    translated when they are shown.
    """

    line: int
    # As in the file, and by the columns that are used.
    raw: list[str]
    cells: dict[str, str]
    business: Business | None = None
    # Of the model of the table, whose columns are named by text.
    instance: Any = None
    before: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    # What the file has said before: the column, and the line of the first occurrence.
    repeats: list[Repeat] = field(default_factory=list)
    # The columns of the file that differ from what is stored.
    changes: list[ImportColumn] = field(default_factory=list)
    outcome: str = ""

    def reject(self, column: str, sentence: str) -> None:
        """Add an error; the row is then not written."""
        self.errors.setdefault(column, []).append(sentence)
        self.outcome = REJECTED

    def repeat(self, column: str, first: int) -> None:
        """Reject the row as a repeat of an earlier line."""
        self.repeats.append((column, first))
        if column == WHOLE:
            self.reject(column, f"The same as in row {first} of this file.")
        else:
            self.reject(column, f"Stands twice in this file, first in row {first}.")

    @property
    def is_new(self) -> bool:
        """Return True if the instance is not stored yet."""
        return not self.before

    @property
    def changed_columns(self) -> set[str]:
        """The attributes that differ from the stored ones."""
        return {
            name
            for name, value in self.before.items()
            if not _same(value, getattr(self.instance, name))
        }


class RowFinder:
    """Finds the instances of the rows of one file, batch after batch.

    Rows without a business are of `business`.
    """

    def __init__(self, table: ImportTable, *, actor: Actor, business: Business) -> None:
        self.table, self.actor = table, actor
        self._default = business
        self._businesses: dict[str, Business | None] = {}
        # Stored instances that the file names, and the first line that does.
        self._meant: dict[UUID, int] = {}

    def find(self, checked_rows: list[CheckedRow]) -> None:
        """Set the business and the instance of each row, or reject the row."""
        self._find_businesses(checked_rows)
        if self.table.model is Customer:
            self._find_customers(open_rows(checked_rows))
        else:
            self._find_children(open_rows(checked_rows))

    def _find_businesses(self, checked_rows: list[CheckedRow]) -> None:
        texts = {cell_in(c, "business") for c in checked_rows} - {"", *self._businesses}
        if texts:
            businesses = list_businesses(
                actor=self.actor, permission=self.table.permission
            )
            keys = {key for text in texts if (key := parse_uuid(text))}
            for business in businesses.filter(Q(slug__in=texts) | Q(pk__in=keys)):
                self._businesses[business.slug] = self._businesses[str(business.pk)] = (
                    business
                )
            for text in texts:
                name = str(parse_uuid(text) or text)
                self._businesses[text] = self._businesses.get(name)
        for checked in open_rows(checked_rows):
            text = cell_in(checked, "business")
            checked.business = self._businesses[text] if text else self._default
            if checked.business is None:
                msg = _("Name one of your businesses in the column business.")
                checked.reject("business", msg)

    # --- customers ----------------------------------------------------------------

    def _find_customers(self, checked_rows: list[CheckedRow]) -> None:
        """Find customers by reference, else by external id and e-mail."""
        customers = self._customers(checked_rows)
        by_reference = _by("unique_id", customers, checked_rows, "reference", str.upper)
        by_id = _by("external_id", customers, checked_rows, "external_id")
        by_email = _by("email_key", customers, checked_rows, "email", fold_email)
        by_former = _by_former_email(customers, checked_rows, "email")
        begin = self._beginner(checked_rows)
        for checked in checked_rows:
            if reference := cell_in(checked, "reference"):
                customer = by_reference(checked, reference)
                if customer is None:
                    msg = _("No customer of yours has it. Leave it empty to add one.")
                    self._not_found(checked, "reference", msg)
                    continue
            else:
                customer = by_id(checked, cell_in(checked, "external_id"))
                same_email = by_email(checked, cell_in(checked, "email"))
                if customer and same_email and customer.pk != same_email.pk:
                    msg = _(
                        "One customer has this e-mail, another one this external id."
                    )
                    checked.reject("email", msg)
                    continue
                customer = customer or same_email
            if customer is not None:
                self._take(checked, customer)
                continue
            email = cell_in(checked, "email")
            if by_former(checked, email):
                checked.reject("email", _FORMER_EMAIL)
                continue
            begin(checked)

    def _beginner(self, checked_rows: list[CheckedRow]) -> Callable[[CheckedRow], None]:
        """Return a function that sets a new customer as the instance of a row.

        It rejects the company's number of somebody archived, which is no second one's,
        and notes their e-mail, which may be.
        """
        archived = list_archived_customers(actor=self.actor)
        by_email = _by("email_key", archived, checked_rows, "email", fold_email)
        by_id = _by("external_id", archived, checked_rows, "external_id")

        def begin(checked: CheckedRow) -> None:
            if by_id(checked, cell_in(checked, "external_id")):
                checked.reject("external_id", _ARCHIVED_ID)
                return
            checked.instance = Customer(
                business=checked.business,
                joined_at=timezone.now(),
                source=BY_IMPORT,
                signup_method=BY_IMPORT,
            )
            if by_email(checked, cell_in(checked, "email")):
                msg = _("An archived customer has this e-mail. Restore that one?")
                checked.notes.append(msg)

        return begin

    def _customers(self, checked_rows: list[CheckedRow]) -> CustomerQuerySet:
        ids = {c.business.pk for c in checked_rows if c.business}
        customers = list_customers(actor=self.actor).filter(business__in=ids)
        return customers.select_related("business")

    # --- rows of customers --------------------------------------------------------

    def _find_children(self, checked_rows: list[CheckedRow]) -> None:
        """Find rows by their id, and the customers of new ones."""
        keys = {key for c in checked_rows if (key := parse_uuid(cell_in(c, "id")))}
        permission = self.table.permission
        queryset = list_visible(
            self.table.model, actor=self.actor, permission=permission
        )
        queryset = queryset.filter(pk__in=keys).select_related("customer", "business")
        instances: dict[object, Any] = {instance.pk: instance for instance in queryset}
        customer_of = self._finder_of_customers(checked_rows)
        for checked in checked_rows:
            text, name = cell_in(checked, "id"), cell_in(checked, "customer")
            if not text:
                self._add_child(checked, customer_of(checked, name))
                continue
            instance = instances.get(parse_uuid(text))
            if instance is None:
                msg = _("No row of yours has this id. Leave it empty to add one.")
                self._not_found(checked, "id", msg)
            elif name in {"", instance.customer.unique_id}:
                self._take(checked, instance)
            else:
                self._take_of(checked, instance, customer_of(checked, name))

    def _add_child(self, checked: CheckedRow, customer: Customer | None) -> None:
        if customer is None:
            self._not_found(checked, "customer", _NO_CUSTOMER)
            return
        instance = self.table.model(business=checked.business, customer=customer)
        if isinstance(instance, Booking):
            instance.currency = instance.business.currency
        checked.instance = instance

    def _take_of(
        self, checked: CheckedRow, instance: Any, customer: Customer | None
    ) -> None:
        if customer is None:
            self._not_found(checked, "customer", _NO_CUSTOMER)
        elif customer.pk != instance.customer_id:
            msg = _("The row with this id is another customer's.")
            checked.reject("customer", msg)
        else:
            self._take(checked, instance)

    def _finder_of_customers(
        self, checked_rows: list[CheckedRow]
    ) -> Callable[[CheckedRow, str], Customer | None]:
        """Return a function that finds a customer by e-mail, id or reference."""
        customers = self._customers(checked_rows)
        by_email = _by("email_key", customers, checked_rows, "customer", fold_email)
        by_former = _by_former_email(customers, checked_rows, "customer")
        by_key = _by("pk", customers, checked_rows, "customer", parse_uuid)
        by_reference = _by("unique_id", customers, checked_rows, "customer", str.upper)
        by_id = _by("external_id", customers, checked_rows, "customer")

        def find(checked: CheckedRow, name: str) -> Customer | None:
            if "@" in name:
                return by_email(checked, name) or by_former(checked, name)
            return (
                by_key(checked, name)
                or by_reference(checked, name)
                or by_id(checked, name)
            )

        return find

    # --- stored rows --------------------------------------------------------------

    def _take(self, checked: CheckedRow, instance: Any) -> None:
        """Set the stored instance of a row, and reject the row if it is archived."""
        checked.instance, checked.business = instance, instance.business
        checked.before = {
            f.attname: getattr(instance, f.attname)
            for f in instance._meta.concrete_fields
        }
        first = self._meant.setdefault(instance.pk, checked.line)
        if first != checked.line:
            checked.repeat(WHOLE, first)
            return
        try:
            check_live(
                instance if isinstance(instance, Customer) else instance.customer
            )
        except ValidationError as error:
            checked.reject(WHOLE, " ".join(error.messages))
        if getattr(instance, "is_archived", False):
            checked.reject(WHOLE, _("This is archived. Restore it first."))

    def _not_found(self, checked: CheckedRow, column: str, sentence: str) -> None:
        """Reject a row that names something missing or foreign; record it."""
        model = Customer if column == "customer" else self.table.model
        self.actor.operation.refuse("not_found", model._meta.label_lower)
        checked.reject(column, sentence)


def _by(
    attribute: str,
    queryset: CustomerQuerySet,
    checked_rows: Iterable[CheckedRow],
    column: str,
    key_of: Callable[[str], object] = str,
) -> Callable[[CheckedRow, str], Customer | None]:
    """Return a function that finds customers of a business by a column's cell.

    One statement for all rows. `key_of` turns a cell into the value of `attribute`.
    """
    texts = {text for c in checked_rows if (text := cell_in(c, column))}
    keys = {key for text in texts if (key := key_of(text))}
    chosen = queryset.filter(**{f"{attribute}__in": keys}) if keys else ()
    customers = {
        (customer.business_id, getattr(customer, attribute)): customer
        for customer in chosen
    }

    def find(checked: CheckedRow, text: str) -> Customer | None:
        if not text or checked.business is None:
            return None
        return customers.get((checked.business.pk, key_of(text)))

    return find


def _by_former_email(
    queryset: CustomerQuerySet, checked_rows: Iterable[CheckedRow], column: str
) -> Callable[[CheckedRow, str], Customer | None]:
    """Return a function that finds customers by an e-mail of before, or a further one.

    One statement for all rows, none without an e-mail.
    """
    texts = {cell_in(checked, column) for checked in checked_rows}
    keys = {fold_email(text) for text in texts if "@" in text}
    contacts = former_emails(keys).filter(customer__in=queryset) if keys else ()
    customers = {
        (contact.business_id, contact.email_key): contact.customer
        for contact in (contacts and contacts.select_related("customer__business"))
    }

    def find(checked: CheckedRow, text: str) -> Customer | None:
        if not text or checked.business is None:
            return None
        return customers.get((checked.business.pk, fold_email(text)))

    return find


def open_rows(checked_rows: Iterable[CheckedRow]) -> list[CheckedRow]:
    """Return the rows without errors so far."""
    return [checked for checked in checked_rows if not checked.errors]


def cell_in(checked: CheckedRow, name: str) -> str:
    """Return the cell of a column, trimmed of white space and invisible characters."""
    return trimmed(checked.cells.get(name, ""))


def _same(before: object, after: object) -> bool:
    return bool(before == after) or (before in _NOTHING and after in _NOTHING)
