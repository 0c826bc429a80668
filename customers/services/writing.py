"""Writing one instance, with all that belongs to a change.

Permission, row, history, event and figures together. Batches (`archiving`, `bulk`,
`imports.loading`, `capture_sync`, `money.payment_sync`) do the same in fewer
statements, with permissions that their callers check, or without an event. The rules
of a model are in the module of its subject.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Generic, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.history.models import TrackedModel
from audit.privacy.classes import business_of, subject_of
from audit.tenancy.actors import Actor
from customers.models import Business, Customer
from customers.models.base import ArchiveMarks
from customers.services.constraints import changed_columns
from customers.services.figure_kinds import figures_from
from customers.services.locking import lock_customer
from customers.services.stats import refresh_locked, refresh_stats

_Model = TypeVar("_Model", bound=models.Model)


def mark_archived(instance: ArchiveMarks, *, actor: Actor, reason: str) -> None:
    """Set the columns of archiving: when, by whom and why."""
    instance.archived_at, instance.archived_by_id = timezone.now(), actor.user_id
    instance.archive_reason = reason


def copy_of(instance: _Model) -> _Model:
    """Return a copy of an instance, to compare it with the changed one."""
    return copy.copy(instance)


class Write(Generic[_Model]):
    """One write of an instance, and its steps; made inside the transaction.

    `verb` is that of the event, by default "created" or "changed". `stored` is the
    instance as the database has it, None for a new one, and `customer` the locked
    customer that it belongs to. What the caller has locked and read is passed in; the
    rest is read on first use.

    Raises PermissionDenied without the permission to add or change such instances in
    the business, ValidationError `erased` for an erased customer. The caller has
    validated the instance.
    """

    def __init__(
        self,
        instance: _Model,
        *,
        actor: Actor,
        reason: str | None = None,
        verb: str = "",
        stored: _Model | None = None,
        customer: Customer | None = None,
    ) -> None:
        self.instance, self.actor, self.reason = instance, actor, reason
        self.is_new = instance._state.adding
        self.business_id: UUID = self._check_permission()
        if getattr(instance, "customer_id", None):
            check_not_erased(customer or instance.customer)  # type: ignore[attr-defined]  # has its id
        self.verb = verb or ("created" if self.is_new else "changed")
        self.customer = customer
        self._stored_copy = stored

    @cached_property
    def stored(self) -> _Model | None:
        """The instance as it was: read it after the locks, and before `save`."""
        if self.is_new or self._stored_copy is not None:
            return self._stored_copy
        return type(self.instance)._base_manager.get(pk=self.instance.pk)

    def lock(self) -> None:
        """Lock the customer, unless the caller did."""
        if self.customer is None:
            self.customer = lock_customer(self.instance.customer_id)  # type: ignore[attr-defined]  # of a table of customers

    def save(self) -> None:
        """Write the row, its history and its event."""
        instance, customer_id = self.instance, subject_of(self.instance)
        if isinstance(instance, TrackedModel):
            tracked = instance.as_actor(self.actor, reason=self.reason)
            tracked.save(savepoint=False, changed=self._changed())
        else:
            instance.save()
        noun = getattr(instance, "event_name", instance._meta.model_name)
        log.record(
            f"{noun}.{self.verb}",
            instance,
            actor=self.actor,
            business_id=self.business_id,
            subjects=[customer_id] if customer_id else [],
            reason=self.reason,
            # Of money: how much of what, and for which booking.
            data=getattr(instance, "event_data", None),
        )

    def refresh(self) -> None:
        """Write the figures of the customer that depend on what changed."""
        customer_id = subject_of(self.instance)
        figures = figures_from(type(self.instance), self._changed())
        if customer_id is None or not figures:
            return
        if self.customer is not None and self.customer.pk == customer_id:
            refresh_locked([self.customer], figures)
        else:
            refresh_stats([customer_id], figures)

    def _check_permission(self) -> UUID:
        """Return the business, if the actor may add or change such instances there."""
        business_id = business_of(self.instance)
        if business_id is None:
            msg = f"{self.instance._meta.label} belongs to no business."
            raise TypeError(msg)
        is_founded = self.is_new and isinstance(self.instance, Business)
        if not is_founded or not self.actor.owns_platform:
            meta, act = self.instance._meta, "add" if self.is_new else "change"
            name = f"{meta.app_label}.{act}_{meta.model_name}"
            self.actor.require_perm(business_id, name)
        return business_id

    def _changed(self) -> set[str] | None:
        """Return the columns that differ from before; None if that is unknown.

        What was read without a lock may have changed before it was overwritten.
        """
        if self.is_new or self._stored_copy is None:
            return None
        return changed_columns(self.instance, self._stored_copy)


def save_plainly(write: Write[_Model]) -> None:
    """Write an instance of a model without rules of its own."""
    write.save()
    write.refresh()


def check_rev(instance: models.Model, expected: int | None) -> None:
    """Raise ValidationError `stale_version` unless an instance is at that revision."""
    if expected is not None and instance.rev != expected:  # type: ignore[attr-defined]  # of a table that counts them
        msg = _("Somebody changed this meanwhile. Load it again and repeat.")
        raise ValidationError(msg, code="stale_version")


def check_not_erased(customer: Customer) -> None:
    """Raise ValidationError `erased` for an erased customer."""
    if customer.erased_at is not None:
        msg = _("This customer was erased, which is for good. Create a new one.")
        raise ValidationError(msg, code="erased")


def check_live(customer: Customer) -> None:
    """Raise ValidationError, `erased` or `archived`, unless a customer is live."""
    check_not_erased(customer)
    if customer.is_archived:
        msg = _("This customer is archived. Restore the customer first.")
        raise ValidationError(msg, code="archived")
