"""The canonical API's tables of captures: to be read, masked, never with a key."""

from __future__ import annotations

import pytest

from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import ApiKeyFactory, CaptureFactory, SourceFactory

API = "/api/v1"
PAID = {
    "email": "mia@example.org",
    "user_name": "mia@example.org",
    "transaction_id": "T-1",
    "final_price": "49.9",
    "currency": "EUR",
    "payment_status": "paid",
    "payment_method": "Mastercard",
}


@pytest.fixture
def source(bakery):
    return SourceFactory(business=bakery, slug="shop")


def test_a_payment_has_amounts_and_masked_people(alice, bob, source):
    CaptureFactory(source=source, type="payment", body=PAID)

    [row] = alice.get(f"{API}/payments?transaction_id=T-1").json()["results"]
    path = f"{API}/payments/{row['id']}?expand=customer"
    clear, masked = alice.get(path).json(), bob.get(path).json()

    assert (row["final_price"], row["state"]) == ("49.90", "paid")
    assert row["user_email"] == row["user_name"] == "m…@e….org"
    assert clear["user_email"] == clear["customer"]["email"] == "mia@example.org"
    assert (clear["payment_method"], clear["ip_address"]) == ("Mastercard", "192.0.2.7")
    assert masked["user_email"] == masked["customer"]["email"] == "m…@e….org"
    assert (masked["payment_method"], masked["ip_address"]) == ("M…", "192.…")


@pytest.mark.parametrize("name", ["signups", "logins", "payments", "questionnaires"])
def test_they_are_only_read(alice, name):
    assert send(alice, "POST", f"{API}/{name}", {"email": "x"}).status_code == 405


def test_rows_of_one_customer_are_found(alice, source):
    CaptureFactory(source=source, body={"email": "mia@example.org"})
    CaptureFactory(source=source, body={"email": "ole@example.org"})
    rows = alice.get(f"{API}/signups").json()["results"]

    for row in rows:
        query = f"{API}/signups?customer={row['customer_id']}&fields=id"
        assert alice.get(query).json()["results"] == [{"id": row["id"]}]


def test_a_key_shows_what_it_may_and_not_itself(alice, bakery, source):
    key = ApiKeyFactory(source=source)

    body = alice.get(f"{API}/keys/{key.pk}?expand=source").json()

    assert (body["prefix"], body["source"]["slug"]) == (key.prefix, "shop")
    assert key.key_hash not in alice.get(f"{API}/keys/{key.pk}").text
    assert alice.get(f"{API}/keys?key_hash=x").status_code == 400
    support = signed_in(staff(bakery, "support"))
    assert support.get(f"{API}/keys").status_code == 403
    assert support.get(f"{API}/sources").status_code == 403


def test_the_doors_of_capture_still_stand(client, alice):
    assert client.get(f"{API}/captures").status_code == 401
    assert alice.get(f"{API}/captures").json() == {"results": [], "next": None}
    assert alice.get(f"{API}/quarantine").json() == {"results": [], "next": None}
    assert client.get(f"{API}/schemas/payment/1").status_code == 200
