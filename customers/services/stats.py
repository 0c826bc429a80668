"""Keeping `CustomerStats` equal to what happened.

Every write that a figure depends on calls `refresh_stats` in its own transaction.
`compute_stats` is the one definition; the rebuild compares with it. Where the figures
of very many change at once, `refresh_business_stats` follows after the commit.
"""

from __future__ import annotations

import zoneinfo
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils import timezone

from audit.batches import in_batches
from audit.bulk import upsert_rows
from customers import metrics
from customers.choices import (
    PURCHASE_STATUSES,
    UNRESOLVED_STATUSES,
    BookingStatus,
    ContactKind,
    RefundStatus,
    TicketPriority,
)
from customers.models import (
    Address,
    Booking,
    Business,
    Contact,
    Customer,
    CustomerStats,
    Refund,
    Ticket,
)
from customers.money import from_database, quantise
from customers.services.consent import is_opted_in, load_facts

Columns = dict[str, Any]
Provider = Callable[[list[UUID]], dict[UUID, Columns]]

_BATCH = 500
# Customers whose figures are written in one transaction; about 50 ms.
_WRITTEN = 50
_providers: list[Provider] = []


def register_stats_provider(provider: Provider) -> None:
    """Let an app above add columns of its own, such as logins, to the figures."""
    _providers.append(provider)


@dataclass
class _Money:
    """What one customer bought, per currency."""

    orders: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    purchases: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    items: Decimal = Decimal(0)
    first: datetime | None = None
    last: datetime | None = None


def refresh_stats(customer_ids: Iterable[UUID]) -> None:
    """Write the figures of these customers as they are now.

    Runs in the caller's transaction, so it is for some. Locks the customers in key
    order first, so that two writers for one customer compute one after the other;
    neither misses the other's row.
    """
    ids = sorted(set(customer_ids))
    for batch in _batches(ids):
        with transaction.atomic():
            customers = _locked(batch)
            computed = compute_stats(customers)
            _write([_row(customer, computed[customer.pk]) for customer in customers])


def note_activity(moments: Mapping[UUID, datetime]) -> None:
    """Move the last activity of customers on; nothing else of theirs has changed.

    Runs in the caller's transaction and locks the figures in key order. What pages and
    free events change is this one column, and the whole computation would find it too.
    """
    rows = list(
        # By its column: "customer" would join the customers, and lock those too.
        CustomerStats.objects.select_for_update(no_key=True)
        .filter(customer__in=list(moments))
        .order_by("customer_id")
    )
    later = [
        row
        for row in rows
        if row.last_active_at is None or row.last_active_at < moments[row.customer_id]
    ]
    for row in later:
        row.last_active_at, row.updated_at = moments[row.customer_id], timezone.now()
    if later:
        CustomerStats.objects.bulk_update(later, ["last_active_at", "updated_at"])


def compute_stats(customers: list[Customer]) -> dict[UUID, Columns]:
    """Return every column of the projection for these customers, from what happened.

    A constant number of queries, whatever the number of customers and rows.
    """
    ids = [customer.pk for customer in customers]
    businesses = Business.objects.in_bulk({c.business_id for c in customers})
    bought = _bought(ids)
    tickets, addresses, contacts = _tickets(ids), _addresses(ids), _contacts(ids)
    purchases = {pk: sum(m.purchases.values()) for pk, m in bought.items()}
    facts = load_facts(customers, purchases=purchases)
    computed: dict[UUID, Columns] = {}
    for customer in customers:
        pk = customer.pk
        business = businesses[customer.business_id]
        opened, urgent = tickets.get(pk, (0, 0))
        computed[pk] = {
            **_purchase_columns(bought[pk], business),
            "open_tickets": opened,
            "urgent_tickets": urgent,
            "addresses_count": addresses.get(pk, 0),
            "contacts_count": contacts.get(pk, 0),
            "is_opted_in": is_opted_in(facts[pk]),
        }
    for provider in _providers:
        for pk, columns in provider(ids).items():
            computed[pk] |= columns
    return computed


def find_differences(
    *, repair: bool, business_id: UUID | None = None, after: UUID | None = None
) -> Iterator[tuple[UUID, str]]:
    """Yield (customer id, column) wherever the projection is not what it should be.

    Customers are compared in key order, five hundred at a time and without a lock, so
    that memory is flat. What differs is looked at once more, fifty at a time: something
    may have been written meanwhile. With `repair` that is done under a lock, in a
    transaction for each fifty, and what differs still is corrected.
    """
    for batch in _key_batches(business_id, after):
        yield from _differences(batch, repair=repair)


def refresh_business_stats(
    business_id: UUID,
    *,
    after: UUID | None = None,
    step: Callable[[UUID, int, int], None] = lambda *_: None,
) -> int:
    """Bring the figures of a business's customers up to date; return how many changed.

    For what decides everybody's figures, such as thresholds. Reads without a lock and
    writes fifty customers in a transaction, so it may end anywhere and be called again.
    `step` is told, after each five hundred, the last customer seen, how many were seen
    and how many changed since; `after` goes on behind that one. Not for the inside of a
    transaction.
    """
    changed = 0
    for batch in _key_batches(business_id, after):
        found = {pk for pk, _ in _differences(batch, repair=True)}
        changed += len(found)
        step(batch[-1], len(batch), len(found))
    return changed


def _differences(ids: list[UUID], *, repair: bool) -> Iterator[tuple[UUID, str]]:
    suspects = sorted({pk for pk, _ in _compared(_customers_of(ids))})
    for _, batch in in_batches(suspects, _WRITTEN):
        if repair:
            with transaction.atomic():
                found = _repaired(batch)
        else:
            found = list(_compared(_customers_of(batch)))
        yield from found


def _repaired(ids: list[UUID]) -> list[tuple[UUID, str]]:
    customers = _locked(ids)
    computed = compute_stats(customers)
    found = list(_compared(customers, computed))
    wrong = {pk for pk, _ in found}
    _write([_row(c, computed[c.pk]) for c in customers if c.pk in wrong])
    return found


def _compared(
    customers: list[Customer], computed: dict[UUID, Columns] | None = None
) -> Iterator[tuple[UUID, str]]:
    """Yield the customers and columns of which something else is stored."""
    if computed is None:
        computed = compute_stats(customers)
    stored = CustomerStats.objects.filter(customer__in=customers)
    known = {row.customer_id: row for row in stored}
    for customer in customers:
        for column in _wrong(known.get(customer.pk), computed[customer.pk]):
            yield customer.pk, column


def local_day(moment: datetime, business: Business) -> date:
    """Return the calendar day of a moment where the business is."""
    return moment.astimezone(zoneinfo.ZoneInfo(business.timezone)).date()


def _locked(ids: list[UUID]) -> list[Customer]:
    # NO KEY: a plain FOR UPDATE would deadlock with two inserted children, each of
    # which holds a key share lock on the customer.
    customers = Customer.objects.filter(pk__in=ids).order_by("pk")
    return list(customers.select_for_update(no_key=True))


def _customers_of(ids: list[UUID]) -> list[Customer]:
    return list(Customer.objects.filter(pk__in=ids).order_by("pk"))


def _key_batches(business_id: UUID | None, after: UUID | None) -> Iterator[list[UUID]]:
    customers = Customer.objects.order_by("pk")
    if business_id is not None:
        customers = customers.filter(business=business_id)
    last = after
    while True:
        rows = customers if last is None else customers.filter(pk__gt=last)
        if not (batch := list(rows.values_list("pk", flat=True)[:_BATCH])):
            return
        yield batch
        last = batch[-1]


def _wrong(row: CustomerStats | None, columns: Columns) -> list[str]:
    if row is None:
        return ["row"]
    return [name for name, value in columns.items() if getattr(row, name) != value]


def _row(customer: Customer, columns: Columns) -> CustomerStats:
    return CustomerStats(customer=customer, business_id=customer.business_id, **columns)


def _write(rows: list[CustomerStats]) -> None:
    # One statement, whatever the number of rows.
    upsert_rows(rows, key="customer_id")


def _bought(ids: list[UUID]) -> dict[UUID, _Money]:
    bought: dict[UUID, _Money] = defaultdict(_Money)
    purchase = Q(status__in=PURCHASE_STATUSES)
    groups = (
        Booking.objects.filter(customer__in=ids)
        .order_by()
        .values("customer_id", "currency", "status")
        .annotate(
            n=Count("pk"),
            paid=Sum("paid_amount", filter=purchase),
            items=Sum("items_count", filter=purchase),
            first=Min("completed_at", filter=purchase),
            last=Max("completed_at", filter=purchase),
        )
    )
    for group in groups:
        money = bought[group["customer_id"]]
        money.orders[group["status"]] += group["n"]
        if group["status"] not in PURCHASE_STATUSES:
            continue
        money.purchases[group["currency"]] += group["n"]
        money.spent[group["currency"]] += from_database(group["paid"])
        money.items += from_database(group["items"])
        money.first = min(money.first or group["first"], group["first"])
        money.last = max(money.last or group["last"], group["last"])
    refunds = (
        Refund.objects.filter(
            customer__in=ids,
            status=RefundStatus.SUCCEEDED,
            booking__status__in=PURCHASE_STATUSES,
        )
        .order_by()
        .values("customer_id", "currency")
        .annotate(total=Sum("amount"))
    )
    for refund in refunds:
        spent = bought[refund["customer_id"]].spent
        spent[refund["currency"]] -= from_database(refund["total"])
    return bought


def _purchase_columns(money: _Money, business: Business) -> Columns:
    orders = money.orders
    purchases = sum(money.purchases.values())
    own = business.currency
    spent = money.spent.get(own, Decimal(0))
    return {
        "total_orders": sum(
            n for status, n in orders.items() if status != BookingStatus.DRAFT
        ),
        "completed_orders": orders[BookingStatus.COMPLETED],
        "cancelled_orders": orders[BookingStatus.CANCELLED],
        "no_show_orders": orders[BookingStatus.NO_SHOW],
        "refunded_orders": orders[BookingStatus.REFUNDED],
        "total_purchases": purchases,
        "total_spent": spent,
        "spent": {
            currency: str(quantise(amount, currency))
            for currency, amount in sorted(money.spent.items())
        },
        "avg_transaction_value": metrics.average(
            spent, money.purchases.get(own, 0), own
        ),
        "total_items_bought": money.items,
        "first_purchase_date": money.first and local_day(money.first, business),
        "last_purchase_date": money.last and local_day(money.last, business),
        "is_repeat_customer": metrics.is_repeat(purchases),
        "repeat_frequency": metrics.loyalty_tier(purchases, business),
        "is_high_value": metrics.is_high_value(purchases, spent, business),
    }


def _tickets(ids: list[UUID]) -> dict[UUID, tuple[int, int]]:
    groups = _counted(
        Ticket.objects.filter(customer__in=ids, status__in=UNRESOLVED_STATUSES),
        urgent=Count("pk", filter=Q(priority=TicketPriority.URGENT)),
    )
    return {g["customer_id"]: (g["n"], g["urgent"]) for g in groups}


def _addresses(ids: list[UUID]) -> dict[UUID, int]:
    groups = _counted(Address.objects.filter(customer__in=ids, archived_at=None))
    return {group["customer_id"]: group["n"] for group in groups}


def _contacts(ids: list[UUID]) -> dict[UUID, int]:
    people = (ContactKind.EMERGENCY, ContactKind.ALTERNATIVE)
    groups = _counted(
        Contact.objects.filter(customer__in=ids, kind__in=people, archived_at=None)
    )
    return {group["customer_id"]: group["n"] for group in groups}


def _counted(rows: QuerySet[Any], **more: Count) -> QuerySet[Any, Columns]:
    return rows.order_by().values("customer_id").annotate(n=Count("pk"), **more)


def _batches(ids: list[UUID]) -> Iterator[list[UUID]]:
    iterator = iter(ids)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
