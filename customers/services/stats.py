"""Computing and writing `CustomerStats`.

Every write that a figure depends on refreshes it in its own transaction, with the kinds
of figures that `figures_from` returns. `compute_stats` is the one definition; the
rebuild compares with it. Where the figures of very many change at once,
`refresh_business_stats` runs after the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, Model, Q, QuerySet, Sum
from django.utils import timezone

from audit.database.batches import batched
from audit.history.bulk import upsert_instances
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
from customers.services.batches import by_key, compare_again
from customers.services.consent import is_opted_in, load_contact_profiles
from customers.services.figure_kinds import Figures
from customers.services.locking import locking

# Of `CustomerStats`, by name.
Columns = dict[str, Any]
Provider = Callable[[list[UUID]], Mapping[UUID, Mapping[str, object]]]
_Computed = dict[UUID, Columns]
_Model = TypeVar("_Model", bound=Model)

_BATCH = 500
# Customers whose figures are written in one transaction; about 50 ms.
_WRITTEN = 50
_providers: list[Provider] = []


def register_stats_provider(provider: Provider) -> None:
    """Register what computes columns of another app, such as logins."""
    _providers.append(provider)


@dataclass
class _Money:
    """The purchases of one customer, by currency."""

    orders: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    purchases: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    items: Decimal = Decimal(0)
    first: datetime | None = None
    last: datetime | None = None


def begin_stats(customer: Customer) -> None:
    """Write the figures of a new customer, in the caller's transaction.

    One statement: without purchases and consent there is no opt-in to compute.
    """
    columns = _purchase_columns(_Money(), customer.business)
    _write([customer], {customer.pk: columns})
    customer.has_figures = True


def refresh_stats(customer_ids: Iterable[UUID], figures: Figures = Figures.ALL) -> None:
    """Compute and write the figures of these customers, or some kinds of them.

    Runs in the caller's transaction, so it is for few customers. Locks them in key
    order first: two writers of one customer compute one after the other, and neither
    misses the other's row. A customer without figures gets all.
    """
    ids = sorted(set(customer_ids))
    for batch in batched(ids, _BATCH):
        with transaction.atomic():
            refresh_locked(list(_locking(batch)), figures)


def refresh_locked(customers: Sequence[Customer], figures: Figures) -> None:
    """Compute and write figures of customers locked with `locking`."""
    for batch in batched(customers, _BATCH):
        have_figures = all(customer.has_figures for customer in batch)
        kinds = figures if have_figures else Figures.ALL
        _write(batch, compute_stats(batch, kinds))


def note_activity(moments: Mapping[UUID, datetime]) -> None:
    """Advance the last activity of customers.

    Runs in the caller's transaction and locks the figures in key order. Pages and free
    events change this one column; the full computation gives the same.
    """
    stats = list(
        # By its column: "customer" would join the customers, and lock those too.
        CustomerStats.objects.select_for_update(no_key=True)
        .filter(customer__in=list(moments))
        .order_by("customer_id")
    )
    later = [
        figures
        for figures in stats
        if figures.last_active_at is None
        or figures.last_active_at < moments[figures.customer_id]
    ]
    for figures in later:
        figures.last_active_at = moments[figures.customer_id]
        figures.updated_at = timezone.now()
    if later:
        CustomerStats.objects.bulk_update(later, ["last_active_at", "updated_at"])


def compute_stats(
    customers: Sequence[Customer], figures: Figures = Figures.ALL
) -> dict[UUID, Columns]:
    """Return the columns of `CustomerStats` for these customers.

    A constant number of queries, whatever the number of customers and rows.
    """
    computed: _Computed = {customer.pk: {} for customer in customers}
    if figures & (Figures.PURCHASES | Figures.CONSENT):
        _load_businesses(customers)
    for kind, compute in _COMPUTE.items():
        if kind in figures:
            for pk, columns in compute(customers, computed).items():
                computed[pk] |= columns
    return computed


def find_differences(*, repair: bool) -> Iterator[tuple[UUID, str]]:
    """Yield (customer id, column) where `CustomerStats` differs from its computation.

    Customers are compared in key order, five hundred at a time and without a lock, so
    that memory is flat. Differences are checked again, fifty customers at a time:
    something may have been written meanwhile. With `repair` the second check holds a
    lock, in a transaction for each fifty, and corrects what still differs.
    """
    for batch in by_key(Customer.objects.only("pk"), _BATCH):
        yield from _differences([customer.pk for customer in batch], repair=repair)


def refresh_business_stats(
    business_id: UUID,
    *,
    after: UUID | None = None,
    step: Callable[[UUID, int, int], None] = lambda *_: None,
) -> int:
    """Update the figures of all customers of a business; return how many changed.

    For a change that affects all of them, such as of thresholds. Reads without a lock
    and writes fifty customers in a transaction, so it may stop anywhere and be called
    again. `step` gets, after each five hundred, the last customer, how many were
    compared and how many changed; `after` continues behind that one. Not to be called
    in a transaction.
    """
    changed = 0
    customers = Customer.objects.filter(business=business_id).only("pk")
    for batch in by_key(customers, _BATCH, after=after):
        ids = [customer.pk for customer in batch]
        differing = {pk for pk, _ in _differences(ids, repair=True)}
        changed += len(differing)
        step(ids[-1], len(ids), len(differing))
    return changed


def _differences(ids: list[UUID], *, repair: bool) -> Iterator[tuple[UUID, str]]:
    suspects = sorted({pk for pk, _ in _compare(ids, repair=False)})
    for differences in compare_again(suspects, _WRITTEN, _compare, repair=repair):
        yield from differences


def _compare(batch: list[UUID], *, repair: bool) -> list[tuple[UUID, str]]:
    """Return the customers and columns whose stored value differs; maybe correct it."""
    customers = list(_locking(batch) if repair else _customers_of(batch))
    computed = compute_stats(customers)
    stored = CustomerStats.objects.filter(customer__in=customers)
    stored_by_customer = {figures.customer_id: figures for figures in stored}
    differences = [
        (pk, name)
        for pk, columns in computed.items()
        for name in _wrong(stored_by_customer.get(pk), columns)
    ]
    if repair:
        wrong = {pk for pk, _ in differences}
        _write([c for c in customers if c.pk in wrong], computed)
    return differences


def _customers_of(ids: list[UUID]) -> QuerySet[Customer]:
    return Customer.objects.filter(pk__in=ids).order_by("pk")


def _locking(ids: list[UUID]) -> QuerySet[Customer]:
    return locking(_customers_of(ids))


def _wrong(stored: CustomerStats | None, columns: Columns) -> list[str]:
    if stored is None:
        return ["row"]
    return [name for name, value in columns.items() if getattr(stored, name) != value]


def _write(customers: Sequence[Customer], computed: dict[UUID, Columns]) -> None:
    # One statement, whatever the number of rows.
    stats = [
        CustomerStats(customer_id=c.pk, business_id=c.business_id, **computed[c.pk])
        for c in customers
    ]
    names = {name for columns in computed.values() for name in columns}
    upsert_instances(stats, key="customer_id", columns=names | {"updated_at"})


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


def _load_businesses(customers: Sequence[Customer]) -> None:
    """Set the businesses of locked customers, as they are now."""
    businesses = Business.objects.in_bulk(
        {customer.business_id for customer in customers}
    )
    for customer in customers:
        customer.business = businesses[customer.business_id]


def _purchases(customers: Sequence[Customer], computed: _Computed) -> _Computed:
    bought = _bought([customer.pk for customer in customers])
    return {c.pk: _purchase_columns(bought[c.pk], c.business) for c in customers}


def _purchase_columns(money: _Money, business: Business) -> Columns:
    orders = money.orders
    purchases = sum(money.purchases.values())
    currency = business.currency
    spent = money.spent.get(currency, Decimal(0))
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
            code: str(quantise(amount, code))
            for code, amount in sorted(money.spent.items())
        },
        "avg_transaction_value": metrics.average(
            spent, money.purchases.get(currency, 0), currency
        ),
        "total_items_bought": money.items,
        "first_purchase_date": money.first and business.local_day(money.first),
        "last_purchase_date": money.last and business.local_day(money.last),
        "is_repeat_customer": metrics.is_repeat(purchases),
        "repeat_frequency": metrics.loyalty_tier(purchases, business),
        "is_high_value": metrics.is_high_value(purchases, spent, business),
    }


def _tickets(customers: Sequence[Customer], computed: _Computed) -> _Computed:
    return _counted(
        Ticket.objects.filter(customer__in=customers, status__in=UNRESOLVED_STATUSES),
        computed,
        open_tickets=Count("pk"),
        urgent_tickets=Count("pk", filter=Q(priority=TicketPriority.URGENT)),
    )


def _addresses(customers: Sequence[Customer], computed: _Computed) -> _Computed:
    addresses = Address.objects.filter(customer__in=customers, archived_at=None)
    return _counted(addresses, computed, addresses_count=Count("pk"))


def _contacts(customers: Sequence[Customer], computed: _Computed) -> _Computed:
    kinds = (ContactKind.EMERGENCY, ContactKind.ALTERNATIVE)
    contacts = Contact.objects.filter(
        customer__in=customers, kind__in=kinds, archived_at=None
    )
    return _counted(contacts, computed, contacts_count=Count("pk"))


def _counted(
    queryset: QuerySet[_Model], customer_ids: Iterable[UUID], **counts: Count
) -> _Computed:
    groups = queryset.order_by().values("customer_id").annotate(**counts)
    counted = {group.pop("customer_id"): group for group in groups}
    return {pk: counted.get(pk, dict.fromkeys(counts, 0)) for pk in customer_ids}


def _consent(customers: Sequence[Customer], computed: _Computed) -> _Computed:
    # The stored number of purchases, unless it is being computed.
    purchases = {
        pk: columns["total_purchases"]
        for pk, columns in computed.items()
        if "total_purchases" in columns
    }
    businesses = {customer.business_id: customer.business for customer in customers}
    consents = load_contact_profiles(
        customers, purchases=purchases or None, businesses=businesses
    )
    return {
        pk: {"is_opted_in": is_opted_in(consent)} for pk, consent in consents.items()
    }


def _activity(customers: Sequence[Customer], computed: _Computed) -> _Computed:
    ids = [customer.pk for customer in customers]
    columns_by_customer: _Computed = {pk: {} for pk in ids}
    for provider in _providers:
        for pk, columns in provider(ids).items():
            columns_by_customer[pk] |= columns
    return columns_by_customer


# In this order: consent depends on purchases.
_COMPUTE: dict[Figures, Callable[[Sequence[Customer], _Computed], _Computed]] = {
    Figures.PURCHASES: _purchases,
    Figures.TICKETS: _tickets,
    Figures.ADDRESSES: _addresses,
    Figures.CONTACTS: _contacts,
    Figures.CONSENT: _consent,
    Figures.ACTIVITY: _activity,
}
