"""Revealing contact data in clear, for a reason, if the role allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils.translation import gettext as _

from audit import log
from audit.privacy.masking import REVEAL, SEE_UNMASKED
from audit.tenancy.actors import Actor
from customers.models import Address, Contact, Customer
from customers.selectors.customers import list_visible

_Model = TypeVar("_Model", bound=models.Model)
# The newest of each kind; more than any customer has.
_MOST = 100


@dataclass(frozen=True)
class ContactData:
    """The contact data of a customer, unmasked."""

    customer: Customer
    addresses: list[Address]
    contacts: list[Contact]


def require_reveal(customer: Customer, *, actor: Actor) -> None:
    """Raise PermissionDenied unless the actor may see contact data here in clear."""
    if not any(
        actor.has_perm(permission, customer.business_id)
        for permission in (REVEAL, SEE_UNMASKED)
    ):
        msg = _("Your role sees contact data masked.")
        raise PermissionDenied(msg)


@transaction.atomic
def reveal_customer(customer: Customer, *, actor: Actor, reason: str) -> ContactData:
    """Return a customer's contact data in clear, and record who read it and why.

    The caller has required step-up. Raises PermissionDenied.
    """
    require_reveal(customer, actor=actor)
    log.record_reveal(customer, actor=actor, subject=customer.pk, reason=reason)
    return ContactData(
        customer,
        _contact_data(customer, Address, actor),
        _contact_data(customer, Contact, actor),
    )


def _contact_data(
    customer: Customer, model: type[_Model], actor: Actor
) -> list[_Model]:
    records = list_visible(model, actor=actor).filter(
        business=customer.business_id, customer=customer, archived_at=None
    )
    return list(records[:_MOST])
