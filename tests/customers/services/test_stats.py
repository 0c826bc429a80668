"""The projection of each customer: exact, rebuilt, and never lost to a race."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from audit.models import Job
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Business, Customer, CustomerStats
from customers.services.stats import Figures
from tests.factories import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    ConsentEventFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    NoteFactory,
    RefundFactory,
    TicketFactory,
)
from tests.jobs import run_jobs


def stats_of(customer: Customer) -> CustomerStats:
    return CustomerStats.objects.get(customer=customer)


def buy(customer: Customer, amount: str, **kwargs: object) -> object:
    values = {"status": "completed", "total_amount": Decimal(amount)}
    values |= {"paid_amount": Decimal(amount)} | kwargs
    return BookingFactory(customer=customer, **values)


def test_the_check_values_of_the_requirement(db):
    customer = CustomerFactory()
    buy(customer, "100.00")
    buy(customer, "50.00")
    refunded = buy(customer, "30.00", status="refunded")
    RefundFactory(booking=refunded, amount=Decimal("30.00"), status="succeeded")
    buy(customer, "20.00", status="cancelled")
    CreditFactory(customer=customer, amount=Decimal("10.00"))

    stats = stats_of(customer)

    assert stats.total_orders == 4
    assert stats.total_purchases == 3
    assert stats.total_spent == Decimal("150.00")
    assert stats.avg_transaction_value == Decimal("50.00")
    assert stats.is_repeat_customer
    assert stats.repeat_frequency == "occasional"
    assert not stats.is_high_value
    assert (stats.completed_orders, stats.cancelled_orders, stats.refunded_orders) == (
        2,
        1,
        1,
    )


@pytest.mark.parametrize(
    ("status", "orders", "purchases"),
    [
        ("draft", 0, 0),
        ("pending", 1, 0),
        ("confirmed", 1, 0),
        ("completed", 1, 1),
        ("cancelled", 1, 0),
        ("no_show", 1, 0),
        ("refunded", 1, 1),
        ("other", 1, 0),
    ],
)
def test_which_bookings_are_orders_and_which_are_purchases(
    db, status, orders, purchases
):
    customer = CustomerFactory()
    buy(customer, "10", status=status)

    stats = stats_of(customer)

    assert (stats.total_orders, stats.total_purchases) == (orders, purchases)
    assert stats.total_spent == (10 if purchases else 0)


def test_a_purchase_of_nothing_counts(db):
    customer = CustomerFactory()
    buy(customer, "0")

    stats = stats_of(customer)

    assert (stats.total_purchases, stats.total_spent) == (1, 0)
    assert stats.avg_transaction_value == 0


def test_credit_used_is_not_money_received(db):
    customer = CustomerFactory()
    buy(customer, "30", paid_amount=Decimal(20), credit_used=Decimal(10))

    assert stats_of(customer).total_spent == 20


def test_only_succeeded_refunds_take_money_away(db):
    customer = CustomerFactory()
    booking = buy(customer, "30")
    RefundFactory(booking=booking, amount=Decimal(5), status="requested")
    assert stats_of(customer).total_spent == 30

    RefundFactory(booking=booking, amount=Decimal(5), status="succeeded")
    assert stats_of(customer).total_spent == 25


def test_currencies_are_never_added(db):
    customer = CustomerFactory(business=BusinessFactory(currency="EUR"))
    buy(customer, "10", currency="EUR")
    buy(customer, "1000", currency="JPY")

    stats = stats_of(customer)

    assert stats.total_spent == 10
    assert stats.avg_transaction_value == 10
    assert stats.spent == {"EUR": "10.00", "JPY": "1000"}
    assert stats.total_purchases == 2


def test_days_are_those_of_the_business(db):
    business = BusinessFactory(timezone="Pacific/Auckland")
    customer = CustomerFactory(business=business)
    buy(customer, "1", completed_at=datetime(2026, 3, 1, 13, tzinfo=UTC))
    buy(customer, "1", completed_at=datetime(2026, 4, 5, 10, tzinfo=UTC))

    stats = stats_of(customer)

    assert stats.first_purchase_date == date(2026, 3, 2)
    assert stats.last_purchase_date == date(2026, 4, 5)


def test_tickets_addresses_and_contacts_are_counted(db):
    customer = CustomerFactory()
    TicketFactory(customer=customer, status="open", priority="urgent")
    TicketFactory(customer=customer, status="pending")
    TicketFactory(customer=customer, status="resolved", priority="urgent")
    AddressFactory(customer=customer)
    ContactFactory(customer=customer, kind="emergency")
    ContactFactory(customer=customer, kind="alternative")
    ContactFactory(customer=customer, kind="email", email="second@example.org")

    stats = stats_of(customer)

    assert (stats.open_tickets, stats.urgent_tickets) == (2, 1)
    assert (stats.addresses_count, stats.contacts_count) == (1, 2)


def test_thresholds_of_the_business_decide_and_changing_them_recomputes(
    actor, django_capture_on_commit_callbacks
):
    business = BusinessFactory()
    customer = CustomerFactory(business=business)
    for _ in range(3):
        buy(customer, "10")
    assert stats_of(customer).repeat_frequency == "occasional"

    business = Business.objects.get(pk=business.pk)
    business.regular_from = 3
    business.high_value_spent = Decimal(30)
    with django_capture_on_commit_callbacks(execute=True):
        services.save_record(business, actor=actor)

    stats = stats_of(customer)
    assert (stats.repeat_frequency, stats.is_high_value) == ("regular", True)


def test_the_figures_of_many_follow_by_a_job(actor):
    business = BusinessFactory()
    rows = [Customer(business=business, name=f"C {n}") for n in range(501)]
    services.bulk_create_customers(rows, [], actor=actor, reason="test")
    wrong = CustomerStats.objects.filter(customer__in=rows[::100])
    wrong.update(total_orders=9)

    business = Business.objects.get(pk=business.pk)
    business.regular_from = 3
    services.save_record(business, actor=actor)
    assert wrong.filter(total_orders=9).count() == 6
    run_jobs()

    assert wrong.filter(total_orders=9).count() == 0
    assert Job.objects.get().report == {"changed": 6}


def test_a_name_of_the_business_recomputes_nothing(
    actor, django_capture_on_commit_callbacks
):
    business = CustomerFactory().business
    business.name = "Bakery South"

    with django_capture_on_commit_callbacks() as callbacks:
        services.save_record(business, actor=actor)

    names = [getattr(one, "func", one).__name__ for one in callbacks]
    assert "_refresh_everybody" not in names


def test_a_refresh_that_fails_leaves_the_change(
    actor, caplog, django_capture_on_commit_callbacks
):
    business = CustomerFactory().business
    CustomerStats.objects.update(total_orders=9)
    business.regular_from = 3

    def fail(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "customers_customerstats" in sql:
            raise OperationalError
        return execute(sql, params, many, context)

    with (
        connection.execute_wrapper(fail),
        django_capture_on_commit_callbacks(execute=True),
    ):
        services.save_record(business, actor=actor)

    assert Business.objects.get().regular_from == 3
    assert "run rebuild_projections" in caplog.text
    assert len(list(services.find_differences(repair=True))) == 1
    assert list(services.find_differences(repair=False)) == []


def test_a_refresh_that_ended_half_way_goes_on_or_is_found(db, monkeypatch):
    business = BusinessFactory()
    customers = CustomerFactory.create_batch(5, business=business)
    CustomerStats.objects.update(total_orders=9)
    keys = sorted(row.pk for row in customers)
    monkeypatch.setattr("customers.services.stats._BATCH", 2)

    class StoppedError(Exception):
        pass

    seen = []

    def stop(last, _seen, changed):
        seen.append((last, changed))
        raise StoppedError

    with pytest.raises(StoppedError):
        services.refresh_business_stats(business.pk, step=stop)

    assert seen == [(keys[1], 2)]
    found = services.find_differences(repair=False)
    assert [pk for pk, _ in found] == keys[2:]
    assert services.refresh_business_stats(business.pk, after=seen[0][0]) == 3
    assert list(services.find_differences(repair=False)) == []


def test_the_rebuild_finds_nothing_after_ordinary_work(db):
    customer = CustomerFactory()
    RefundFactory(booking=buy(customer, "30.33"), status="succeeded")
    TicketFactory(customer=customer)
    CustomerFactory()

    assert list(services.find_differences(repair=False)) == []


def test_the_rebuild_names_and_repairs_a_wrong_figure(db):
    customer = CustomerFactory()
    buy(customer, "30.33")
    CustomerStats.objects.filter(customer=customer).update(total_spent=99)

    assert list(services.find_differences(repair=False)) == [
        (customer.pk, "total_spent")
    ]
    assert list(services.find_differences(repair=True)) == [
        (customer.pk, "total_spent")
    ]
    assert list(services.find_differences(repair=False)) == []
    assert stats_of(customer).total_spent == Decimal("30.33")


def test_the_rebuild_makes_a_missing_row(db):
    customer = CustomerFactory()
    CustomerStats.objects.filter(customer=customer).delete()

    assert list(services.find_differences(repair=True)) == [(customer.pk, "row")]
    assert stats_of(customer).total_orders == 0


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"consent_mode": "soft_opt_in"},
        {"high_value_purchases": 0, "high_value_spent": Decimal(0)},
        {"currency": "JPY", "timezone": "Asia/Tokyo", "signup_is_login": True},
    ],
)
def test_a_new_customer_has_the_figures_that_are_computed(db, rules):
    """They are written without looking, for nothing can have happened."""
    business = BusinessFactory(**rules)
    CustomerFactory(business=business)
    CustomerFactory(business=business, email="a@example.org", phone="+47 22 33 44 55")
    CustomerFactory(business=business, status="blocked")

    assert list(services.find_differences(repair=False)) == []


@pytest.mark.parametrize(
    ("factory", "values"),
    [
        (AddressFactory, {}),
        (BookingFactory, {"status": "completed"}),
        (BookingFactory, {"status": "draft"}),
        (ContactFactory, {}),
        (ContactFactory, {"kind": "email", "email": "other@example.org"}),
        (ConsentEventFactory, {"action": "given", "channel": "email"}),
        (ConsentEventFactory, {"action": "withdrawn", "channel": None}),
        (CreditFactory, {}),
        (FlagFactory, {"code": "restricted"}),
        (FlagFactory, {}),
        (NoteFactory, {}),
        (TicketFactory, {"priority": "urgent"}),
        (TicketFactory, {"status": "closed"}),
    ],
)
def test_a_row_changes_the_figures_that_hang_on_it(db, factory, values):
    """What each kind of row decides is all that is computed for it."""
    business = BusinessFactory(consent_mode="soft_opt_in")
    customer = CustomerFactory(business=business, email="a@example.org")
    buy(customer, "30.33")

    factory(customer=customer, **values)

    assert list(services.find_differences(repair=False)) == []


@pytest.mark.parametrize(
    ("of", "changes"),
    [
        ("customer", {"email": None}),
        ("customer", {"status": "blocked"}),
        ("preferences", {"can_receive_offers": False}),
    ],
)
def test_a_change_decides_whether_offers_may_go_out(db, of, changes):
    business = BusinessFactory(consent_mode="soft_opt_in")
    customer = CustomerFactory(business=business, email="a@example.org")
    buy(customer, "30.33")
    assert stats_of(customer).is_opted_in

    row = customer if of == "customer" else customer.preferences
    for name, value in changes.items():
        setattr(row, name, value)
    services.save_record(row, actor=Actor.system("test"))

    assert list(services.find_differences(repair=False)) == []
    assert not stats_of(customer).is_opted_in


def test_an_address_reads_no_figures_but_its_own(db):
    customer = CustomerFactory()

    with CaptureQueriesContext(connection) as captured:
        services.refresh_stats([customer.pk], Figures.ADDRESSES)

    # The savepoint, the lock, the count and the row.
    assert len(captured) <= 5


def test_who_has_no_figures_yet_gets_all_of_them(db):
    customer = CustomerFactory()
    buy(customer, "30.33")
    CustomerStats.objects.filter(customer=customer).delete()

    services.refresh_stats([customer.pk], Figures.ADDRESSES)

    assert list(services.find_differences(repair=False)) == []


def test_statements_do_not_grow_with_customers(db):
    ids = [CustomerFactory(business__slug="one").pk]
    business = Business.objects.get(slug="one")
    first = _statements(ids)
    ids += [CustomerFactory(business=business).pk for _ in range(20)]
    for pk in ids:
        buy(Customer.objects.get(pk=pk), "5")

    assert _statements(ids) == first


def _statements(ids: list[object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        services.refresh_stats(ids)
    return len(captured)


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)
@pytest.mark.django_db(transaction=True)
def test_two_sales_at_once_are_both_counted(actor):
    customer = CustomerFactory()
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def sell() -> None:
        try:
            barrier.wait()
            services.update_purchase_history(
                customer, actor=actor, total_amount=Decimal(10)
            )
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert stats_of(customer).total_purchases == 8
    assert list(services.find_differences(repair=False)) == []
