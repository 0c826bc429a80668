"""Selectors: every page, endpoint and command starts from one of these."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit.history.querysets import ScopedQuerySet
from audit.privacy.masking import SEE_UNMASKED
from audit.tenancy.actors import Actor
from customers.choices import CustomerStatus
from customers.metrics import NEW_FOR
from customers.models import (
    Business,
    Customer,
    CustomerIndex,
    CustomerQuerySet,
    Membership,
)
from customers.models.customer_index import order_by_name, sees_clear_in

_Model = TypeVar("_Model", bound=models.Model)
SEE_CUSTOMERS = "customers.view_customer"
# Archived customers may share an external id; nobody has so many of them.
_MAX_MATCHES = 50
# So many businesses can be named one by one.
MOST_NAMED = 100


def list_visible(
    model: type[_Model], *, actor: Actor, permission: str = ""
) -> ScopedQuerySet[_Model]:
    """Return what the actor may see of a table, archived instances included.

    With `permission` only of businesses where the actor has it.
    """
    queryset = model._default_manager.all()
    if not isinstance(queryset, ScopedQuerySet):
        msg = f"{model._meta.label} has no scoped queryset."
        raise TypeError(msg)
    return queryset.visible_to(actor, permission)


def list_by_index(
    model: type[_Model], *, actor: Actor, permission: str = ""
) -> ScopedQuerySet[_Model]:
    """Return what the actor may see of a table, to look up a value in it.

    Its indexes begin with the business: for whoever sees all of them each is named.
    """
    queryset = list_visible(model, actor=actor, permission=permission)
    if actor.business_ids is not None:
        return queryset
    businesses = list_businesses(actor=actor).order_by("pk")
    named = [*businesses.values_list("pk", flat=True)[: MOST_NAMED + 1]]
    is_short = len(named) <= MOST_NAMED
    return queryset.filter(business_id__in=named) if is_short else queryset


def list_businesses(*, actor: Actor, permission: str = "") -> ScopedQuerySet[Business]:
    """Return the businesses that the actor works for, or may do this in."""
    return list_visible(Business, actor=actor, permission=permission)


def list_memberships(*, actor: Actor) -> QuerySet[Membership]:
    """Return who works where now, in the businesses whose people the actor may see."""
    memberships = list_visible(Membership, actor=actor).filter(ended_at=None)
    return memberships.select_related("user", "business").order_by(
        "business__name", "role", "user__username"
    )


def get_business(reference: str, *, actor: Actor, permission: str = "") -> Business:
    """Return one business by UUID or slug; DoesNotExist for missing and foreign.

    With `permission` also for one where the actor lacks it.
    """
    businesses = Business.objects.visible_to(actor, permission)
    return businesses.by_reference(reference).get()


def list_customers(
    *,
    actor: Actor,
    business_id: UUID | None = None,
    search: str = "",
    customer_type: str = "",
    status: str = "",
    projection: str = "",
) -> CustomerQuerySet:
    """Return the live customers the actor may see, newest first.

    With `projection` as `list_by_projection` does.
    """
    if projection:
        customers = list_by_projection(projection, actor=actor, business_id=business_id)
    else:
        customers = Customer.objects.visible_to(actor)
        if business_id is not None:
            customers = customers.filter(business_id=business_id)
    customers = customers.live()
    if search:
        customers = match_customers(customers, search, actor=actor)
    if customer_type:
        customers = customers.filter(customer_type=customer_type)
    if status:
        customers = customers.filter(status=status)
    return customers


def get_customer(
    reference: UUID | str, *, actor: Actor, business_id: UUID | None = None
) -> Customer:
    """Return one live customer; raises as `find_customer` does.

    Foreign ones are as missing as any.
    """
    customers = list_customers(actor=actor, business_id=business_id)
    return find_customer(str(reference), customers=customers.for_list())


def list_archived_customers(*, actor: Actor, search: str = "") -> CustomerQuerySet:
    """Return the archived customers the actor may see, newest first."""
    customers = Customer.objects.visible_to(actor).filter(erased_at=None)
    customers = customers.exclude(archived_at=None)
    if search:
        customers = match_customers(customers, search, actor=actor)
    return customers


def match_customers(
    customers: CustomerQuerySet, search: str, *, actor: Actor
) -> CustomerQuerySet:
    """Return the customers that match, contact data where the actor sees it."""
    matches = CustomerIndex.objects.visible_to(actor).matching(search, actor=actor)
    return customers.filter(pk__in=matches.values("pk"))


def find_customer(
    reference: str, *, customers: QuerySet[Customer], business_id: UUID | None = None
) -> Customer:
    """Return one of these customers by UUID, reference or external id.

    What is unique comes first, and a live customer before an archived one. Raises
    DoesNotExist, and ValidationError `business_needed` when customers of two businesses
    have the external id.
    """
    if business_id is not None:
        customers = customers.filter(business=business_id)
    # Nobody's name is empty; in a query it would be everybody without one.
    if not reference:
        raise Customer.DoesNotExist
    matches = list(customers.filter(_unique(reference))[:_MAX_MATCHES])
    matches = matches or list(customers.filter(external_id=reference)[:_MAX_MATCHES])
    matches = [match for match in matches if not match.is_archived] or matches
    if not matches:
        raise Customer.DoesNotExist
    if len({match.business_id for match in matches}) > 1:
        msg = "Customers of two businesses have this id. Name one in X-Business."
        raise ValidationError(msg, code="business_needed")
    return matches[0]


def is_colleague(user_id: UUID, *, business_id: UUID) -> bool:
    """Tell whether somebody works for a business now."""
    memberships = Membership.objects.filter(user=user_id, business=business_id)
    return memberships.filter(ended_at=None).exists()


def get_working_business(reference: str, *, actor: Actor, permission: str) -> Business:
    """Return the business that a request without one in its path is about.

    The named one, else the actor's default, else the only one. Raises DoesNotExist for
    a missing or foreign one, ValidationError where one has to be named.
    """
    if reference:
        return get_business(reference, actor=actor, permission=permission)
    businesses = list_businesses(actor=actor, permission=permission)
    default = Membership.objects.filter(
        business=OuterRef("pk"), user=actor.user_id, is_default=True, ended_at=None
    )
    ordered = businesses.annotate(is_default=Exists(default))
    some = list(ordered.order_by("-is_default", "name", "id")[:2])
    if some and (some[0].is_default or len(some) == 1):
        return some[0]
    msg = "You work for several businesses, or for none. Name one in X-Business."
    raise ValidationError(msg, code="business_needed")


def with_order_name(
    customers: CustomerQuerySet, *, actor: Actor, business_id: UUID | None = None
) -> CustomerQuerySet:
    """Return customers with `order_name`, their name as far as the actor sees it.

    Null for a name that is an address, where it is masked: its position would disclose
    it letter by letter. `business_id` is that of all of them, if they have one.
    """
    name = order_by_name(sees_clear_in(actor, business_id))
    return customers.alias(order_name=name)


def list_by_projection(
    projection: str, *, actor: Actor, business_id: UUID | None = None
) -> CustomerQuerySet:
    """Return what the actor may see of the customers, to be sorted by a column of it.

    `projection` is `stats` or `index`. The same customers as of `list_visible`, or
    those of one business. But the database finds them by the business of that table, so
    that it reads an index of it in its order: otherwise it would read all customers and
    sort them, twenty times slower for a hundred thousand.
    """
    ids = actor.businesses_for(SEE_CUSTOMERS)
    if business_id is not None:
        ids = frozenset({business_id} if ids is None else {business_id} & ids)
    if ids is None:
        return Customer.objects.all()
    # An expression, for which no index is chosen.
    business = Coalesce("business_id", "business_id")
    customers = Customer.objects.alias(_business=business).filter(_business__in=ids)
    return customers.filter(**{f"{projection}__business_id__in": ids})


_HUB_SORTED = {
    "name": "order_name",
    "email": "email_key",
    "created_at": "created_at",
    "total_orders": "stats__total_orders",
    "total_ltv": "stats__total_spent",
    "last_active": "stats__last_active_at",
}


def list_hub_customers(
    *,
    actor: Actor,
    business: Business,
    search: str = "",
    status: str = "",
    sort_by: str = "created_at",
    is_descending: bool = True,
) -> CustomerQuerySet:
    """Return the customers of one business with their figures.

    `status` is a stored one, `new`, or `archived`; without it the live ones. Sorting by
    an address that the actor sees masked is sorting by nothing.
    """
    if status == "archived":
        archived = list_archived_customers(actor=actor, search=search)
        customers = archived.filter(business=business)
    else:
        stored = status if status in CustomerStatus.values else ""
        customers = list_customers(
            actor=actor,
            business_id=business.pk,
            search=search,
            status=stored,
            projection="index" if sort_by == "name" else "",
        )
    if status == "new":
        customers = customers.filter(joined_at__gt=timezone.now() - NEW_FOR)
    customers = customers.select_related("business", "stats")
    if sort_by == "email" and not actor.has_perm(SEE_UNMASKED, business.pk):
        sort_by = "created_at"
    order = _ordered(_HUB_SORTED[sort_by], is_descending=is_descending)
    customers = with_order_name(customers, actor=actor, business_id=business.pk)
    return customers.order_by(order, "pk")


_SORTED = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "name": "order_name",
    "total_spent": "stats__total_spent",
    "total_purchases": "stats__total_purchases",
}


def list_detailed_customers(
    *,
    actor: Actor,
    business: Business,
    search: str = "",
    customer_type: str = "",
    is_active: bool | None = None,
    sort_by: str = "created_at",
    is_descending: bool = True,
) -> CustomerQuerySet:
    """Return the live customers of one business with all that an endpoint answers."""
    customers = list_customers(
        actor=actor,
        business_id=business.pk,
        search=search,
        customer_type=customer_type,
        projection="index" if sort_by == "name" else "",
    ).with_details()
    if is_active is not None:
        active = Q(status=CustomerStatus.ACTIVE)
        customers = customers.filter(active if is_active else ~active)
    order = _ordered(_SORTED[sort_by], is_descending=is_descending)
    customers = with_order_name(customers, actor=actor, business_id=business.pk)
    return customers.order_by(order, "pk")


def get_detailed_customer(
    reference: str, *, actor: Actor, business: Business
) -> Customer:
    """Return one live customer of a business with all that an endpoint answers.

    Raises as `get_customer` does.
    """
    customers = list_customers(actor=actor, business_id=business.pk).with_details()
    return find_customer(reference, customers=customers)


def get_repeat_customers(
    *, actor: Actor, business_id: UUID | None = None
) -> CustomerQuerySet:
    """Return live customers with two purchases or more, those with most first."""
    customers = list_customers(actor=actor, business_id=business_id)
    repeat = customers.filter(stats__is_repeat_customer=True).for_list()
    return repeat.order_by("-stats__total_purchases", "-stats__total_spent", "pk")


def _ordered(column: str, *, is_descending: bool) -> OrderBy:
    """Return a column to sort by; null comes last both ways, on both engines."""
    if is_descending:
        return F(column).desc(nulls_last=True)
    return F(column).asc(nulls_last=True)


def _unique(reference: str) -> Q:
    """Return who has this id, which nobody else of a business can have."""
    try:
        return Q(pk=models.UUIDField().to_python(reference))
    except ValidationError:
        return Q(unique_id=reference.upper())
