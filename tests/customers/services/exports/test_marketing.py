"""Targeted lists and the export that leaves out who said no."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from audit.models import Event
from customers import services
from customers.models import CustomerStats
from tests.conftest import actor_of
from tests.factories import BookingFactory, ConsentEventFactory, CustomerFactory

MARK = datetime(2026, 10, 22, tzinfo=UTC)


@pytest.fixture
def people(bakery):
    """One who signed in after the mark, one before it, two who never did."""
    made = {}
    for name, joined, login in [
        ("after", MARK - timedelta(days=90), MARK),
        ("before", MARK - timedelta(days=90), MARK - timedelta(seconds=1)),
        ("never, old", MARK - timedelta(days=1), None),
        ("never, new", MARK + timedelta(days=1), None),
    ]:
        customer = CustomerFactory(business=bakery, name=name, joined_at=joined)
        CustomerStats.objects.filter(customer=customer).update(last_login_at=login)
        made[name] = customer
    return made


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ({"last_login_after": MARK}, {"after"}),
        ({"last_login_before": MARK}, {"before", "never, old"}),
        ({"joined_after": MARK}, {"never, new"}),
        ({"joined_before": MARK - timedelta(days=2)}, {"after", "before"}),
        ({}, {"after", "before", "never, old", "never, new"}),
    ],
)
def test_each_condition_keeps_whom_it_says(alice, people, conditions, names):
    found = services.get_customers_for_targeted_marketing(
        actor=actor_of(alice.user), **conditions
    )

    assert {customer.name for customer in found} == names


def test_spending_and_orders_are_joined_by_and(alice, bakery):
    rich = CustomerFactory(business=bakery, name="rich")
    for _ in range(3):
        BookingFactory(
            customer=rich,
            status="completed",
            total_amount=Decimal(400),
            paid_amount=Decimal(400),
        )
    once = CustomerFactory(business=bakery, name="once")
    BookingFactory(customer=once, status="completed", paid_amount=Decimal(5000))

    found = services.get_customers_for_targeted_marketing(
        actor=actor_of(alice.user), min_spent=Decimal(1200), min_orders=3
    )

    assert list(found) == [rich]


def test_strangers_target_nobody(charlie, people):
    found = services.get_customers_for_targeted_marketing(actor=actor_of(charlie.user))

    assert not found.exists()


def test_the_export_holds_only_who_said_yes_and_counts_the_others(alice, bakery, actor):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    yes, withdrawn, silent = (
        CustomerFactory(business=bakery, name=name, email=f"{name}@example.org")
        for name in ("yes", "withdrawn", "silent")
    )
    ConsentEventFactory(customer=yes)
    ConsentEventFactory(customer=withdrawn)
    ConsentEventFactory(customer=withdrawn, action="withdrawn")
    services.archive_customer(CustomerFactory(business=bakery), actor=actor, reason="x")

    export = services.export_customers_for_marketing(
        actor=actor_of(alice.user), business_id=bakery.pk, reason="November offers"
    )
    rows = list(export.rows)

    assert [row["email"] for row in rows] == ["yes@example.org"]
    assert list(rows[0]) == [
        "email",
        "name",
        "phone",
        "total_orders",
        "total_spent",
        "currency",
        "first_purchase_date",
        "last_purchase_date",
    ]
    assert dict(export.left_out) == {"none": 1, "withdrawn": 1}
    assert silent.name not in str(rows)
    finished = Event.objects.get(action="export.finished")
    assert finished.data["rows"] == 1
    assert finished.data["left_out"] == {"none": 1, "withdrawn": 1}
    assert Event.objects.get(action="export.started").reason == "November offers"


def test_a_new_customer_is_never_in_the_export(alice, bakery):
    CustomerFactory(business=bakery, email="new@example.org", phone="+4722000000")

    for channel in ("email", "sms", "call"):
        export = services.export_customers_for_marketing(
            actor=actor_of(alice.user), channel=channel, reason="x"
        )
        assert list(export.rows) == []


def test_queries_do_not_grow(alice, bakery, assert_flat):
    actor = actor_of(alice.user)

    def call() -> None:
        list(services.export_customers_for_marketing(actor=actor, reason="x").rows)

    CustomerFactory(business=bakery)
    assert_flat(
        call=call, grow=lambda: CustomerFactory.create_batch(20, business=bakery)
    )
