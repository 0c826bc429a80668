"""Creating, changing and archiving rows of any table that has no rules of its own."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction

from audit.tenancy.actors import Actor
from customers.models import Booking, TicketMessage
from customers.selectors.customers import list_rows
from customers.services.constraints import changed_columns, check_row
from customers.services.locking import hand_down, lock_customer
from customers.services.money.booking_rules import check_new_booking, stamp_booking
from customers.services.writing import Write, check_live, copy_of, mark_archived
from customers.services.saving import save_by_subject

_Row = TypeVar("_Row", bound=models.Model)


@transaction.atomic
def create_row(
    model: type[_Row],
    *,
    business_id: UUID,
    actor: Actor,
    reason: str | None = None,
    **values: Any,
) -> _Row:
    """Create a row of a business; `values` are columns that people may write.

    The caller has seen to it that foreign keys name rows of the same business. Raises
    ValidationError, with the field, for a broken rule, and as `Write` does.
    """
    row = model(business_id=business_id, **values)
    if "customer" in values:
        hand_down(values["customer"], row)
    _check_live(row)
    _check(row)
    save_by_subject(Write(row, actor=actor, reason=reason))
    return row


@transaction.atomic
def change_row(
    row: _Row,
    *,
    actor: Actor,
    expected_rev: int | None = None,
    reason: str | None = None,
    **changes: Any,
) -> _Row:
    """Change columns of a row; what is not named stays as it is.

    The row is locked and read afresh; where nothing differs, nothing is written. Raises
    ValidationError `stale_version` when it is no longer at `expected_rev`, `archived`
    for a hidden one, and otherwise as `create_row`.
    """
    write = _locked(row, expected_rev, actor=actor, reason=reason)
    instance, stored = write.instance, copy_of(write.instance)
    if getattr(instance, "is_archived", False):
        msg = "This is archived. Restore it first."
        raise ValidationError(msg, code="archived")
    for name, value in changes.items():
        setattr(instance, name, value)
    _check(instance, stored)
    if not changed_columns(instance, stored):
        return stored
    save_by_subject(write)
    return instance


@transaction.atomic
def archive_row(
    row: _Row, *, actor: Actor, reason: str, expected_rev: int | None = None
) -> _Row:
    """Hide a row from daily work.

    Raises ValidationError when it is hidden already, and as `change_row` does.
    """
    write = _locked(row, expected_rev, actor=actor, reason=reason, verb="archived")
    instance: Any = write.instance
    if instance.is_archived:
        msg = "This is archived already."
        raise ValidationError(msg, code="already_archived")
    mark_archived(instance, actor=actor, reason=reason)
    save_by_subject(write)
    return write.instance


@transaction.atomic
def restore_row(
    row: _Row, *, actor: Actor, reason: str, expected_rev: int | None = None
) -> _Row:
    """Bring a hidden row back.

    Raises ValidationError when it is not hidden, when another has its place, and as
    `change_row` does.
    """
    write = _locked(row, expected_rev, actor=actor, reason=reason, verb="restored")
    instance: Any = write.instance
    if not instance.is_archived:
        msg = "This is not archived."
        raise ValidationError(msg, code="not_archived")
    instance.archived_at = instance.archived_by_id = instance.archive_reason = None
    _check(instance, write.stored)
    save_by_subject(write)
    return write.instance


def _check(row: models.Model, stored: models.Model | None = None) -> None:
    """Raise ValidationError unless the row keeps the rules of its table.

    Columns that nobody writes are filled in when it is saved; the business is the
    caller's to have looked up.
    """
    if isinstance(row, Booking):
        stamp_booking(row)
        if row._state.adding:
            check_new_booking(row)
    hidden = {f.name for f in row._meta.fields if not f.editable}
    check_row(row, stored, exclude=hidden | {"business"})


def _check_live(row: Any) -> None:
    """Raise ValidationError where a row is about a customer whom nobody changes."""
    about = row.ticket if isinstance(row, TicketMessage) else row
    customer = getattr(about, "customer", None)
    if customer is not None:
        check_live(customer)


def _locked(
    row: _Row, expected_rev: int | None, *, actor: Actor, **about: Any
) -> Write[_Row]:
    """Lock a row, after its customer: as everybody does whose write moves figures."""
    meta = row._meta
    permission = f"{meta.app_label}.change_{meta.model_name}"
    rows: Any = list_rows(type(row), actor=actor, permission=permission)
    customer_id = getattr(row, "customer_id", None)
    customer = lock_customer(customer_id) if customer_id else None
    current: Any = rows.select_for_update(no_key=True).get(pk=row.pk)
    if customer is not None and customer.pk == current.customer_id:
        hand_down(customer, current)
    else:
        # It has moved to another one meanwhile.
        customer = None
    _check_live(current)
    if expected_rev is not None and current.rev != expected_rev:
        msg = "Somebody changed this meanwhile. Load it again and repeat."
        raise ValidationError(msg, code="stale_version")
    stored = copy_of(current)
    return Write(current, actor=actor, stored=stored, customer=customer, **about)
