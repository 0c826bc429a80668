"""One row on its way into the database: the one place that records a change."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from audit import log
from audit.history.models import TrackedModel
from audit.privacy.classes import subject_of
from audit.tenancy.actors import Actor
from customers.models import Customer
from customers.services.constraints import changed_columns
from customers.services.figure_kinds import figures_from
from customers.services.locking import lock_customer
from customers.services.stats import refresh_locked, refresh_stats

_Row = TypeVar("_Row", bound=models.Model)


def copy_of(row: _Row) -> _Row:
    """Return a row as it is now, to be compared with what becomes of it."""
    return copy.copy(row)


class Write(Generic[_Row]):
    """A row that somebody writes, what is known of it, and the steps of writing it.

    `stored` is the row as the database has it, None for a new one, and `customer` whom
    it is about, locked. What the caller has locked and read is handed in; the rest is
    read when it is asked for first.
    """

    def __init__(
        self,
        row: _Row,
        *,
        actor: Actor,
        business_id: UUID,
        reason: str | None = None,
        verb: str = "",
        stored: _Row | None = None,
        customer: Customer | None = None,
    ) -> None:
        self.row, self.actor, self.reason = row, actor, reason
        self.business_id = business_id
        self.is_new = row._state.adding
        self.verb = verb or ("created" if self.is_new else "changed")
        self.customer = customer
        self._stored_copy = stored

    @cached_property
    def stored(self) -> _Row | None:
        """The row as it was: ask after the locks, and before `save`."""
        if self.is_new or self._stored_copy is not None:
            return self._stored_copy
        return type(self.row)._base_manager.get(pk=self.row.pk)

    def lock(self) -> None:
        """Lock the customer, unless the caller has."""
        if self.customer is None:
            self.customer = lock_customer(self.row.customer_id)  # type: ignore[attr-defined]  # of a table of customers

    def save(self) -> None:
        """Write the row, its history and its entry in the trail."""
        row, customer_id = self.row, subject_of(self.row)
        if isinstance(row, TrackedModel):
            row.by(self.actor, reason=self.reason).save()
        else:
            row.save()
        log.record(
            f"{row._meta.model_name}.{self.verb}",
            row,
            actor=self.actor,
            business_id=self.business_id,
            subjects=[customer_id] if customer_id else [],
            reason=self.reason,
        )

    def refresh(self) -> None:
        """Write the customer's figures that depend on what changed, if any do."""
        customer_id = subject_of(self.row)
        figures = figures_from(type(self.row), self._changed())
        if customer_id is None or not figures:
            return
        if self.customer is not None and self.customer.pk == customer_id:
            refresh_locked([self.customer], figures)
        else:
            refresh_stats([customer_id], figures)

    def _changed(self) -> set[str] | None:
        """Return the columns that differ from before; None where nobody can tell.

        What was read without a lock may have changed before it was overwritten.
        """
        if self.is_new or self._stored_copy is None:
            return None
        return changed_columns(self.row, self._stored_copy)


def save_plainly(write: Write[Any]) -> None:
    """Write a row of a table that has no rules of its own."""
    write.save()
    write.refresh()


def check_not_erased(customer: Customer) -> None:
    """Raise ValidationError `erased` for a customer of whom nothing is kept."""
    if customer.erased_at is not None:
        msg = "This customer was erased, which is for good. Create a new one."
        raise ValidationError(msg, code="erased")


def check_live(customer: Customer) -> None:
    """Raise ValidationError, `erased` or `archived`, unless a customer is live."""
    check_not_erased(customer)
    if customer.is_archived:
        msg = "This customer is archived. Restore the customer first."
        raise ValidationError(msg, code="archived")
