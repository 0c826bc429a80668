"""The fast road writes the same rows as `bulk_create`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from audit import canonical
from audit.fields import personal_values
from audit.history.bulk import insert_instances, insert_tracked
from audit.history.writing import Authorship
from customers.models import Booking, Customer, CustomerStats, Note
from tests.factories import BusinessFactory, CustomerFactory

EAST = timezone(timedelta(hours=2))


def people(business: Any, n: int) -> list[Customer]:
    return [
        Customer(
            business=business,
            name=f"Zoë {number}",
            email=f"Z{number}@example.org",
            phone="+47 22 00 00 00",
            location="",
            joined_at=datetime(2026, 1, 1, 14, 0, 0, 250_001, tzinfo=EAST),
        )
        for number in range(n)
    ]


def comparable(rows: Any, *skipped: str) -> list[dict[str, Any]]:
    names = {"id", "history_id", "salt", "commitment", "unique_id", *skipped}
    moments = {"created_at", "updated_at", "history_date", "operation_id"}
    return [
        {k: v for k, v in row.items() if k not in names | moments}
        for row in rows.order_by("email").values()
    ]


def test_rows_and_histories_are_those_of_bulk_create(actor):
    one, two = BusinessFactory(), BusinessFactory()
    Customer.objects.as_actor(actor, reason="because").bulk_create(people(one, 3))
    insert_tracked(people(two, 3), Authorship(actor, "because"))

    for rows in (Customer.objects, Customer.history.model._base_manager):
        slow = comparable(rows.filter(business=one), "business_id")
        fast = comparable(rows.filter(business=two), "business_id")
        assert fast == slow
    customer = Customer.objects.filter(business=two).first()
    assert customer.joined_at == datetime(2026, 1, 1, 12, 0, 0, 250_001, tzinfo=UTC)
    assert customer.location is None


def test_commitments_are_those_of_what_comes_back(actor):
    insert_tracked(people(BusinessFactory(), 2), Authorship(actor, None))

    for row in Customer.history.model._base_manager.all():
        assert bytes(row.commitment) == canonical.commitment(
            "customers.historicalcustomer",
            str(row.pk),
            personal_values(row),
            bytes(row.salt),
        )


def test_amounts_and_json_arrive_as_they_are(actor):
    customer = CustomerFactory()
    booking = Booking(
        business=customer.business,
        customer=customer,
        total_amount=Decimal("12.5"),
        lines=[{"description": "rye", "amount": "12.50"}],
        currency="EUR",
    )
    insert_tracked([booking], Authorship(actor, None))

    fresh = Booking.objects.get()
    assert fresh.total_amount == Decimal("12.500")
    assert fresh.lines == [{"description": "rye", "amount": "12.50"}]
    assert fresh.history.get().lines == fresh.lines


def test_untracked_rows(db):
    customer = CustomerFactory()
    CustomerStats.objects.all().delete()

    insert_instances(
        [
            CustomerStats(
                customer=customer, business=customer.business, spent={"EUR": "1"}
            )
        ]
    )

    assert CustomerStats.objects.get().spent == {"EUR": "1"}


def test_guards_stay_on(actor, bakery, rival):
    stranger = CustomerFactory(business=rival)

    with pytest.raises(IntegrityError, match="HF003"):
        insert_tracked(
            [Note(business=bakery, customer=stranger, content="x")],
            Authorship(actor, None),
        )


def test_nothing_is_nothing(actor):
    insert_instances([])
    insert_tracked([], Authorship(actor, None))

    assert not Customer.objects.exists()
