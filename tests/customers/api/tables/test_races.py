"""Twenty at once, each reading, changing and writing back: no write is lost."""

from __future__ import annotations

import json
from http import HTTPStatus
from itertools import count, pairwise
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from tests.factories import CustomerFactory

WRITERS = 20


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_end_is_the_replay_of_the_accepted_writes(alice, bakery, at_once, settings):
    # One person has a budget for what people do, and not for twenty in a loop.
    settings.STAFF_RATES = settings.STAFF_RATES | {"user": (1000, 10_000)}
    row = CustomerFactory(business=bakery, source="0")
    path = f"/api/v1/customers/{row.pk}"
    numbers = count(1)

    def write() -> str:
        browser, mark = Client(), str(next(numbers))
        browser.cookies = alice.cookies
        while True:
            read = browser.get(path)
            answer = browser.patch(
                path,
                json.dumps({"source": f"{read.json()['source']}.{mark}"}),
                content_type="application/json",
                headers={"If-Match": read["ETag"]},
            )
            if answer.status_code != HTTPStatus.PRECONDITION_FAILED:
                assert answer.status_code == HTTPStatus.OK, answer.content
                return mark

    marks = at_once(write, WRITERS)

    assert [m for m in marks if not isinstance(m, str)] == []
    end, steps = at_once(lambda: _history(row), 1)[0]
    written = [source.rpartition(".")[2] for _, source in steps[1:]]
    assert sorted(written, key=int) == sorted(marks, key=int)
    assert end.source == ".".join(["0", *written])
    assert [rev for rev, _ in steps] == list(range(1, WRITERS + 2))
    assert end.rev == WRITERS + 1
    for (_, before), (_, after) in pairwise(steps):
        assert after.rpartition(".")[0] == before


def _history(row: Customer) -> tuple[Customer, list[Any]]:
    log = Customer.history.filter(id=row.pk).order_by("rev")
    return Customer.objects.get(pk=row.pk), list(log.values_list("rev", "source"))
