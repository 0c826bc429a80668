"""Writing preferences, flags and consent events of a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers.choices import FLAG_VERIFIED, ConsentAction, Purpose
from customers.models import ConsentEvent, Customer, Flag, Preferences
from customers.selectors.customers import list_visible
from customers.services.constraints import changed_columns, clean_instance
from customers.services.locking import attach_customer, lock_customer
from customers.services.writing import Write, copy_of, save_plainly

# The columns that users write, in the order of forms and answers.
PREFERENCES_COLUMNS = (
    "prefer_sms",
    "prefer_email",
    "prefer_call",
    "favorite_products",
    "preferred_categories",
    "preferred_payment",
    "average_spend",
    "best_contact_time",
    "do_not_contact",
    "can_receive_offers",
    "can_receive_loyalty",
)
VERIFY = "customers.verify_customer"


@transaction.atomic
def update_preferences(
    customer: Customer,
    *,
    actor: Actor,
    reason: str | None = None,
    is_locked: bool = False,
    **changes: Any,
) -> Preferences:
    """Change the named preferences.

    With `is_locked` the caller has locked the customer. Raises ValidationError, with
    the field, for a wrong value.
    """
    actor.require_perm(customer.business_id, "customers.change_preferences")
    if unknown := sorted(changes.keys() - set(PREFERENCES_COLUMNS)):
        msg = _("Preferences have no %(names)s.") % {"names": ", ".join(unknown)}
        raise ValidationError(msg, code="unknown_field")
    # The customer first: the lock order of all writes.
    locked = customer if is_locked else lock_customer(customer.pk)
    preferences = Preferences.objects.select_for_update(no_key=True).get(
        customer=customer
    )
    attach_customer(locked, preferences)
    stored = copy_of(preferences)
    for name, value in changes.items():
        setattr(preferences, name, value)
    clean_instance(preferences, stored)
    if not changes.keys() & changed_columns(preferences, stored):
        return stored
    save_plainly(
        Write(preferences, actor=actor, reason=reason, stored=stored, customer=locked)
    )
    return preferences


def list_flags(customer: Customer, *, actor: Actor) -> QuerySet[Flag]:
    """Return the current flags of a customer, by code."""
    flags = list_visible(Flag, actor=actor).filter(customer=customer, removed_at=None)
    return flags.order_by("code")


@transaction.atomic
def add_flag(customer: Customer, code: str, *, actor: Actor, reason: str) -> Flag:
    """Add a flag to a customer.

    Raises ValidationError `already_flagged` when it is there already.
    """
    flag = Flag(business=customer.business, customer=customer, code=code, reason=reason)
    try:
        clean_instance(flag)
    except ValidationError as error:
        if "code" not in error.update_error_dict({}):
            # The one rule about other rows.
            sentence = " ".join(error.messages)
            raise ValidationError(sentence, code="already_flagged") from error
        raise
    save_flag(Write(flag, actor=actor, reason=reason))
    return flag


@transaction.atomic
def remove_flag(customer: Customer, code: str, *, actor: Actor, reason: str) -> Flag:
    """Remove a flag. Raises ValidationError when the customer does not have it."""
    actor.require_perm(customer.business_id, "customers.change_flag")
    locked = lock_customer(customer.pk)
    flags = Flag.objects.select_for_update(no_key=True)
    flag = flags.filter(customer=customer, code=code, removed_at=None).first()
    if flag is None:
        msg = _("The customer has no such flag.")
        raise ValidationError(msg, code="no_such_flag")
    stored = copy_of(flag)
    flag.removed_at = timezone.now()
    flag.removed_by_id = actor.user_id
    flag.removed_reason = reason
    save_flag(Write(flag, actor=actor, reason=reason, stored=stored, customer=locked))
    return flag


def save_flag(write: Write[Flag]) -> None:
    """Write a flag; a new one is by the actor.

    Raises PermissionDenied for the flag `verified`, without the permission to verify.
    """
    codes = [flag.code for flag in (write.instance, write.stored) if flag is not None]
    if FLAG_VERIFIED in [code.lower() for code in codes if code]:
        write.actor.require_perm(write.business_id, VERIFY)
    if write.is_new:
        write.instance.added_by_id = write.instance.added_by_id or write.actor.user_id
    save_plainly(write)


@transaction.atomic
def record_consent(
    customer: Customer,
    *,
    actor: Actor,
    purpose: str,
    action: str,
    channel: str | None = None,
    **proof: Any,
) -> ConsentEvent:
    """Record a consent event. `proof` are further columns of `ConsentEvent`.

    Raises ValidationError for one in the future, and for an unknown purpose: rules ask
    about known ones alone, so that it would count for nothing.
    """
    if purpose.lower() not in Purpose.values:
        msg = _("Send one of %(names)s.") % {"names": ", ".join(Purpose.values)}
        raise ValidationError({"purpose": ValidationError(msg, "invalid_choice")})
    event = ConsentEvent(
        business=customer.business,
        customer=customer,
        purpose=purpose,
        channel=channel,
        action=action,
        **proof,
    )
    clean_instance(event)
    save_consent(Write(event, actor=actor))
    return event


def record_opt_outs(
    customers: Sequence[Customer], *, actor: Actor, method: str
) -> None:
    """Record a no to marketing of many customers, on every channel; two statements.

    The caller has checked that the actor may, and refreshes figures.
    """
    if not customers:
        return
    events = ConsentEvent.objects.filter(
        customer__in=customers, purpose=Purpose.MARKETING
    )
    in_order = events.order_by("occurred_at", "id")
    newest = dict(in_order.values_list("customer_id", "action"))
    ConsentEvent.objects.bulk_create(
        ConsentEvent(
            business_id=customer.business_id,
            customer=customer,
            purpose=Purpose.MARKETING,
            action=ConsentAction.WITHDRAWN
            if newest.get(customer.pk) == ConsentAction.GIVEN
            else ConsentAction.REFUSED,
            method=method,
            recorded_by_id=actor.user_id,
            operation_id=actor.operation.id,
        )
        for customer in customers
    )


def save_consent(write: Write[ConsentEvent]) -> None:
    """Write a consent event, with who recorded it and in which operation."""
    write.instance.recorded_by_id = write.instance.recorded_by_id or write.actor.user_id
    write.instance.operation_id = write.actor.operation.id
    save_plainly(write)
