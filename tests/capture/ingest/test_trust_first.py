"""What a page says never takes the place of what a server says, in whichever order."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from capture.models import Capture, CaptureLink, Payment, Quarantine, Signup
from customers.models import Customer, CustomerStats
from tests.factories import ApiKeyFactory, SourceFactory

PAYMENT = "/api/data-capture/payment"
ANY = "/api/v1/captures"
SHOP = "https://shop.example.com"
AT = "2026-05-01T12:00:00+00:00"
PAID = {
    "user_email": "ana@example.org",
    "final_price": 89.99,
    "payment_status": "completed",
    "transaction_id": "T-1",
    "currency": "EUR",
}


@pytest.fixture
def source(bakery):
    return SourceFactory(business=bakery, slug="shop")


@pytest.fixture
def page(source):
    key = ApiKeyFactory(
        source=source, kind="publishable", prefix="pk_page", origins=[SHOP]
    )
    return sender(key.prefix, Origin=SHOP)


@pytest.fixture
def server(source):
    return sender(ApiKeyFactory(source=source).prefix)


def sender(token: str, **headers: str) -> Any:
    def send(body: dict[str, Any], path: str = PAYMENT) -> Any:
        return Client().post(
            path,
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    return send


def spent() -> dict[str, Decimal]:
    stats = CustomerStats.objects.filter(total_spent__gt=0)
    return dict(stats.values_list("customer__email", "total_spent"))


@pytest.mark.parametrize(
    "claim",
    [
        PAID,
        PAID | {"final_price": 1},
        PAID | {"user_email": "eve@example.org"},
        PAID | {"coupon_code": "X"},
        PAID | {"message_id": "m-1"},
    ],
    ids=["the same", "another amount", "another person", "more", "a guessed id"],
)
def test_a_claim_never_stands_in_the_way_of_a_confirmation(page, server, claim):
    confirmed = PAID | ({"message_id": "m-1"} if "message_id" in claim else {})

    assert page(claim).status_code == 200
    answer = server(confirmed)

    assert answer.status_code == 200, answer.content
    assert not Quarantine.objects.exists()
    assert spent() == {"ana@example.org": Decimal("89.99")}
    payment = Payment.objects.get(verified=True)
    assert (payment.final_price, payment.user_email) == (
        Decimal("89.99"),
        "ana@example.org",
    )


def test_a_page_leads_no_file_to_its_person_by_a_user_id(page, server):
    page({"type": "signup", "email": "eve@example.org", "user_id": "1001"}, ANY)
    # A file and the API find people by this.
    assert Customer.objects.get().external_id is None

    server(PAID | {"user_id": "1001"})

    ana = Customer.objects.get(email="ana@example.org")
    assert ana.external_id == "1001"
    assert Customer.objects.get(email="eve@example.org").external_id is None


def test_a_late_claim_adds_nothing_to_a_confirmation(page, server):
    assert server(PAID).status_code == 200
    before = list(Payment.objects.values("final_price", "state", "user_email"))

    for late in (PAID | {"final_price": 5000}, PAID | {"payment_status": "refunded"}):
        assert page(late).status_code == 200

    assert spent() == {"ana@example.org": Decimal("89.99")}
    verified = Payment.objects.filter(verified=True)
    assert list(verified.values("final_price", "state", "user_email")) == before


def test_the_latest_of_a_person_is_what_a_server_said(page, server, alice):
    path = "/api/v1/captures"
    ana = {"email": "ana@example.org"}
    signup = {"type": "signup", **ana, "plan": "basic", "referral_code": "FRIEND"}
    answers = {"type": "questionnaire", **ana, "prop_firm": "Ours", "account_size": 5}
    for body in (signup, answers):
        assert server(body, path).status_code == 200
    server(PAID)

    page(signup | {"plan": "platinum", "referral_code": ""}, path)
    page(answers | {"prop_firm": "Theirs", "account_size": 9_999_999}, path)
    page(PAID | {"transaction_id": "T-2", "final_price": 5000})

    customer = Customer.objects.get()
    known = alice.get(f"/api/customer-data/get/{customer.pk}").json()["customer"]
    assert (known["membership_tier"], known["referral_code"]) == ("basic", "FRIEND")
    assert (known["prop_firm"], known["account_size"]) == ("Ours", 5)
    assert (known["payment_amount"], known["payment_status"]) == (89.99, "completed")


def test_what_a_page_alone_says_was_paid_is_a_claim_in_document_000(
    page, server, alice
):
    statuses = []
    for send in (page, server):
        send(PAID)
        customer = Customer.objects.get()
        answer = alice.get(f"/api/customer-data/get/{customer.pk}").json()
        statuses.append(answer["customer"]["payment_status"])

    assert statuses == ["claimed", "completed"]


@pytest.mark.parametrize("is_page_first", [True, False])
def test_a_page_neither_names_nor_dates_whom_a_server_speaks_of(
    page, server, is_page_first
):
    claim = {"type": "signup", "email": "ana@example.org", "full_name": "Evil",
             "signup_date": "2010-01-01T00:00:00Z"}  # fmt: skip
    steps = [
        lambda: page(claim, ANY),
        lambda: server(PAID | {"user_name": "Ana"}),
        lambda: server(claim | {"full_name": "", "signup_date": AT}, ANY),
    ]
    for step in steps if is_page_first else reversed(steps):
        assert step().status_code == 200

    customer = Customer.objects.get()
    assert (customer.name, customer.joined_at.isoformat()) == ("Ana", AT)


def test_a_page_repeats_a_server_and_no_server_a_page(page, server):
    path = "/api/customer-data/capture-signup"
    body = {"email": "ana@example.org", "message_id": "s-1", "full_name": "Ana"}

    page(body, path)
    server(body, path)
    assert list(Signup.objects.order_by("pk").values_list("trust", flat=True)) == [
        "browser",
        "server",
    ]
    page({"email": "ana@example.org", "type": "profile", "full_name": "Evil"}, ANY)
    assert Customer.objects.get().name == "Ana"

    other = {"email": "bo@example.org", "message_id": "s-2", "full_name": "Bo"}
    server(other, path)
    assert page(other, path).json()["duplicate"] is True
    # The same words of another kind are another message.
    page({**other, "message_id": "q-1"}, "/api/data-capture/dashboard")
    asked = server({**other, "message_id": "q-1"}, "/api/data-capture/questionnaire")
    assert asked.json()["duplicate"] is False


def test_a_batch_of_repeats_is_judged_item_by_item(page, server):
    body = {"type": "signup", "email": "ana@example.org", "message_id": "s-1"}
    server(body, ANY)

    batch = {"captures": [body, body, body | {"full_name": "Other"}]}
    results = page(batch, f"{ANY}/batch").json()["results"]

    assert [r["status"] for r in results] == ["duplicate", "duplicate", "conflict"]


def test_a_server_confirms_the_board_that_a_page_has_claimed(page, server):
    for send, equity in ((server, 1), (page, 2), (server, 2), (page, 2), (server, 2)):
        body = {"email": "ana@example.org", "dashboard_data": {"equity": equity}}
        assert send(body, "/api/data-capture/dashboard").status_code == 200

    boards = Capture.objects.filter(type="dashboard").order_by("received_at")
    assert list(boards.values_list("trust", flat=True)) == [
        "server",
        "browser",
        "server",
    ]


def test_another_content_under_a_guessed_id_is_no_conflict(page, server):
    path = "/api/customer-data/capture-signup"
    page({"email": "eve@example.org", "message_id": "s-1"}, path)
    answer = server({"email": "ana@example.org", "message_id": "s-1"}, path)

    assert answer.status_code == 200, answer.content
    assert Customer.objects.filter(email="ana@example.org").exists()
    # And within one trust an id stays one.
    other = server({"email": "bo@example.org", "message_id": "s-1"}, path)
    assert other.status_code == 409


def test_a_browser_with_a_nul_in_its_name_is_stored(server):
    body = {"type": "signup", "email": "a@example.org", "user_agent": "A\0\ud800B"}

    assert server(body, ANY).status_code == 200
    assert Signup.objects.get().user_agent == "A\u2400?B"


def test_where_a_person_is_says_a_server_and_no_page(page, server):
    trace = {"ip_address": "198.51.100.7", "user_agent": "EndUserBrowser/9"}
    for number, send in enumerate((server, page)):
        body = {"type": "signup", "email": f"p{number}@example.org", **trace}
        assert send(body, "/api/v1/captures").status_code == 200

    told = Signup.objects.order_by("email").values_list("ip_address", "user_agent")
    assert list(told) == [("198.51.100.7", "EndUserBrowser/9"), ("127.0.0.1", None)]
    assert Capture.objects.get(email="p1@example.org").warnings == [
        ["does_not_fit", "/ip_address"],
        ["does_not_fit", "/user_agent"],
    ]


def test_a_page_takes_nothing_of_a_server_away_by_an_anonymous_id(page, server):
    ana = {"type": "profile", "email": "ana@example.org", "anonymous_id": "an-1"}
    alone = {"type": "payment", "anonymous_id": "an-1", "final_price": 50,
             "payment_status": "completed", "currency": "EUR"}  # fmt: skip
    server(ana, ANY)
    server(alone | {"transaction_id": "T-1"}, ANY)
    page({"type": "page", "anonymous_id": "an-1", "message_id": "p-1"}, ANY)
    assert spent() == {"ana@example.org": Decimal(50)}

    page(ana | {"email": "eve@example.org"}, ANY)
    server(alone | {"transaction_id": "T-2"}, ANY)

    assert spent() == {"ana@example.org": Decimal(100)}
    # What pages sent is of nobody any more: two people use this computer.
    of_page = CaptureLink.objects.get(capture__message_id="p-1")
    assert of_page.customer is None
    # Once a server says the same it holds for all.
    server(ana | {"email": "eve@example.org"}, ANY)
    assert spent() == {}


def test_a_page_leads_no_payment_to_its_person_by_an_anonymous_id(page, server):
    paid = {"type": "payment", "anonymous_id": "an-1", "final_price": 50,
            "payment_status": "completed", "currency": "EUR"}  # fmt: skip
    server(paid | {"transaction_id": "T-1"}, ANY)
    page({"type": "profile", "email": "eve@example.org", "anonymous_id": "an-1"}, ANY)
    server(paid | {"transaction_id": "T-2"}, ANY)
    assert spent() == {}

    server({"type": "profile", "email": "ana@example.org", "anonymous_id": "an-1"}, ANY)
    assert spent() == {"ana@example.org": Decimal(100)}


@pytest.mark.parametrize("is_page_first", [True, False])
def test_a_page_says_no_status_of_a_customer(page, server, is_page_first):
    profile = {"type": "profile", "email": "ana@example.org"}
    claim = profile | {"status": "inactive"}
    steps = [lambda: page(claim, ANY), lambda: server(PAID)]
    answers = [step().json() for step in (steps if is_page_first else steps[::-1])]

    assert Customer.objects.get().status == "active"
    assert ["does_not_fit"] in [answer["warnings"] for answer in answers]
    server(claim | {"message_id": "m-9"}, ANY)
    assert Customer.objects.get().status == "inactive"
