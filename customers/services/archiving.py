"""Archiving and restoring customers: one, several, or a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.history.writing import history_model
from audit.tenancy.actors import Actor
from customers.models import Customer
from customers.selectors.customers import list_visible
from customers.services.figure_kinds import Figures
from customers.services.locking import locking
from customers.services.stats import refresh_locked
from customers.services.writing import check_not_erased, check_rev

ARCHIVE, BULK = "customers.archive_customer", "customers.bulk_customer"
# What only one live customer of a business may have, and what is said of a second one.
_HAS_IT = {
    "email_key": _("A customer here has this e-mail already."),
    "external_id": _("A customer here has this external id already."),
}
# Who is left out for that, after their number.
_LEFT_OUT = {
    "email_key": _("whose e-mail a live customer has"),
    "external_id": _("whose external id a live customer has"),
}


def archive_customer(
    customer: Customer, *, actor: Actor, reason: str, expected_rev: int | None = None
) -> Customer:
    """Archive a customer. History, tickets and events stay.

    Raises ValidationError `stale_version` when it is no longer at `expected_rev`.
    """
    [archived] = archive_customers(
        [customer.pk], actor=actor, reason=reason, expected_rev=expected_rev
    )
    return archived


@transaction.atomic
def archive_customers(
    ids: Iterable[UUID], *, actor: Actor, reason: str, expected_rev: int | None = None
) -> list[Customer]:
    """Archive these customers, all or none."""
    customers = _locked_all(ids, actor=actor)
    for customer in customers:
        check_rev(customer, expected_rev)
        if customer.is_archived:
            msg = gettext("Customer %(customer)s is already archived.") % {
                "customer": customer
            }
            raise ValidationError(msg, code="already_archived")
    return _archive(customers, actor=actor, reason=reason)


@transaction.atomic
def restore_customers(
    ids: Iterable[UUID], *, actor: Actor, reason: str, expected_rev: int | None = None
) -> list[Customer]:
    """Restore archived customers, all or none.

    Raises ValidationError when a live customer has taken the e-mail meanwhile.
    """
    customers = _locked_all(ids, actor=actor)
    for customer in customers:
        check_rev(customer, expected_rev)
        if not customer.is_archived:
            msg = gettext("Customer %(customer)s is not archived.") % {
                "customer": customer
            }
            raise ValidationError(msg, code="not_archived")
    for customer, why in _conflicts(customers):
        msg = gettext("Customer %(customer)s cannot come back: %(why)s") % {
            "customer": customer,
            "why": why,
        }
        raise ValidationError(msg, code="restore_conflict")
    return _restore(customers, actor=actor, reason=reason)


def archive_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, changed_in: UUID | None = None
) -> int:
    """Archive those of the customers that can be; return how many were.

    Takes a constant number of statements and runs in the caller's transaction. Skips
    customers who are archived, erased or not visible to the actor. With `changed_in`
    only those whom this operation was the last to restore.
    """
    customers = _locked_some(ids, actor=actor, changed_in=changed_in)
    customers = [customer for customer in customers if not customer.is_archived]
    return len(_archive(customers, actor=actor, reason=reason))


def restore_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, changed_in: UUID | None = None
) -> int:
    """Restore those of the customers that can be; return how many were.

    As `archive_batch`. Skips customers whose e-mail or external id a live one has.
    """
    customers = _locked_some(ids, actor=actor, changed_in=changed_in)
    customers = [customer for customer in customers if customer.is_archived]
    staying = {customer.pk for customer, _ in _conflicts(customers)}
    customers = [customer for customer in customers if customer.pk not in staying]
    return len(_restore(customers, actor=actor, reason=reason))


def _archive(customers: list[Customer], *, actor: Actor, reason: str) -> list[Customer]:
    marks = {
        "archived_by_id": actor.user_id,
        "archive_reason": reason,
        "archived_at": timezone.now(),
    }
    return _mark(customers, "customer.archived", marks, actor=actor, reason=reason)


def _restore(customers: list[Customer], *, actor: Actor, reason: str) -> list[Customer]:
    marks = dict.fromkeys(("archived_at", "archived_by_id", "archive_reason"))
    return _mark(customers, "customer.restored", marks, actor=actor, reason=reason)


def _mark(
    customers: list[Customer],
    action: str,
    marks: Mapping[str, object],
    *,
    actor: Actor,
    reason: str,
) -> list[Customer]:
    """Update locked customers; return them as they are now, by key."""
    has_figures = {c.pk: c.has_figures for c in customers}
    changes = Customer.objects.as_actor(actor, reason=reason)
    marked = changes.update_locked(has_figures, **marks)
    marked.sort(key=lambda customer: customer.pk)
    for customer in marked:
        customer.has_figures = has_figures[customer.pk]
    for business_id in sorted({customer.business_id for customer in marked}):
        subjects = [c.pk for c in marked if c.business_id == business_id]
        log.record(
            action,
            marked[0] if len(marked) == 1 else None,
            actor=actor,
            business_id=business_id,
            subjects=subjects,
            reason=reason,
            data={"count": len(subjects)},
        )
    refresh_locked(marked, Figures.CONSENT)
    return marked


def _conflicts(customers: list[Customer]) -> list[tuple[Customer, str]]:
    """Return archived customers who cannot be restored, and why.

    A live customer, or one before them in the list, has the same unique value.
    """
    conflicts = []
    taken = _values_of_live(customers)
    for customer in customers:
        keys = {
            ("email_key", customer.business_id, customer.email_key),
            ("external_id", customer.business_id, customer.external_id),
        }
        keys = {key for key in keys if key[2] is not None}
        if clash := sorted(keys & taken):
            conflicts.append((customer, str(_HAS_IT[clash[0][0]])))
        else:
            taken |= keys
    return conflicts


def _values_of_live(customers: list[Customer]) -> set[tuple[str, UUID, str | None]]:
    live = Customer.objects.filter(business__in={c.business_id for c in customers})
    live = live.live().exclude(pk__in=[c.pk for c in customers])
    taken: set[tuple[str, UUID, str | None]] = set()
    for name in _HAS_IT:
        values = {getattr(customer, name) for customer in customers} - {None}
        pairs = live.filter(**{f"{name}__in": values}).values_list("business_id", name)
        taken |= {(name, business_id, value) for business_id, value in pairs}
    return taken


def check_many(customers: QuerySet[Customer], *, actor: Actor, permission: str) -> None:
    """Check that the actor may do this to all customers of a queryset.

    Several at once need the permission `bulk`. Raises ValidationError when one is not
    the actor's.
    """
    total = customers.count()
    allowed = list_visible(Customer, actor=actor, permission=permission)
    allowed = allowed.filter(pk__in=customers.order_by().values("pk"))
    mine = allowed.count()
    in_bulk = allowed.visible_to(actor, BULK).count() if total > 1 else mine
    _check_number(total, mine, in_bulk=in_bulk, expected=total)


def skipped_by_archiving(customers: QuerySet[Customer]) -> dict[UUID, str]:
    """Return who is left out when these are archived, and why."""
    return _skipped(
        customers, Q(archived_at__isnull=False), gettext("already archived")
    )


def skipped_by_restoring(customers: QuerySet[Customer]) -> dict[UUID, str]:
    """Return who is left out when these are restored, and why.

    Of two that would take the same value the second is left out when it comes to it.
    """
    skipped = _skipped(customers, Q(archived_at=None), gettext("not archived"))
    archived = customers.exclude(archived_at=None)
    for column in _HAS_IT:
        live = Customer.objects.live().filter(
            business=OuterRef("business"), **{column: OuterRef(column)}
        )
        skipped |= _skipped(archived, Q(Exists(live)), str(_LEFT_OUT[column]))
    return skipped


def _skipped(customers: QuerySet[Customer], condition: Q, why: str) -> dict[UUID, str]:
    keys = customers.order_by().filter(condition).values_list("pk", flat=True)
    return dict.fromkeys(keys, why)


def _check_number(total: int, mine: int, *, in_bulk: int, expected: int) -> None:
    if total > 1 and in_bulk < mine:
        msg = gettext("Your role acts on one customer at a time. Choose one.")
        raise ValidationError(msg, code="one_at_a_time")
    if mine < expected:
        msg = gettext("Some of these customers are not here, or not yours to change.")
        raise ValidationError(msg, code="not_found")


def _locked_all(ids: Iterable[UUID], *, actor: Actor) -> list[Customer]:
    ids = set(ids)
    archivable = list_visible(Customer, actor=actor, permission=ARCHIVE).filter(
        pk__in=ids
    )
    customers = list(locking(archivable.order_by("pk")))
    in_bulk = sum(actor.has_perm(BULK, customer.business_id) for customer in customers)
    mine = len(customers)
    _check_number(mine, mine, in_bulk=in_bulk, expected=len(ids))
    for customer in customers:
        check_not_erased(customer)
    return customers


def _locked_some(
    ids: Iterable[UUID], *, actor: Actor, changed_in: UUID | None
) -> list[Customer]:
    """Return those of the customers that the actor may change many of, locked."""
    ids = set(ids)
    if changed_in is not None:
        ids = _as_left_by(changed_in, ids)
    archivable = list_visible(Customer, actor=actor, permission=ARCHIVE).filter(
        pk__in=ids
    )
    archivable = archivable.visible_to(actor, BULK).filter(erased_at=None)
    return list(locking(archivable.order_by("pk")))


def _as_left_by(operation_id: UUID, ids: set[UUID]) -> set[UUID]:
    """Return the customers that an operation was the last to archive or restore."""
    versions = history_model(Customer)._base_manager.filter(id__in=ids)
    names = ("id", "history_id", "archived_at")
    left = {
        pk: (history_id, archived_at)
        for pk, history_id, archived_at in versions.filter(
            operation_id=operation_id
        ).values_list(*names)
    }
    if not left:
        return set()
    later = versions.filter(history_id__gt=min(first for first, _ in left.values()))
    changed_since = {
        pk
        for pk, history_id, archived_at in later.values_list(*names)
        if pk in left and history_id > left[pk][0] and archived_at != left[pk][1]
    }
    return left.keys() - changed_since
