"""Setting status or type, and adding or removing a flag, for many customers at once.

As `archiving`: each `…_batch` takes a constant number of statements, leaves those out
who cannot be changed or need no change, and returns how many were changed. `skipped_…`
say beforehand who is left out, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.tenancy.actors import Actor
from customers.choices import (
    FLAG_VERIFIED,
    CustomerStatus,
    CustomerType,
    within_sentence,
)
from customers.models import Customer, Flag
from customers.models.customer import LIVE
from customers.selectors.customers import list_visible
from customers.services.archiving import BULK
from customers.services.figure_kinds import figures_from
from customers.services.locking import locking
from customers.services.preferences import VERIFY
from customers.services.stats import refresh_locked

CHANGE = "customers.change_customer"
ADD_FLAG, CHANGE_FLAG = "customers.add_flag", "customers.change_flag"
_LONGEST_CODE = 50

# Why somebody is left out, by key.
Skipped = dict[UUID, str]


@transaction.atomic
def set_status_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, status: str
) -> int:
    """Set the status of live customers who have another one."""
    if status not in CustomerStatus.values:
        raise ValidationError(
            {"status": ValidationError(_("No such status."), "invalid")}
        )
    return _set_column(ids, "status", status, actor=actor, reason=reason)


@transaction.atomic
def set_type_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, customer_type: str
) -> int:
    """Set the type of live customers who have another one; empty is not classified."""
    if customer_type not in {*CustomerType.values, ""}:
        error = ValidationError(_("No such type."), "invalid")
        raise ValidationError({"customer_type": error})
    value = customer_type or None
    return _set_column(ids, "customer_type", value, actor=actor, reason=reason)


@transaction.atomic
def add_flag_batch(ids: Iterable[UUID], *, actor: Actor, reason: str, code: str) -> int:
    """Add a flag to customers who do not have it."""
    check_flag_code(code)
    code = code.lower()
    permission = VERIFY if code.lower() == FLAG_VERIFIED else ADD_FLAG
    customers = _locked(_changeable(actor, permission), ids, actor)
    # Asked once they are locked.
    current = Flag.objects.filter(customer__in=customers, code=code, removed_at=None)
    having = set(current.values_list("customer_id", flat=True))
    customers = [customer for customer in customers if customer.pk not in having]
    flags = [
        Flag(
            business_id=customer.business_id,
            customer=customer,
            code=code,
            reason=reason,
            added_by_id=actor.user_id,
        )
        for customer in customers
    ]
    Flag.objects.as_actor(actor, reason=reason).bulk_create(flags)
    _finish(customers, "flag.created", {"code": code}, actor=actor, reason=reason)
    refresh_locked(customers, figures_from(Flag))
    return len(customers)


@transaction.atomic
def remove_flag_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, code: str
) -> int:
    """Remove a flag from customers who have it."""
    check_flag_code(code)
    permission = VERIFY if code.lower() == FLAG_VERIFIED else CHANGE_FLAG
    customers = _locked(_changeable(actor, permission).filter(_has(code)), ids, actor)
    current = Flag.objects.filter(
        customer__in=customers, code=code, removed_at=None
    ).order_by("pk")
    keys = [*current.select_for_update(no_key=True).values_list("pk", flat=True)]
    Flag.objects.as_actor(actor, reason=reason).update_locked(
        keys,
        removed_at=timezone.now(),
        removed_by_id=actor.user_id,
        removed_reason=reason,
    )
    _finish(customers, "flag.changed", {"code": code}, actor=actor, reason=reason)
    refresh_locked(customers, figures_from(Flag, {"removed_at"}))
    return len(customers)


def check_flag_code(code: str) -> None:
    """Raise ValidationError, with the field, unless this may be the code of a flag."""
    try:
        validate_slug(code)
    except ValidationError as error:
        raise ValidationError({"code": error}) from error
    if len(code) > _LONGEST_CODE:
        msg = _("At most %(limit)s letters.") % {"limit": _LONGEST_CODE}
        too_long = ValidationError(msg, "max_length")
        raise ValidationError({"code": too_long})


def skipped_by_status(customers: QuerySet[Customer], status: str) -> Skipped:
    """Return who is left out when this status is set."""
    label = CustomerStatus(status).label
    why = _("%(status)s already") % {"status": within_sentence(label)}
    return _skipped(customers, Q(status=status), why)


def skipped_by_type(customers: QuerySet[Customer], customer_type: str) -> Skipped:
    """Return who is left out when this type is set."""
    condition = Q(customer_type=customer_type or None)
    return _skipped(customers, condition, _("of this type already"))


def skipped_by_flag(customers: QuerySet[Customer], flag: str) -> Skipped:
    """Return who is left out when this flag is added."""
    return _skipped(customers, _has(flag), _("have this flag already"))


def skipped_without_flag(customers: QuerySet[Customer], flag: str) -> Skipped:
    """Return who is left out when this flag is removed."""
    return _skipped(customers, ~_has(flag), _("do not have this flag"))


def _skipped(customers: QuerySet[Customer], condition: Q, why: str) -> Skipped:
    customers = customers.order_by()
    archived, erased = Q(archived_at__isnull=False), Q(erased_at__isnull=False)
    skipped: Skipped = {}
    # The last one that is true is what is said.
    reasons = [(condition, why), (archived, _("archived")), (erased, _("erased"))]
    for each, text in reasons:
        skipped |= dict.fromkeys(
            customers.filter(each).values_list("pk", flat=True), text
        )
    return skipped


def _has(code: str) -> Q:
    flags = Flag.objects.filter(customer=OuterRef("pk"), code=code, removed_at=None)
    return Q(Exists(flags))


def _changeable(actor: Actor, permission: str) -> QuerySet[Customer]:
    """Return the live customers whom the actor may change so."""
    return list_visible(Customer, actor=actor, permission=permission).filter(LIVE)


def _locked(
    customers: QuerySet[Customer], ids: Iterable[UUID], actor: Actor
) -> list[Customer]:
    """Return those of the customers that are in `ids`, locked.

    One alone needs no permission `bulk`.
    """
    chosen = set(ids)
    customers = customers.filter(pk__in=chosen)
    if len(chosen) > 1:
        ids_in_bulk = actor.businesses_for(BULK)
        if ids_in_bulk is not None:
            customers = customers.filter(business_id__in=ids_in_bulk)
    return list(locking(customers.order_by("pk")))


def _set_column(
    ids: Iterable[UUID], column: str, value: str | None, *, actor: Actor, reason: str
) -> int:
    others = _changeable(actor, CHANGE).exclude(**{column: value})
    has_figures = {c.pk: c.has_figures for c in _locked(others, ids, actor)}
    changes = Customer.objects.as_actor(actor, reason=reason)
    changed = changes.update_locked(has_figures, **{column: value})
    for customer in changed:
        customer.has_figures = has_figures[customer.pk]
    data = {"fields": [column]}
    _finish(changed, "customer.changed", data, actor=actor, reason=reason)
    if figures := figures_from(Customer, {column}):
        refresh_locked(changed, figures)
    return len(changed)


def _finish(
    customers: list[Customer],
    action: str,
    data: Mapping[str, str | list[str]],
    *,
    actor: Actor,
    reason: str,
) -> None:
    """Write an event for each business."""
    for business_id in sorted({customer.business_id for customer in customers}):
        subjects = [c.pk for c in customers if c.business_id == business_id]
        log.record(
            action,
            actor=actor,
            business_id=business_id,
            subjects=subjects,
            reason=reason,
            data={**data, "count": len(subjects)},
        )
