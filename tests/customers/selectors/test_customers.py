"""Reading: who sees which rows, and how customers are found."""

from __future__ import annotations

import pytest

from customers import services
from customers.models import Business, Customer
from tests.conftest import actor_of
from tests.factories import BookingFactory, CustomerFactory


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery,
        name="Ana Silva",
        email="Ana.Silva@example.org",
        phone="+351 912 000 421",
        external_id="4711",
    )


def test_staff_see_the_customers_of_their_business(alice, charlie, ana):
    assert list(services.list_customers(actor=actor_of(alice.user))) == [ana]
    assert not services.list_customers(actor=actor_of(charlie.user)).exists()


@pytest.mark.parametrize("reference", ["pk", "unique_id", "external_id"])
def test_a_customer_is_found_by_each_id(alice, charlie, ana, reference):
    value = str(getattr(ana, reference))

    assert services.get_customer(value, actor=actor_of(alice.user)) == ana
    with pytest.raises(Customer.DoesNotExist):
        services.get_customer(value, actor=actor_of(charlie.user))


@pytest.mark.parametrize(
    "reference", ["nobody", "0193f0a0-1c00-7abc-8def-000000000001"]
)
def test_a_missing_customer_looks_like_a_foreign_one(alice, ana, reference):
    with pytest.raises(Customer.DoesNotExist):
        services.get_customer(reference, actor=actor_of(alice.user))


def test_a_business_is_found_by_slug_and_id_but_not_by_strangers(
    alice, charlie, bakery
):
    actor = actor_of(alice.user)

    assert services.get_business("bakery", actor=actor) == bakery
    assert services.get_business(str(bakery.pk), actor=actor) == bakery
    with pytest.raises(Business.DoesNotExist):
        services.get_business("bakery", actor=actor_of(charlie.user))


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "SILVA",
        "ana silva",
        "silva ana",
        "ana.silva@EXAMPLE",
        "912 000 421",
        "00421",
        "+351912000421",
        "351912",
        "4711",
    ],
)
def test_search_finds_in_any_format(alice, ana, text):
    CustomerFactory(business=ana.business, name="Jonas Berg", phone="+47 22 11 33 55")

    assert services.search_customers(text, actor=actor_of(alice.user)) == [ana]


@pytest.mark.parametrize("text", ["", " ", "a", "nobody", "%", "__"])
def test_search_finds_nothing_for_too_little_or_nobody(alice, ana, text):
    assert services.search_customers(text, actor=actor_of(alice.user)) == []


def test_search_by_reference(alice, ana):
    found = services.search_customers(ana.unique_id.lower(), actor=actor_of(alice.user))

    assert found == [ana]


def test_search_by_a_former_e_mail(alice, charlie, ana, actor):
    services.update_customer(ana, actor=actor, email="ana@new.example.org")

    found = services.search_customers(
        "Ana.Silva@Example.org", actor=actor_of(alice.user)
    )

    assert found == [ana]
    stranger = actor_of(charlie.user)
    assert services.search_customers("ana.silva@example.org", actor=stranger) == []


def test_search_stays_in_the_business(charlie, ana):
    assert services.search_customers("ana", actor=actor_of(charlie.user)) == []


def test_search_takes_constant_queries(alice, ana, assert_flat):
    actor = actor_of(alice.user)

    def call() -> None:
        for row in services.search_customers("customer", actor=actor, limit=50):
            assert row.stats.total_orders == 0
            assert row.business.slug == "bakery"

    assert_flat(
        call=call, grow=lambda: CustomerFactory.create_batch(20, business=ana.business)
    )


def test_repeat_customers_are_those_with_two_purchases_most_first(alice, bakery):
    once, twice, thrice = (CustomerFactory(business=bakery) for _ in range(3))
    for customer, times in ((once, 1), (twice, 2), (thrice, 3)):
        for _ in range(times):
            BookingFactory(customer=customer, status="completed")

    found = services.get_repeat_customers(actor=actor_of(alice.user))

    assert list(found) == [thrice, twice]
