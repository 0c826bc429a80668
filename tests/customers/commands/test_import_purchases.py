"""Purchase logs: each line once, bad lines named, figures that agree."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, BookingPayment, Business, Customer
from tests.factories import BusinessFactory, CustomerFactory

LOG = """\
 00004 0001 19970101  2   29.33
 00004 0001 19970118  2   29.73
 00021 0002 19970101  3   63.34
 00021 0002 19970101  3   63.34
 00050 0003 19970101  1    0.00
"""
GOOD = b"customer,date,quantity,amount\n1,2026-01-02,1,10.00\n"
POSITIONS = {
    "no_header": True,
    "customer": "1",
    "date": "3",
    "quantity": "4",
    "amount": "5",
    "date_format": "%Y%m%d",
}


class Run:
    """What one run of the command printed and how it ended."""

    def __init__(self, path: Path, **options: Any) -> None:
        out, err = StringIO(), StringIO()
        self.code = 0
        try:
            call_command(
                "import_purchases",
                str(path),
                stdout=out,
                stderr=err,
                **{"business": "shop", "create_business": True, **options},
            )
        except SystemExit as stop:
            self.code = stop.code
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture
def log(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "log.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def figures() -> Any:
    actor = Actor.system("test")
    return services.get_business_figures(Business.objects.get(), actor=actor)


def test_the_log_is_loaded_and_the_figures_agree(db, log):
    run = Run(log(LOG), currency="USD", **POSITIONS)

    got = figures()
    assert run.code == 0
    assert "5 purchases of 3 new customers loaded" in run.out
    assert (got.total_customers, got.total_purchases, got.total_items) == (3, 5, 11)
    assert got.lifetime_value == {"USD": Decimal("185.74")}
    assert (got.repeat_customers, got.loyalty) == (2, {"occasional": 2, "one_time": 1})
    assert list(services.find_differences(repair=False)) == []
    # Each line was paid, and somebody recorded it.
    recorded = BookingPayment.objects.values_list("amount", "method")
    paid = Booking.objects.filter(paid_amount__gt=0).values_list("paid_amount")
    assert sorted(recorded) == sorted((amount, "imported") for (amount,) in paid)
    assert not [*services.list_broken_rules(actor=Actor.system("test"))]


def test_again_loads_nothing_and_a_longer_log_only_what_is_new(db, log):
    Run(log(LOG), **POSITIONS)
    again = Run(log(LOG), **POSITIONS)
    longer = Run(log(LOG + " 00004 0001 19970118  2   29.73\n"), **POSITIONS)

    assert "0 purchases of 0 new customers loaded, 5 known already" in again.out
    assert "1 purchases of 0 new customers loaded, 5 known already" in longer.out
    assert Booking.objects.count() == 6


def test_customers_keep_their_reference_and_first_day(db, log):
    Run(log(LOG), **POSITIONS)

    customer = Customer.objects.get(external_id="00004")
    assert customer.name == "Customer 00004"
    assert customer.joined_at.date().isoformat() == "1997-01-01"
    assert customer.stats.last_purchase_date.isoformat() == "1997-01-18"
    assert customer.history.get().history_change_reason == "purchase log"


def test_what_somebody_archived_bought_makes_no_second_one(db, log, actor):
    shop = BusinessFactory(slug="shop")
    ana = CustomerFactory(business=shop, email="ana@example.org")
    services.archive_customer(ana, actor=actor, reason="moved away")

    Run(log("customer,date,quantity,amount\nAna@example.org,2026-01-02,1,10.00\n"))

    assert Booking.objects.get().customer == Customer.objects.get() == ana


def test_what_an_archived_number_bought_makes_no_second_one(db, log, actor):
    shop = BusinessFactory(slug="shop")
    ana = CustomerFactory(business=shop, email=None, external_id="7")
    services.archive_customer(ana, actor=actor, reason="moved away")

    Run(log("customer,date,quantity,amount\n7,2026-01-02,1,10.00\n"))

    assert Booking.objects.get().customer == Customer.objects.get() == ana


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_by_name_in_each_kind_of_csv(db, log, delimiter):
    lines = ["who,when,n,paid", "7,2026-01-02,1.5,12.500", '"8",2026-01-03,1,1']
    text = "\ufeff" + "\r\n".join(lines).replace(",", delimiter)

    run = Run(log(text), customer="who", date="when", quantity="n", amount="paid")

    assert (run.code, Customer.objects.count()) == (0, 2)
    assert Booking.objects.order_by("placed_at").first().items_count == Decimal("1.5")


def test_bad_lines_are_named_and_stop_nobody(db, log):
    bad = """customer,date,quantity,amount
1,2026-01-02,1,10.00
2,2026-13-02,1,10.00
3,2026-01-02,x,10.00
4,2026-01-02,1,-1
5,2026-01-02,1,0.0001
,2026-01-02,1,1
6,2026-01-02

7,2026-01-02,1,NaN
8,2026-01-02,1,2.00
"""
    run = Run(log(bad))

    assert run.code == 1
    assert [line.partition(":")[0] for line in run.err.splitlines()] == [
        f"line {n}" for n in (3, 4, 5, 6, 7, 8, 10)
    ]
    assert "line 3: The date '2026-13-02' is not written as %Y-%m-%d." in run.err
    assert "2 purchases of 2 new customers loaded" in run.out
    assert "7 lines left out" in run.out


def test_a_day_is_one_that_can_have_been(db, log, clock):
    BusinessFactory(slug="shop", timezone="Pacific/Auckland")
    # At half past nine in the morning there.
    morning = datetime(2027, 1, 4, 20, 30, tzinfo=UTC)
    clock.jump(hours=(morning - clock.now).total_seconds() / 3600)
    days = ("1850-01-01", "2201-01-01", "2027-01-06", "2027-01-05", "1997-01-01")
    lines = "".join(f"{n},{day},1,10.00\n" for n, day in enumerate(days))

    run = Run(log("customer,date,quantity,amount\n" + lines))

    assert run.code == 1
    assert [line.partition(": ")[2] for line in run.err.splitlines()] == [
        "Send a time from 1900 on and before 2200.",
        "Send a time from 1900 on and before 2200.",
        "The date is in the future. Write when it was bought.",
    ]
    today = Booking.objects.order_by("completed_at").last()
    assert today.completed_at <= clock.now
    assert today.business.local_day(today.completed_at).isoformat() == "2027-01-05"
    assert not [*services.list_broken_rules(actor=Actor.system("test"))]
    # Loaded again in the afternoon it is the same purchase.
    clock.jump(hours=8)
    assert "2 known already" in Run(log("customer,date,quantity,amount\n" + lines)).out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (LOG, {**POSITIONS, "create_business": False}, "Add --create-business"),
        (LOG, {**POSITIONS, "currency": "XXY"}, "ISO 4217"),
        ("a,b\n1,2\n", {}, "There is no column 'customer'. The file has a, b"),
        (GOOD * 300 + "Åsa".encode() + b"\xff,2026-01-02,1,1\n", {}, "not in UTF-8"),
        (GOOD + b"1," + b"x" * 200_000 + b",1,1\n", {}, "In line 3 a quote is not"),
    ],
)
def test_what_is_wrong_with_all_of_it_is_one_sentence(db, log, text, options, message):
    with pytest.raises(CommandError, match=message):
        Run(log(text), **options)

    assert not Booking.objects.exists()
    assert not Customer.objects.exists()


def test_each_batch_has_its_event_and_all_of_them_one_operation(db, log):
    lines = "".join(f"{n},2026-01-02,1,2.00\n" for n in range(120))

    Run(log("customer,date,quantity,amount\n" + lines))

    batches = Event.objects.filter(action="purchases.batch_imported").order_by("id")
    assert [event.data for event in batches] == [
        {"batch": 1, "customers": 50, "purchases": 50},
        {"batch": 2, "customers": 50, "purchases": 50},
        {"batch": 3, "customers": 20, "purchases": 20},
    ]
    whole = Event.objects.get(action="purchases.imported")
    assert whole.data["purchases"] == 120
    made = set(Booking.history.values_list("operation_id", flat=True))
    assert made == {whole.operation_id, *(event.operation_id for event in batches)}


def test_a_terminal_sees_how_far_it_is(db, log):
    terminal = StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]  # as a terminal says it

    call_command(
        "import_purchases", str(log(LOG)), business="shop", create_business=True,
        stdout=StringIO(), stderr=terminal, **POSITIONS,
    )  # fmt: skip

    assert "\r5 of 5 lines" in terminal.getvalue()


def test_a_missing_file_is_named(db, tmp_path):
    with pytest.raises(CommandError, match=r"nowhere\.txt cannot be read"):
        Run(tmp_path / "nowhere.txt")

    assert not Business.objects.exists()
