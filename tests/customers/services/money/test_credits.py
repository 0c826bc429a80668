"""Credit: the balance is the sum of entries, and never below zero."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from customers import services
from customers.models import Credit, Customer
from customers.selectors.money import list_credits
from tests.conftest import actor_of, staff
from tests.factories import BookingFactory, CreditFactory, CustomerFactory


@pytest.fixture
def ana(bakery) -> Customer:
    return CustomerFactory(business=bakery)


def issue(customer, actor, amount: Any, **more: Any) -> Credit:
    amount = Decimal(str(amount))
    return services.issue_credit(customer, actor=actor, amount=amount, **more)


def spend(customer, actor, amount: Any, **more: Any) -> Credit:
    amount = Decimal(str(amount))
    return services.spend_credit(customer, actor=actor, amount=amount, **more)


def test_the_balance_is_the_sum_per_currency(ana, actor):
    for _ in range(3):
        issue(ana, actor, "0.10")
    spend(ana, actor, "0.05")
    issue(ana, actor, "0.005", currency="KWD")

    balance = services.credit_balance(ana, actor=actor)

    assert balance == {"EUR": Decimal("0.25"), "KWD": Decimal("0.005")}
    assert [str(n) for n in balance.values()] == ["0.25", "0.005"]
    assert list_credits(ana, actor=actor).count() == 5


@pytest.mark.parametrize("currency", [None, "KWD"])
def test_no_more_is_spent_than_there_is(ana, actor, currency):
    issue(ana, actor, 10)

    with pytest.raises(ValidationError, match="less credit than that") as found:
        spend(ana, actor, "10.01" if currency is None else 1, currency=currency)

    assert found.value.code == "credit_exceeds_balance"
    assert spend(ana, actor, 10).amount == -10


def test_what_is_spent_on_a_booking_stands_there(ana, actor):
    booking = BookingFactory(
        customer=ana, total_amount=Decimal(8), paid_amount=Decimal(2)
    )
    issue(ana, actor, 10)

    entry = spend(ana, actor, 5, booking=booking)

    booking.refresh_from_db()
    assert (entry.booking_id, booking.credit_used) == (booking.pk, 5)
    with pytest.raises(ValidationError, match=r"Only 1\.00 EUR") as found:
        spend(ana, actor, 2, booking=booking)
    assert found.value.code == "credit_exceeds_total"

    services.reverse_credit(entry, actor=actor, reason="wrong booking")

    booking.refresh_from_db()
    assert booking.credit_used == 0
    assert services.credit_balance(ana, actor=actor) == {"EUR": 10}


def test_a_booking_of_somebody_else_or_another_currency_is_refused(ana, actor):
    issue(ana, actor, 10)
    other = BookingFactory(customer__business=ana.business, total_amount=Decimal(9))
    own = BookingFactory(customer=ana, currency="USD", total_amount=Decimal(9))

    for booking, currency in ((other, None), (own, "EUR")):
        with pytest.raises(ValidationError) as found:
            spend(ana, actor, 1, booking=booking, currency=currency)
        assert found.value.code == "booking_differs"


def test_an_entry_is_reversed_once_and_a_reversal_never(ana, actor):
    entry = issue(ana, actor, 10)
    opposite = services.reverse_credit(entry, actor=actor, reason="typed wrong")

    assert (opposite.amount, opposite.reverses_id) == (-10, entry.pk)
    for row, code in ((entry, "already_reversed"), (opposite, "not_reversible")):
        with pytest.raises(ValidationError) as found:
            services.reverse_credit(row, actor=actor, reason="x")
        assert found.value.code == code


def test_credit_that_was_spent_is_not_reversed(ana, actor):
    entry = issue(ana, actor, 10)
    spend(ana, actor, 1)

    with pytest.raises(ValidationError, match="less credit"):
        services.reverse_credit(entry, actor=actor, reason="x")


def test_a_reversal_is_the_exact_opposite(ana, actor, bakery):
    entry = issue(ana, actor, 10)
    issue(ana, actor, 50)
    row = Credit(
        business=bakery,
        customer=ana,
        kind="reversed",
        amount=Decimal(-20),
        currency="EUR",
        reverses=entry,
    )

    with pytest.raises(ValidationError, match="exact opposite"):
        services.save_record(row, actor=actor)


def test_a_reversal_counts_for_no_limit(ana, actor, bakery):
    bakery.refund_limit = 15
    bakery.as_actor(actor).save()
    support = actor_of(staff(bakery, "support"))
    issue(ana, actor, 100)
    ana.business.refresh_from_db()
    entry = spend(ana, support, 100)

    assert services.reverse_credit(entry, actor=support, reason="x").amount == 100
    with pytest.raises(ValidationError, match="exceed the limit"):
        issue(ana, support, 1)


@pytest.mark.parametrize("amount", ["0", "-1", "1.005"])
def test_wrong_amounts(ana, actor, amount):
    with pytest.raises(ValidationError):
        issue(ana, actor, amount)
    assert not Credit.objects.exists()


def test_who_may(ana, bakery, rival):
    for acting in (staff(bakery, "auditor"), staff(rival, "admin")):
        with pytest.raises(PermissionDenied):
            issue(ana, actor_of(acting), 1)
        assert not services.credit_balance(ana, actor=actor_of(acting))


# --- credit that runs out ------------------------------------------------------------


def days(count: int) -> date:
    return timezone.localdate() + timedelta(days=count)


def later(monkeypatch, count: int) -> None:
    moment = timezone.now() + timedelta(days=count)
    monkeypatch.setattr(timezone, "now", lambda: moment)


def balance(customer, actor) -> Decimal:
    return services.credit_balance(customer, actor=actor)["EUR"]


def test_credit_does_not_run_out_before_it_is_given(ana, actor):
    with pytest.raises(ValidationError) as found:
        issue(ana, actor, 10, expires_on=days(-2))

    assert found.value.code == "expired"


def test_credit_that_has_run_out_is_not_spent(ana, actor, monkeypatch):
    then, end = timezone.now() - timedelta(days=7), days(-2)
    with monkeypatch.context() as past:
        past.setattr(timezone, "now", lambda: then)
        CreditFactory(customer=ana, created_at=then, expires_on=end)
    issue(ana, actor, 3)

    assert balance(ana, actor) == 3
    with pytest.raises(ValidationError) as found:
        spend(ana, actor, "3.01")
    assert found.value.code == "credit_exceeds_balance"
    spend(ana, actor, 3)
    assert balance(ana, actor) == 0


def test_what_ends_first_is_spent_first(ana, actor, monkeypatch):
    issue(ana, actor, 10)
    issue(ana, actor, 10, expires_on=days(9))
    issue(ana, actor, 10, expires_on=days(5))

    taken = spend(ana, actor, 12)
    later(monkeypatch, 7)
    assert balance(ana, actor) == 18
    later(monkeypatch, 7)
    assert balance(ana, actor) == 10

    # Of the twelve ten had run out by now, and two as well.
    services.reverse_credit(taken, actor=actor, reason="wrong")
    assert balance(ana, actor) == 10


def test_what_was_spent_comes_back_while_it_is_good(ana, actor, monkeypatch):
    issue(ana, actor, 10, expires_on=days(20))
    taken = spend(ana, actor, 10)
    later(monkeypatch, 5)
    services.reverse_credit(taken, actor=actor, reason="wrong")

    assert balance(ana, actor) == 10
    later(monkeypatch, 20)
    assert balance(ana, actor) == 0


def test_taking_credit_back_leaves_the_others(ana, actor):
    first = issue(ana, actor, 10)
    issue(ana, actor, 10, expires_on=days(5))
    services.reverse_credit(first, actor=actor, reason="typed wrong")

    assert balance(ana, actor) == 10
    assert spend(ana, actor, 10).amount == -10


def test_only_given_credit_has_an_end(ana, actor, bakery):
    issue(ana, actor, 10)
    row = Credit(
        business=bakery,
        customer=ana,
        kind="spent",
        amount=Decimal(-1),
        currency="EUR",
        expires_on=days(3),
    )
    with pytest.raises(ValidationError) as found:
        services.save_record(row, actor=actor)

    assert found.value.code == "no_end"
