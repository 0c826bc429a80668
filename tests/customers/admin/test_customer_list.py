"""The list of customers: its columns, how it counts, and how it is sorted."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import services
from customers.models import Customer, CustomerStats
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    BookingFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    PreferencesFactory,
    TicketFactory,
)

LIST = "/admin/customers/customer/"


def cell(text: str, name: str) -> str:
    """Return what a column draws in the first row, without tags."""
    match = re.search(rf'<t[dh] class="field-{name}[^"]*">(.*?)</t[dh]>', text, re.S)
    assert match, name
    return " ".join(re.sub(r"<[^>]+>", " ", match[1]).split())


def columns_of(client: Any, query: str = "") -> list[str]:
    """Return the columns of the list, without the box that selects."""
    shown = client.get(f"{LIST}{query}").context["cl"].list_display
    return [str(name) for name in shown if name != "action_checkbox"]


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery, name="Ana Silva", email="ana@example.org", phone="+4722000421"
    )


def test_each_column_says_what_it_is_about(alice, ana):
    BookingFactory(customer=ana, status="completed", total_amount=9, paid_amount=9)
    TicketFactory(customer=ana, priority="urgent")
    FlagFactory(customer=ana, code="fragile-goods")
    FlagFactory(customer=ana, code="gone", removed_at=ana.joined_at)
    PreferencesFactory(customer=ana, do_not_contact=True)

    text = alice.get(LIST).text

    assert cell(text, "who") == f"A Ana Silva {ana.unique_id}"
    assert cell(text, "contact") == "a…@e….org …21"
    assert cell(text, "state") == "Active Do not contact Urgent One Time Fragile goods"
    assert cell(text, "orders") == "1"
    assert cell(text, "spent") == "9.00 EUR"
    assert cell(text, "open_tickets") == "1 urgent"
    assert 'badge bad">1<' in text
    assert "Gone" not in text


def test_who_has_no_contact_and_no_name_is_a_row_too(alice, bakery):
    CustomerFactory(business=bakery, name="Walk-in 0412")

    text = alice.get(LIST).text

    assert cell(text, "contact") == "no contact"
    assert cell(text, "open_tickets") == "–"
    assert cell(text, "seen") == "never"


def test_too_many_badges_are_counted(alice, ana):
    for number in range(9):
        FlagFactory(customer=ana, code=f"flag-{number}")

    state = cell(alice.get(LIST).text, "state")

    assert state == "Active Flag 0 Flag 1 Flag 2 Flag 3 Flag 4 4 more"


@pytest.mark.parametrize("role", ["admin", "support", "marketing", "auditor"])
def test_nobody_sees_contact_data_in_clear(role, bakery, ana):
    client = signed_in(staff(bakery, role, is_staff=True))

    text = client.get(f"{LIST}?o=-seen").text

    assert "Ana Silva" in text
    assert "ana@example.org" not in text
    assert "22000421" not in text


def test_a_name_that_is_an_address_is_masked(bakery):
    CustomerFactory(business=bakery, name="bea@example.org")
    support = signed_in(staff(bakery, "support", is_staff=True))

    text = support.get(LIST).text

    assert "bea@example.org" not in text
    assert "b…@e….org" in cell(text, "who")


def test_the_quick_buttons_lead_to_page_form_and_orders(alice, ana):
    text = alice.get(LIST).text

    assert cell(text, "quick_links") == "View Ana Silva Edit Ana Silva Orders Ana Silva"
    assert f"/admin/customers/booking/?customer__id__exact={ana.pk}" in text
    assert "ana" not in " ".join(re.findall(r'href="([^"]+)"', text)).lower()


def test_the_business_is_a_column_for_whoever_works_for_several(alice, ana, rival):
    assert "business" not in columns_of(alice)

    MembershipFactory(user=alice.user, business=rival, role="admin")

    assert "business" in columns_of(signed_in(alice.user))


def test_who_may_not_see_tickets_has_no_column_filter_or_view_of_them(bakery, ana):
    TicketFactory(customer=ana)
    marketing = signed_in(staff(bakery, "marketing", is_staff=True))

    page = marketing.get(LIST)

    assert "open_tickets" not in columns_of(marketing)
    assert "By tickets" not in page.text
    assert "Open tickets" not in page.text
    assert marketing.get(f"{LIST}?tickets=open").status_code == 400


def test_another_business_has_a_list_of_its_own(charlie, ana, rival):
    theirs = CustomerFactory(business=rival)

    page = charlie.get(LIST)

    assert list(page.context["cl"].result_list) == [theirs]
    assert "Ana Silva" not in page.text


# --- sorting --------------------------------------------------------------------


def set_figures(customer: Customer, **values: Any) -> None:
    CustomerStats.objects.filter(customer=customer).update(**values)


def test_the_list_is_sorted_by_names_of_columns(alice, bakery, clock):
    rows = CustomerFactory.create_batch(3, business=bakery)
    set_figures(rows[0], last_active_at=clock.now, total_spent=5)
    set_figures(rows[2], last_active_at=None, total_spent=9)
    set_figures(rows[1], last_active_at=clock.now.replace(year=2020), total_spent=7)

    def order(query: str) -> list[int]:
        shown = alice.get(f"{LIST}?{query}").context["cl"].result_list
        return [rows.index(customer) for customer in shown]

    # Who was never seen comes last, on both engines.
    assert order("o=-seen") == [0, 1, 2]
    assert order("o=seen") == [2, 1, 0]
    assert order("o=-spent") == [2, 1, 0]
    assert order("o=spent") == [0, 1, 2]


@pytest.mark.parametrize("column", ["contact", "open_tickets", "state", "email"])
def test_what_has_no_index_or_is_masked_sorts_nothing(bob, bakery, column):
    rows = [CustomerFactory(business=bakery, email=f"{n}@x.org") for n in (2, 1, 3)]

    up = bob.get(f"{LIST}?o={column}").context["cl"].result_list
    down = bob.get(f"{LIST}?o=-{column}").context["cl"].result_list

    assert [r.pk for r in up] == [r.pk for r in down] == [r.pk for r in reversed(rows)]


# --- counting and pages ---------------------------------------------------------


def test_no_statement_counts_all_rows(alice, bakery):
    CustomerFactory.create_batch(3, business=bakery)

    with CaptureQueriesContext(connection) as asked:
        alice.get(LIST)

    counts = [q["sql"] for q in asked if "COUNT(" in q["sql"]]
    of_customers = [sql for sql in counts if '"customers_customer"' in sql]
    assert of_customers
    assert all("LIMIT 10001" in sql for sql in of_customers)


def test_a_long_list_is_counted_up_to_a_limit_and_goes_on(alice, bakery, monkeypatch):
    monkeypatch.setattr("audit.admin.paging.MOST_COUNTED", 40)
    CustomerFactory.create_batch(60, business=bakery)
    services.save_layout(actor=actor_of(alice.user), columns=[], page_size=25)

    first = alice.get(LIST)
    last = alice.get(f"{LIST}?p=3")

    assert "1–25 of 40+" in first.text
    assert "?p=2" in first.context["cl"].next_url
    assert "51–60 of 40+" in last.text
    assert last.context["cl"].next_url == ""
    assert "?p=2" in last.context["cl"].previous_url
    assert alice.get(f"{LIST}?p=4")["Location"].endswith("?e=1")


def test_a_page_has_as_many_rows_as_the_person_chose(alice, bakery):
    CustomerFactory.create_batch(30, business=bakery)
    assert len(alice.get(LIST).context["cl"].result_list) == 30

    services.save_layout(actor=actor_of(alice.user), columns=[], page_size=25)

    assert len(alice.get(LIST).context["cl"].result_list) == 25


@pytest.mark.parametrize("query", ["", "?o=-seen&seen=over&seen_days=30&archived=all"])
def test_as_many_statements_for_sixty_customers_as_for_three(
    alice, bakery, assert_flat, query
):
    customers = CustomerFactory.create_batch(3, business=bakery)
    for customer in customers:
        FlagFactory(customer=customer)

    def grow() -> None:
        for customer in CustomerFactory.create_batch(57, business=bakery):
            FlagFactory(customer=customer)

    alice.get(LIST)
    assert_flat(call=partial(alice.get, LIST + query), grow=grow)


@pytest.mark.parametrize(
    ("column", "index"),
    [("spent", "stats_spent"), ("orders", "stats_orders"), ("seen", "stats_active")],
)
def test_sorting_by_a_figure_reads_its_index(alice, bakery, column, index):
    if connection.vendor == "postgresql" and column == "seen":
        pytest.skip("Null comes first in the index, and last in the list.")
    CustomerFactory.create_batch(2, business=bakery)
    with CaptureQueriesContext(connection) as asked:
        alice.get(f"{LIST}?o=-{column}&archived=all")
    [sql] = [
        query["sql"]
        for query in asked
        if query["sql"].startswith('SELECT "customers_customer"."id", "customers')
    ]
    explain = "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            explain = "EXPLAIN"
            # Small tables are read whole and sorted; ask what is done with big ones.
            for way in ("seqscan", "sort", "bitmapscan"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"{explain} {sql}")
        plan = "\n".join(row[-1] for row in cursor.fetchall())

    assert index in plan, plan
    assert not re.search(r"TEMP B-TREE FOR ORDER BY|(?<!Incremental )Sort  ", plan)


@pytest.mark.parametrize("column", ["tier", "spent", "orders", "seen"])
def test_sorted_by_a_figure_the_list_has_the_same_customers(
    alice, owner, bakery, rival, column
):
    rows = CustomerFactory.create_batch(3, business=bakery)
    theirs = CustomerFactory(business=rival)

    for client, customers in ((alice, {*rows}), (owner, {*rows, theirs})):
        shown = client.get(f"{LIST}?o=-{column}").context["cl"].result_list
        assert {*shown} == customers
