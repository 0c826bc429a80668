"""Whom to write to: targeted lists, and the export that leaves out who said no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Q

from audit import services as audit
from audit.actors import Actor
from customers import contact_rules
from customers.choices import ConsentChannel, Purpose
from customers.models import Customer, CustomerQuerySet
from customers.services.consent import load_facts
from customers.services.doors import list_customers

COLUMNS = (
    "email",
    "name",
    "phone",
    "total_orders",
    "total_spent",
    "currency",
    "first_purchase_date",
    "last_purchase_date",
)
_BATCH = 500


def get_customers_for_targeted_marketing(
    *,
    actor: Actor,
    business_id: UUID | None = None,
    min_spent: Decimal | None = None,
    min_orders: int | None = None,
    last_login_after: datetime | None = None,
    last_login_before: datetime | None = None,
    joined_after: datetime | None = None,
    joined_before: datetime | None = None,
) -> CustomerQuerySet:
    """Return live customers who meet every given condition.

    `min_…` and `…_after` include the value, `…_before` does not. Before a login time
    also are those who never signed in and joined before it. Orders are purchases.
    """
    customers = list_customers(actor=actor, business_id=business_id).for_list()
    conditions = {
        "stats__total_spent__gte": min_spent,
        "stats__total_purchases__gte": min_orders,
        "stats__last_login_at__gte": last_login_after,
        "joined_at__gte": joined_after,
        "joined_at__lt": joined_before,
    }
    given = {name: value for name, value in conditions.items() if value is not None}
    customers = customers.filter(**given)
    if last_login_before is not None:
        never = Q(stats__last_login_at=None, joined_at__lt=last_login_before)
        customers = customers.filter(
            never | Q(stats__last_login_at__lt=last_login_before)
        )
    return customers


@dataclass
class MarketingExport:
    """The rows of one export, and whom the rules left out; read `rows` to the end."""

    rows: Iterator[dict[str, Any]]
    left_out: Counter[str] = field(default_factory=Counter)
    exported: int = 0


def export_customers_for_marketing(
    *,
    actor: Actor,
    customers: CustomerQuerySet | None = None,
    business_id: UUID | None = None,
    channel: str = ConsentChannel.EMAIL,
    reason: str,
) -> MarketingExport:
    """Return the people of a list who may be sent offers on this channel.

    The rules of consent are applied here, whatever the list says. Rows come in
    batches, so memory stays flat. Start and end are events of the trail, the end one
    with the counts.
    """
    if customers is None:
        customers = list_customers(actor=actor, business_id=business_id)
    audit.record(
        "export.started",
        actor=actor,
        business_id=business_id,
        reason=reason,
        data={"profile": "marketing", "channel": channel, "columns": list(COLUMNS)},
    )
    export = MarketingExport(rows=iter(()))
    export.rows = _rows(export, customers, actor, business_id, channel)
    return export


def _rows(
    export: MarketingExport,
    customers: CustomerQuerySet,
    actor: Actor,
    business_id: UUID | None,
    channel: str,
) -> Iterator[dict[str, Any]]:
    everybody = customers.for_list().order_by("pk").iterator(chunk_size=_BATCH)
    while batch := list(islice(everybody, _BATCH)):
        facts = load_facts(batch)
        for customer in batch:
            answer = contact_rules.may_contact(
                facts[customer.pk], Purpose.MARKETING, channel
            )
            if not answer.is_allowed:
                export.left_out[answer.rule] += 1
                continue
            export.exported += 1
            yield _row(customer)
    audit.record(
        "export.finished",
        actor=actor,
        business_id=business_id,
        data={
            "profile": "marketing",
            "rows": export.exported,
            "left_out": dict(sorted(export.left_out.items())),
        },
    )


def _row(customer: Customer) -> dict[str, Any]:
    stats = customer.stats
    return {
        "email": customer.email,
        "name": customer.name,
        "phone": customer.phone,
        "total_orders": stats.total_purchases,
        "total_spent": stats.total_spent,
        "currency": customer.business.currency,
        "first_purchase_date": stats.first_purchase_date,
        "last_purchase_date": stats.last_purchase_date,
    }
