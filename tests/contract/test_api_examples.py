"""The bodies that the viewer proposes: each is taken as it stands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from audit.tenancy.actors import Actor
from capture import services as capture
from config.api.examples import EXAMPLES
from tests.conftest import confirm, signed_in, staff
from tests.contract.descriptions import whole
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    NoteFactory,
    SourceFactory,
    TicketFactory,
)

# Below a customer the address says whose it is; at these the body would have to.
_NEEDS_OWNER = re.compile(
    r"^/api/v1/(addresses|bookings|consents|contacts|notes|tickets|messages)$"
)
# Secrets of whoever signs in, and acts on rows that somebody archived before.
_OTHERS = re.compile(r"^/api/v1/auth/|/restore$|/refunds/")
_ROWS = {
    "addresses": AddressFactory,
    "bookings": BookingFactory,
    "contacts": ContactFactory,
    "credits": CreditFactory,
    "notes": NoteFactory,
    "tickets": TicketFactory,
}


def proposed() -> list[tuple[str, str]]:
    """Return the operations with an example that stands alone, by method and path."""
    return [
        (method.upper(), path)
        for path, item in whole()["paths"].items()
        for method, operation in item.items()
        if not _NEEDS_OWNER.match(path) and not _OTHERS.search(path)
        for media in operation.get("requestBody", {}).get("content", {}).values()
        if "example" in media
    ]


def example_of(method: str, path: str) -> Any:
    operation = whole()["paths"][path][method.lower()]
    return operation["requestBody"]["content"]["application/json"]["example"]


@pytest.fixture
def filled(bakery):
    """Return a function that fills the parameters of a path with rows."""
    customer = CustomerFactory(business=bakery)
    paid = {"status": "completed", "total_amount": 40, "paid_amount": 40}

    def fill(path: str) -> str:
        kind = path.split("/")[3]
        values = {"customer": str(customer.pk), "business": bakery.slug}
        if "{id}" in path:
            more: dict[str, Any] = paid if kind == "bookings" else {}
            if path.endswith("/payments"):
                more = paid | {"paid_amount": 0}
            row = _ROWS[kind](customer=customer, **more)
            values["id"] = str(row.pk)
            if "{payment}" in path:
                values["payment"] = str(row.payments.get().pk)
        if path.endswith("/credits/spend"):
            CreditFactory(customer=customer, amount=50)
        if "/flags/{code}" in path:
            pytest.skip("Takes a flag away that has to be there.")
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)

    return fill


@pytest.mark.parametrize(("method", "path"), proposed())
def test_each_example_is_taken(bakery, filled, method, path):
    browser = signed_in(staff(bakery))
    confirm(browser, "reveal")
    source = SourceFactory(business=bakery)
    scopes = ["write", "read:captures"]
    actor = Actor.system("test")
    _, key = capture.create_key(source, actor=actor, kind="secret", scopes=scopes)
    schemes = whole()["paths"][path][method.lower()]["security"]
    headers = (
        {"Authorization": f"Bearer {key}"} if {"captureKey": []} in schemes else {}
    )

    answer = browser.generic(
        method,
        filled(path),
        json.dumps(example_of(method, path)),
        content_type="application/json",
        headers=headers,
    )

    asked = answer.status_code == 401 and answer.json()["code"] == "step_up_required"
    assert asked or answer.status_code in (200, 201, 202, 204), answer.content


def test_each_example_is_of_a_body_that_there_is():
    assert set(EXAMPLES) <= set(whole()["components"]["schemas"])
    assert len(proposed()) > 30
