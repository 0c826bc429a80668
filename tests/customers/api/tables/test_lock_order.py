"""Writers of one customer who come by different doors never wait for each other."""

from __future__ import annotations

import json
from http import HTTPStatus
from itertools import count
from typing import Any

import pytest
from django.test import Client

from tests.factories import (
    AddressFactory,
    CustomerFactory,
    FlagFactory,
    TicketFactory,
)

WRITERS, TIMES = 12, 6


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_customer_is_written_by_every_door_at_once(alice, bakery, at_once):
    row = CustomerFactory(business=bakery)
    place = AddressFactory(customer=row, is_primary=True)
    ticket = TicketFactory(customer=row)
    FlagFactory(customer=row, code="verified")
    v1, below = "/api/v1", f"/api/customers/bakery/{row.pk}"
    doors: list[tuple[str, str, str]] = [
        ("PATCH", f"{v1}/addresses/{place.pk}", "city"),
        ("PATCH", below, "address"),
        ("PATCH", f"{v1}/tickets/{ticket.pk}", "subject"),
        ("PATCH", f"{v1}/customers/{row.pk}/preferences", "best_contact_time"),
        ("POST", f"{v1}/customers/{row.pk}/notes", "content"),
        ("PATCH", f"{v1}/customers/{row.pk}", "source"),
    ]
    numbers = count()

    def write() -> list[tuple[str, int]]:
        browser, mark = Client(raise_request_exception=False), next(numbers)
        browser.cookies = alice.cookies
        found: list[tuple[str, int]] = []
        for turn in range(TIMES):
            method, path, name = doors[(mark + turn) % len(doors)]
            body = json.dumps({name: f"{mark}.{turn}"})
            answer = browser.generic(method, path, body, "application/json")
            found.append((path, answer.status_code))
        return found

    answers: list[Any] = at_once(write, WRITERS)

    assert [each for each in answers if not isinstance(each, list)] == []
    good = {HTTPStatus.OK, HTTPStatus.CREATED}
    assert {each for found in answers for each in found if each[1] not in good} == set()
