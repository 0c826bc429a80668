"""List and page take as many statements for ten thousand rows as for a few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Note
from tests.customers.admin.test_bulk_acts import make
from tests.factories import CustomerFactory, FlagFactory

pytestmark = pytest.mark.slow
LIST = "/admin/customers/customer/"
QUERIES = (
    "",
    "?o=-spent",
    "?o=seen",
    "?status__exact=active&seen=never&joined=within&joined_days=30",
    "?tickets=none&o=-orders&p=2",
)


def statements(client: Any, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return [statement["sql"][:200] for statement in asked]


def test_the_list_takes_as_many_statements_for_ten_thousand(
    alice, bakery, actor, clock
):
    # It stands still: once a minute a session notes that it is in use.
    make(100, bakery, actor)
    FlagFactory(customer=Customer.objects.first())
    alice.get(LIST)
    before = {query: statements(alice, LIST + query) for query in QUERIES}
    Customer.objects.as_actor(actor).filter(business=bakery).update(
        email=None, email_key=None, email_skeleton=None
    )
    make(10_000, bakery, actor)
    alice.get(LIST)

    after = {query: statements(alice, LIST + query) for query in QUERIES}

    for query in QUERIES:
        # Behind what is counted, one statement asks whether there is a further page.
        assert len(after[query]) == len(before[query]), after[query]
        assert len(after[query]) <= 30
    assert "10,000+" in alice.get(LIST).text


def test_the_page_takes_as_many_statements_for_ten_thousand_entries(
    alice, bakery, actor, clock
):
    customer = CustomerFactory(business=bakery)
    page = f"{LIST}{customer.pk}/"

    def write(count: int) -> None:
        notes = [
            Note(customer=customer, business=bakery, content=f"No. {n}")
            for n in range(count)
        ]
        Note.objects.as_actor(actor, reason="test").bulk_create(notes, 1000)
        alice.get(page)

    queries = ("", "?kind=notes", "?tab=profile", "?tab=history")
    write(10)
    few = {query: statements(alice, page + query) for query in queries}
    write(10_000)
    many = {query: statements(alice, page + query) for query in queries}

    for query in queries:
        # One fewer where no change is among the newest fifty.
        assert len(few[query]) - 1 <= len(many[query]) <= len(few[query]), many[query]
        assert len(many[query]) <= 20, many[query]
