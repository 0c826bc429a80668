"""Who a customer is called does not hang on which message came first."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from capture import services
from capture.services.rebuilding import rebuild
from customers.models import Customer
from tests.factories import SourceFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EMAIL = "ann@example.org"


def told(kind, day, message_id, **fields):
    body = {"email": EMAIL, "message_id": message_id, **fields}
    body["timestamp"] = f"2026-03-{day:02}T12:00:00Z"
    return kind, body


BARE = told("payment", 1, "m-1", transaction_id="t-1", final_price="5")
PAYER = told("payment", 2, "m-2", transaction_id="t-2", full_name="A. Payer")
LATER = told("payment", 3, "m-3", transaction_id="t-3", full_name="Ann Payer")
SIGNUP = told("signup", 1, "m-4", full_name="Ann", source="ads", phone="+4930123")


def send(messages, bakery, actor):
    """Capture messages one after the other; return the customer they end in."""
    source = SourceFactory(business=bakery)
    for kind, body in messages:
        envelopes = services.build_envelopes(
            kind, dict(body), trust="server", received_at=NOW
        )
        services.ingest(envelopes, source=source, actor=actor)
    row = Customer.objects.get(business=bakery)
    assert not list(rebuild(repair=False, actor=actor))
    return row.name, row.email, row.phone, row.source, row.joined_at


@pytest.mark.parametrize("order", list(permutations([BARE, PAYER, LATER])))
def test_payments_name_somebody_of_whom_nothing_else_is_known(order, bakery, actor):
    assert send(order, bakery, actor)[0] == "Ann Payer"


@pytest.mark.parametrize("order", list(permutations([BARE, LATER, SIGNUP])))
def test_a_signup_outranks_what_payments_say(order, bakery, actor):
    found = send(order, bakery, actor)

    assert found[:4] == ("Ann", EMAIL, "+4930123", "ads")
