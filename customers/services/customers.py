"""Creating, changing and saving customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.emails import fold_email
from audit.tenancy.actors import Actor
from customers.choices import BY_STAFF, ContactKind, CustomerStatus
from customers.models import Address, Business, Contact, Customer, Preferences
from customers.selectors.customers import list_visible
from customers.services.constraints import changed_columns, clean_instance
from customers.services.locking import locking
from customers.services.preferences import update_preferences
from customers.services.stats import begin_stats
from customers.services.writing import (
    Write,
    check_live,
    check_not_erased,
    check_rev,
    copy_of,
    mark_archived,
    save_plainly,
)

# The column that a broken constraint is about; Django blames none of several.
_ABOUT = {
    "one_live_customer_per_email": "email",
    "one_live_customer_per_external_id": "external_id",
}
_PREFERENCES = frozenset({"prefer_sms", "prefer_email", "prefer_call"})
# The columns that users write, in the order of forms and answers.
CUSTOMER_COLUMNS = (
    "name",
    "email",
    "is_email_verified",
    "phone",
    "customer_type",
    "status",
    "signup_method",
    "source",
    "location",
    "external_id",
    "joined_at",
)


@transaction.atomic
def create_customer(
    business: Business,
    *,
    actor: Actor,
    name: str,
    address: str | None = None,
    addresses: Iterable[Mapping[str, Any]] = (),
    reason: str | None = None,
    **columns: Any,
) -> Customer:
    """Create a customer with preferences and figures, in one transaction.

    `columns` are those of `Customer`, the three `prefer_…` and `is_active`; `address`
    is stored as typed, `addresses` are columns of `Address`. Raises ValidationError,
    with the field, for a broken rule.
    """
    preferences = {key: columns.pop(key) for key in _PREFERENCES & columns.keys()}
    if not columns.pop("is_active", True):
        columns["status"] = CustomerStatus.INACTIVE
    _check_columns(columns)
    origin = {"source": BY_STAFF, "signup_method": BY_STAFF}
    customer = Customer(business=business, name=name, **{**origin, **columns})
    clean_instance(customer, about=_ABOUT)
    save_customer(Write(customer, actor=actor, reason=reason))
    if preferences:
        update_preferences(
            customer, actor=actor, reason=reason, is_locked=True, **preferences
        )
    if address:
        primary = Address(
            business=business, customer=customer, raw=address, is_primary=True
        )
        save_plainly(Write(primary, actor=actor, reason=reason, customer=customer))
    for values in addresses:
        further = Address(business=business, customer=customer, **values)
        clean_instance(further)
        save_plainly(Write(further, actor=actor, reason=reason, customer=customer))
    return customer


@transaction.atomic
def update_customer(
    customer: Customer,
    *,
    actor: Actor,
    reason: str | None = None,
    expected_rev: int | None = None,
    **changes: Any,
) -> Customer:
    """Change the named columns of a customer.

    `changes` are columns of `Customer`, the three `prefer_…`, `is_active`, and
    `address`: the primary one as a text, None to archive it. The row is locked and
    read again. Raises ValidationError `stale_version` when it is no longer at
    `expected_rev`, and with the field for a broken rule.
    """
    preferences = {key: changes.pop(key) for key in _PREFERENCES & changes.keys()}
    has_address, address = "address" in changes, changes.pop("address", None)
    is_active = changes.pop("is_active", None)
    _check_columns(changes)
    customer = _locked(customer.pk, actor=actor)
    check_rev(customer, expected_rev)
    if is_active is not None and is_active != customer.is_active:
        changes["status"] = _status(customer, is_active=is_active)
    stored = copy_of(customer)
    for name, value in changes.items():
        setattr(customer, name, value)
    clean_instance(customer, stored, about=_ABOUT)
    if changes.keys() & changed_columns(customer, stored):
        save_customer(
            Write(
                customer, actor=actor, reason=reason, stored=stored, customer=customer
            )
        )
    if preferences:
        update_preferences(
            customer, actor=actor, reason=reason, is_locked=True, **preferences
        )
    if has_address:
        _set_address(customer, address, actor=actor, reason=reason)
    return customer


def save_customer(write: Write[Customer]) -> None:
    """Write a customer; a new one gets preferences and figures."""
    customer, stored = write.instance, write.stored
    if stored is None:
        write.save()
        # The three records of the requirement: customer, preferences, figures.
        preferences = Preferences(customer=customer, business_id=customer.business_id)
        preferences.as_actor(write.actor, reason=write.reason).save(savepoint=False)
        begin_stats(customer)
        return
    # As stored: no change undoes an erasure.
    check_not_erased(stored)
    write.save()
    # By the address: a key of before may be an older spelling of the same one.
    if stored.email and fold_email(stored.email) != customer.email_key:
        former = former_email(customer, stored.email)
        former.as_actor(write.actor, reason=write.reason).save(savepoint=False)
    write.refresh()


def former_email(customer: Customer, email: str | None) -> Contact:
    """Return an unsaved contact by which a former e-mail still finds the customer."""
    return Contact(
        business=customer.business,
        customer=customer,
        kind=ContactKind.EMAIL,
        email=email,
        valid_to=timezone.now(),
    )


def _locked(pk: UUID, *, actor: Actor) -> Customer:
    queryset = list_visible(
        Customer, actor=actor, permission="customers.change_customer"
    )
    customer: Customer = locking(queryset.select_related("business")).get(pk=pk)
    check_live(customer)
    return customer


def _status(customer: Customer, *, is_active: bool) -> str:
    if customer.status == CustomerStatus.BLOCKED:
        # `is_active=False` must not unblock a blocked customer.
        msg = _("This customer is blocked. Change the status itself to unblock them.")
        raise ValidationError(msg, code="blocked")
    return CustomerStatus.ACTIVE if is_active else CustomerStatus.INACTIVE


def _set_address(
    customer: Customer, text: str | None, *, actor: Actor, reason: str | None
) -> None:
    """Set the primary address to a text, or archive it; its history stays."""
    addresses = Address.objects.filter(customer=customer, is_primary=True)
    addresses = addresses.filter(archived_at=None).select_for_update(no_key=True)
    stored = addresses.first()
    if stored is None and not text:
        return
    new = Address(business=customer.business, customer=customer, is_primary=True)
    address, verb = new if stored is None else copy_of(stored), ""
    if not text:
        verb, reason = "archived", reason or "address removed"
        mark_archived(address, actor=actor, reason=reason)
    elif address.as_text == text:
        return
    else:
        for name in ("line1", "line2", "city", "region", "postal_code", "country"):
            setattr(address, name, None)
        address.raw = text
        clean_instance(address, stored)
    write = Write(
        address, actor=actor, reason=reason, verb=verb, stored=stored, customer=customer
    )
    save_plainly(write)


def _check_columns(columns: dict[str, object]) -> None:
    if unknown := sorted(columns.keys() - set(CUSTOMER_COLUMNS)):
        names = ", ".join(unknown)
        msg = _("A customer has no %(names)s that can be set.") % {"names": names}
        raise ValidationError(msg, code="unknown_field")
