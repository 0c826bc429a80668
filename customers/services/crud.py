"""Creating, updating, archiving and restoring instances of any model of a customer."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers.models import Address, Booking, Customer, TicketMessage
from customers.models.base import ArchiveMarks
from customers.selectors.customers import list_visible
from customers.services.constraints import changed_columns, clean_instance
from customers.services.locking import attach_customer, lock_customer
from customers.services.money.booking_rules import check_new_booking, stamp_booking
from customers.services.saving import save_by_subject
from customers.services.writing import (
    Write,
    check_live,
    check_rev,
    copy_of,
    mark_archived,
)

_Model = TypeVar("_Model", bound=models.Model)
_Archivable = TypeVar("_Archivable", bound=ArchiveMarks)


@transaction.atomic
def create_instance(
    model: type[_Model],
    *,
    business_id: UUID,
    actor: Actor,
    reason: str | None = None,
    **values: object,
) -> _Model:
    """Create an instance in a business; `values` are columns that users may write.

    The caller has checked that foreign keys name rows of the same business. Raises
    ValidationError, with the field, for a broken rule, and as `Write` does.
    """
    instance = model(business_id=business_id, **values)
    if isinstance(customer := values.get("customer"), Customer):
        attach_customer(customer, instance)
    _check_live(instance)
    _move_primary(instance, actor=actor, reason=reason)
    _check(instance)
    save_by_subject(Write(instance, actor=actor, reason=reason))
    return instance


@transaction.atomic
def update_instance(
    instance: _Model,
    *,
    actor: Actor,
    expected_rev: int | None = None,
    reason: str | None = None,
    **changes: object,
) -> _Model:
    """Change the named columns of an instance.

    The row is locked and read again; without a difference nothing is written. Raises
    ValidationError `stale_version` when it is no longer at `expected_rev`, `archived`
    for an archived one, and otherwise as `create_instance`.
    """
    write = _locked(instance, expected_rev, actor=actor, reason=reason)
    current, stored = write.instance, copy_of(write.instance)
    if getattr(current, "is_archived", False):
        msg = _("This is archived. Restore it first.")
        raise ValidationError(msg, code="archived")
    for name, value in changes.items():
        setattr(current, name, value)
    _move_primary(current, actor=actor, reason=reason)
    _check(current, stored)
    if not changed_columns(current, stored):
        return stored
    save_by_subject(write)
    return current


@transaction.atomic
def archive_instance(
    instance: _Archivable, *, actor: Actor, reason: str, expected_rev: int | None = None
) -> _Archivable:
    """Archive an instance.

    Raises ValidationError when it is archived already, and as `update_instance` does.
    """
    write = _locked(instance, expected_rev, actor=actor, reason=reason, verb="archived")
    current = write.instance
    if current.is_archived:
        msg = _("This is archived already.")
        raise ValidationError(msg, code="already_archived")
    mark_archived(current, actor=actor, reason=reason)
    save_by_subject(write)
    return current


@transaction.atomic
def restore_instance(
    instance: _Archivable, *, actor: Actor, reason: str, expected_rev: int | None = None
) -> _Archivable:
    """Restore an archived instance.

    Raises ValidationError when it is not archived, `restore_conflict` when another one
    has its unique values, and as `update_instance` does.
    """
    write = _locked(instance, expected_rev, actor=actor, reason=reason, verb="restored")
    current = write.instance
    if not current.is_archived:
        msg = _("This is not archived.")
        raise ValidationError(msg, code="not_archived")
    current.archived_at = current.archived_by_id = current.archive_reason = None
    try:
        _check(current, write.stored)
    except ValidationError as error:
        # Of a rule about other rows, which has no code of its own.
        about_others = error.update_error_dict({}).get(NON_FIELD_ERRORS, ())
        if [detail.code for detail in about_others] == [None]:
            sentence = " ".join(error.messages)
            raise ValidationError(sentence, code="restore_conflict") from error
        raise
    save_by_subject(write)
    return current


def _move_primary(instance: models.Model, *, actor: Actor, reason: str | None) -> None:
    """Let a primary address take the place of the former one, if there is one.

    Locks the customer, so that two at once leave one.
    """
    if not isinstance(instance, Address) or not instance.is_primary:
        return
    customer = lock_customer(instance.customer_id)
    addresses = Address.objects.select_for_update(no_key=True).filter(
        business=instance.business_id,
        customer=instance.customer_id,
        is_primary=True,
        archived_at=None,
    )
    former = addresses.exclude(pk=instance.pk).first()
    if former is not None:
        stored = copy_of(former)
        former.is_primary = False
        write = Write(
            former, actor=actor, reason=reason, stored=stored, customer=customer
        )
        save_by_subject(write)


def _check(instance: models.Model, stored: models.Model | None = None) -> None:
    """Raise ValidationError unless the instance keeps the rules of its model.

    Without columns that are set when it is saved, and the business, which the caller
    has looked up.
    """
    if isinstance(instance, Booking):
        stamp_booking(instance)
        if instance._state.adding:
            check_new_booking(instance)
    hidden = {f.name for f in instance._meta.fields if not f.editable}
    clean_instance(instance, stored, exclude=hidden | {"business"})


def _check_live(instance: object) -> None:
    """Raise ValidationError for an instance of an archived or erased customer."""
    about = instance.ticket if isinstance(instance, TicketMessage) else instance
    customer = getattr(about, "customer", None)
    if customer is not None:
        check_live(customer)


def _locked(
    instance: _Model,
    expected_rev: int | None,
    *,
    actor: Actor,
    reason: str | None,
    verb: str = "",
) -> Write[_Model]:
    """Lock an instance after its customer: the lock order of all writes."""
    meta = instance._meta
    permission = f"{meta.app_label}.change_{meta.model_name}"
    queryset = list_visible(type(instance), actor=actor, permission=permission)
    customer_id = getattr(instance, "customer_id", None)
    customer = lock_customer(customer_id) if customer_id else None
    current: Any = queryset.select_for_update(no_key=True).get(pk=instance.pk)
    if customer is not None and customer.pk == current.customer_id:
        attach_customer(customer, current)
    else:
        # It has moved to another customer meanwhile.
        customer = None
    _check_live(current)
    check_rev(current, expected_rev)
    stored = copy_of(current)
    return Write(
        current,
        actor=actor,
        reason=reason,
        verb=verb,
        stored=stored,
        customer=customer,
    )
