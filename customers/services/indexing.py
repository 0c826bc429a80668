"""Writing `CustomerIndex`, by which customers are searched and sorted.

`project_customers` and `project_contacts` run in every transaction that writes one of
these; the comparison is for what was there before a rule changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

from audit.history.bulk import upsert_instances
from audit.history.projecting import register_projector
from audit.history.writing import history_model
from customers.models import Contact, Customer, CustomerIndex
from customers.services.batches import by_key, compare_again
from customers.values.search_key import Address, further_columns, search_columns

_BATCH = 500
# Customers whose index is written in one transaction: about 20 ms.
_WRITTEN = 200
_FROM_CUSTOMER = (
    "reference",
    "name",
    "listed_name",
    "external_id",
    "emails",
    "phones",
)
_FROM_CONTACTS = ("further_emails", "further_phones")
_OF_CUSTOMER = frozenset(
    {
        "name",
        "email",
        "email_key",
        "phone",
        "phone_e164",
        "external_id",
        "unique_id",
        "erased_at",
    }
)
_OF_CONTACT = frozenset(
    {"customer", "customer_id", "email", "email_key", "phone", "phone_e164"}
)


def register_index() -> None:
    """Let every write of customers and contacts write the index, too."""
    register_projector(Customer, project_customers)
    register_projector(Contact, project_contacts)


def project_customers(
    customers: Sequence[Customer], *, columns: Collection[str] | None, is_new: bool
) -> None:
    """Write the index of customers who were just written, in that transaction.

    One statement, however many they are; one more for those who are erased.
    """
    if columns is not None and _OF_CUSTOMER.isdisjoint(columns):
        return
    _write(_build(customers, {}), _FROM_CUSTOMER)
    erased = [customer for customer in customers if customer.erased_at is not None]
    _write(_build(erased, {}), _FROM_CONTACTS)


def project_contacts(
    contacts: Sequence[Contact], *, columns: Collection[str] | None, is_new: bool
) -> None:
    """Write the index of the customers of contacts that were just written.

    Locks these customers in key order, so that of two who write a contact of one each
    sees the other's. Three statements; four for contacts that were there before, which
    may have been somebody else's.
    """
    if columns is not None and _OF_CONTACT.isdisjoint(columns):
        return
    owners = {contact.customer_id for contact in contacts}
    if not is_new:
        versions = history_model(Contact).objects.filter(
            id__in=[contact.pk for contact in contacts]
        )
        owners |= set(versions.values_list("customer_id", flat=True))
    customers = Customer.objects.filter(pk__in=owners).order_by("pk")
    locked = list(customers.select_for_update(no_key=True))
    _write(_build(locked, _load_contacts(locked)), _FROM_CONTACTS)


def find_index_differences(*, repair: bool) -> Iterator[tuple[UUID, str]]:
    """Yield (customer id, column) where `CustomerIndex` differs from its computation.

    Five hundred customers at a time and without a lock, so that memory is flat; what
    differs is compared once more, with `repair` under a lock and corrected, two hundred
    customers in a transaction. May be stopped anywhere and run again.
    """
    for batch in by_key(Customer.objects.all(), _BATCH):
        suspects = sorted({pk for pk, _ in _differences(batch)})
        for differences in compare_again(
            suspects, _WRITTEN, _compare_again, repair=repair
        ):
            yield from differences


def _compare_again(batch: list[UUID], *, repair: bool) -> list[tuple[UUID, str]]:
    queryset = Customer.objects.filter(pk__in=batch).order_by("pk")
    if repair:
        queryset = queryset.select_for_update(no_key=True)
    customers = list(queryset)
    differences = _differences(customers)
    if repair and differences:
        wrong = {pk for pk, _ in differences}
        stale = [customer for customer in customers if customer.pk in wrong]
        _write(_build(stale, _load_contacts(stale)), (*_FROM_CUSTOMER, *_FROM_CONTACTS))
    return differences


def _differences(customers: Sequence[Customer]) -> list[tuple[UUID, str]]:
    stored = CustomerIndex.objects.in_bulk([customer.pk for customer in customers])
    differences: list[tuple[UUID, str]] = []
    for computed in _build(customers, _load_contacts(customers)):
        pk = computed.customer_id
        current = stored.get(pk)
        if current is None:
            differences.append((pk, "row"))
            continue
        differences += [
            (pk, name)
            for name in (*_FROM_CUSTOMER, *_FROM_CONTACTS)
            if getattr(current, name) != getattr(computed, name)
        ]
    return differences


def _load_contacts(customers: Iterable[Customer]) -> dict[UUID, list[Address]]:
    """Return by what customers are found further: now, formerly, or archived."""
    ids = [customer.pk for customer in customers]
    contacts = Contact.objects.filter(customer__in=ids).order_by()
    by_customer: defaultdict[UUID, list[Address]] = defaultdict(list)
    for pk, *address in contacts.values_list(
        "customer_id", "email_key", "phone", "phone_e164"
    ):
        by_customer[pk].append((address[0], address[1], address[2]))
    return by_customer


def _build(
    customers: Iterable[Customer], contacts: dict[UUID, list[Address]]
) -> list[CustomerIndex]:
    """Return the index of customers; of the erased nothing but their reference."""
    built = []
    for customer in customers:
        index = CustomerIndex(customer_id=customer.pk, business_id=customer.business_id)
        columns = search_columns(
            customer.unique_id,
            customer.name,
            customer.external_id,
            (customer.email_key, customer.phone, customer.phone_e164),
        )
        columns |= further_columns(contacts.get(customer.pk, ()))
        if customer.erased_at is not None:
            columns = {"reference": columns["reference"]}
        for name, value in columns.items():
            setattr(index, name, value)
        built.append(index)
    return built


def _write(indexes: list[CustomerIndex], columns: Collection[str]) -> None:
    upsert_instances(indexes, key="customer_id", columns=columns)
