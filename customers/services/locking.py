"""Locks on customers: who writes what belongs to a customer locks that one first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from customers.models import Customer, CustomerStats

_Model = TypeVar("_Model", bound=Model)


def locking(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Return a queryset that locks the customers until the commit.

    It annotates `has_figures` (is there a row of figures?), for `refresh_locked`.
    """
    # NO KEY: a plain FOR UPDATE would deadlock with two inserted children, each of
    # which holds a key share lock on the customer.
    locked = customers.select_for_update(of=("self",), no_key=True)
    stats = CustomerStats.objects.filter(customer=OuterRef("pk"))
    return locked.annotate(has_figures=Exists(stats))  # type: ignore[no-redef]  # for refresh_locked


def lock_customer(pk: UUID) -> Customer:
    """Lock a customer until the commit, and return it as it is now."""
    return locking(Customer.objects.select_related("business")).get(pk=pk)


def lock_stored(instance: _Model) -> tuple[Customer | None, _Model]:
    """Lock an instance until the commit, after its customer; return both as stored."""
    customer_id = getattr(instance, "customer_id", None)
    customer = lock_customer(customer_id) if customer_id else None
    locked = type(instance)._base_manager.select_for_update(no_key=True)
    return customer, locked.get(pk=instance.pk)


def attach_customer(customer: Customer, instance: Any) -> None:
    """Set the locked customer on an instance, and the business if it is the same."""
    instance.customer = customer
    if instance.business_id == customer.business_id:
        instance.business = customer.business


def lock_customers(customer_ids: Iterable[UUID]) -> None:
    """Lock customers in key order until the commit."""
    ids = list(customer_ids)
    if ids:
        customers = Customer.objects.filter(pk__in=ids).order_by("pk")
        # Evaluated for the lock alone.
        list(customers.select_for_update(no_key=True).values_list("pk"))
