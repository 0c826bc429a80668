"""Making customers by the thousand, with everything that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models, transaction

from audit import log
from audit.history.bulk import insert_instances, insert_tracked
from audit.history.models import TrackedModel
from audit.history.writing import Authorship
from audit.tenancy.actors import Actor
from customers.models import Customer, CustomerStats, Preferences
from customers.services.stats import compute_stats


@transaction.atomic
def create_many(
    customers: Sequence[Customer],
    belongings: Sequence[Sequence[models.Model]],
    *,
    actor: Actor,
    reason: str,
) -> None:
    """Write new customers with preferences, and rows that belong to them.

    `belongings` are rows of one model each, parents before children; customers whose
    preferences are not among them get empty ones. The rows are not validated; the
    database still holds its rules. One event tells of all.
    """
    change = Authorship(actor, reason)
    insert_tracked(customers, change)
    with_preferences = {row.customer_id for row in _of(Preferences, belongings)}
    empty = [
        Preferences(customer=row, business_id=row.business_id)
        for row in customers
        if row.pk not in with_preferences
    ]
    insert_tracked(empty, change)
    for rows in belongings:
        if rows and isinstance(rows[0], TrackedModel):
            insert_tracked(rows, change)  # type: ignore[arg-type]  # all are what the first one is
        else:
            insert_instances(rows)
    log.record(
        "customer.created",
        actor=actor,
        business_id=customers[0].business_id if customers else None,
        subjects=[row.pk for row in customers],
        reason=reason,
        data={"count": len(customers)},
    )
    computed = compute_stats(list(customers))
    insert_instances(
        [
            CustomerStats(customer=row, business_id=row.business_id, **computed[row.pk])
            for row in customers
        ]
    )


def _of(model: Any, belongings: Sequence[Sequence[Any]]) -> Sequence[Any]:
    for rows in belongings:
        if rows and isinstance(rows[0], model):
            return rows
    return ()
