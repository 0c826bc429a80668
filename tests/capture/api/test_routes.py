"""The literal requests of the source documents, and who may send them."""

from __future__ import annotations

import base64
import json

import pytest
from django.db import connection
from django.test import Client

from audit.models import Operation
from audit.privacy.masking import mask
from capture.models import ApiKey, Capture, CaptureLink, Login, Signup
from customers import services
from customers.models import ConsentEvent, Customer, CustomerStats
from tests.factories import ApiKeyFactory, CustomerFactory, SourceFactory

PAYMENT = {
    "user_email": "user@example.com",
    "user_name": "John Doe",
    "plan_name_payment": "Premium Plan",
    "original_price": 99.99,
    "discount_amount": 10.00,
    "final_price": 89.99,
    "coupon_code": "SAVE10",
    "payment_method": "paypal",
    "transaction_id": "TXN-12345",
    "payment_status": "completed",
    "payment_processor": "PayPal",
}
QUESTIONNAIRE = {
    "user_email": "user@example.com",
    "user_name": "John Doe",
    "tradesPerDay": "1-5",
    "tradingSession": "london",
    "cryptoAssets": ["BTC/USD", "ETH/USD"],
    "forexAssets": ["EUR/USD", "GBP/USD"],
    "hasAccount": "yes",
    "accountEquity": 50000,
    "propFirm": "FTMO",
    "accountType": "Challenge",
    "accountSize": 100000,
    "riskPercentage": 1.5,
    "riskRewardRatio": "1:2.5",
}
DASHBOARD = {
    "user_email": "user@example.com",
    "dashboardData": {
        "account": {"balance": 102500.75, "equity": 102500.75},
        "performance": {"totalPnl": 2500.75, "winRate": 68.5, "totalTrades": 25},
    },
    "tradingState": {
        "initialEquity": 100000,
        "currentEquity": 102500.75,
        "performanceMetrics": {},
        "riskSettings": {},
    },
    "theme": "dark",
}
SIGNUP_000 = {
    "email": "ana.silva@example.org",
    "name": "Ana Silva",
    "phone": "+351 912 000 421",
    "membership_tier": "pro",
    "signup_source": "spring-fair",
    "referral_code": "LX-77",
    "join_date": "2026-11-20T18:04:00Z",
    "marketing_consent": False,
    "password_hash": "pbkdf2$notreal",
    "tracking": {"utm_source": "flyer"},
}
PAYMENT_000 = {
    "email": "ana.silva@example.org",
    "payment_status": "completed",
    "payment_method": "card",
    "payment_amount": 48.50,
    "currency": "EUR",
    "payment_date": "2026-11-20T18:09:00Z",
    "transaction_id": "T-9001",
}
QUESTIONNAIRE_000 = {
    "email": "ana.silva@example.org",
    "account_type": "swing",
    "prop_firm": "none",
    "account_size": 20000,
    "trading_experience": "3 years",
    "risk_tolerance": "low",
    "trading_goals": "income",
    "answers": {"q7": "weekly"},
}
PROFILE_002 = {
    "email": "mia@example.org",
    "full_name": "Mia Roth",
    "signup_method": "email",
    "marketing_consent": True,
    "status": "active",
}
LOGIN_002 = {"email": "mia@example.org", "login_method": "password", "success": True}
DOCUMENTS = [
    ("/api/data-capture/payment", "payment", PAYMENT),
    ("/api/data-capture/questionnaire", "questionnaire", QUESTIONNAIRE),
    ("/api/data-capture/dashboard", "dashboard", DASHBOARD),
    ("/api/customer-data/capture-signup", "signup", SIGNUP_000),
    ("/api/customer-data/capture-payment", "payment", PAYMENT_000),
    ("/api/customer-data/capture-questionnaire", "questionnaire", QUESTIONNAIRE_000),
    ("/api/v1/tracking/profiles", "profile", PROFILE_002),
    ("/api/v1/tracking/logins", "login", LOGIN_002),
]
each_document = pytest.mark.parametrize(("path", "kind", "body"), DOCUMENTS)
PAYMENTS = "/api/data-capture/payment"


@each_document
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_literal_request_is_captured(post, path, kind, body, slash):
    response = post(path + slash, body)

    answer = response.json()
    capture = Capture.objects.get()
    assert response.status_code == 200
    assert answer == {
        "success": True,
        "status": "accepted",
        "capture_id": str(capture.pk),
        "customer_id": str(Customer.objects.get().pk),
        "duplicate": False,
        "message": "Captured.",
        "warnings": ["secret_redacted"] if "password_hash" in body else [],
    }
    assert (capture.type, capture.trust) == (kind, "server")
    assert Operation.objects.get(pk=capture.operation_id).via == "capture"
    assert response["X-Request-Id"] == str(capture.operation_id)


@each_document
def test_every_key_is_kept_as_it_came(post, path, kind, body):
    post(path, body)

    kept = json.loads(Capture.objects.get().payload)
    expected = {**body}
    if "password_hash" in expected:
        expected["password_hash"] = "[redacted:password]"
    assert kept == expected


@each_document
def test_the_customer_is_in_the_admin_within_the_same_request(
    post, owner, path, kind, body
):
    post(path, body)

    name = body.get("user_name") or body.get("name") or body.get("full_name")
    shown = name or mask(body.get("user_email") or body["email"])
    page = owner.get("/admin/customers/customer/")
    assert shown in page.content.decode()


@each_document
def test_the_same_message_again_is_a_duplicate(post, path, kind, body):
    first = post(path, {**body, "message_id": "m-1"}).json()
    again = post(path, {**body, "message_id": "m-1", "sent_at": "2026-11-21T00:00:00Z"})

    assert again.status_code == 200
    assert again.json()["status"] == "duplicate"
    assert again.json()["duplicate"] is True
    assert again.json()["capture_id"] == first["capture_id"]
    assert again.json()["customer_id"] == first["customer_id"]
    assert Capture.objects.count() == 1


def test_the_same_id_with_other_content_is_a_conflict(post):
    first = post(PAYMENTS, {**PAYMENT, "message_id": "m-1"}).json()
    other = post(PAYMENTS, {**PAYMENT, "message_id": "m-1", "final_price": 1})

    assert other.status_code == 409
    assert other["Content-Type"] == "application/problem+json"
    assert other.json()["code"] == "message_id_conflict"
    assert other.json()["capture_id"] == first["capture_id"]
    assert '"final_price":89.99' in Capture.objects.get().payload


def test_a_payment_without_id_is_known_by_its_transaction(post):
    post(PAYMENTS, PAYMENT)

    assert post(PAYMENTS, PAYMENT).json()["status"] == "duplicate"
    assert Capture.objects.get().message_id == "derived:PayPal:TXN-12345:completed"


def test_facts_of_a_payment_outlive_the_person(post):
    post(PAYMENTS, PAYMENT)

    assert Capture.objects.get().facts == {
        "processor": "PayPal",
        "transaction_id": "TXN-12345",
        "plan_name": "Premium Plan",
        "payment_method": "paypal",
        "state": "paid",
        "currency": "EUR",
        "currency_assumed": True,
        "original_price": "99.990",
        "discount_amount": "10.000",
        "final_price": "89.990",
    }


def test_a_signup_fills_its_row_and_the_figures(post):
    post("/api/customer-data/capture-signup", SIGNUP_000)

    signup, customer = Signup.objects.get(), Customer.objects.get()
    assert (signup.plan, signup.referral_code) == ("pro", "LX-77")
    assert signup.ip_address == "127.0.0.1"
    assert customer.name == "Ana Silva"
    assert customer.phone_e164 == "+351912000421"
    assert customer.joined_at == signup.signup_date
    assert customer.source == "spring-fair"
    assert ConsentEvent.objects.get().action == "refused"
    stats = CustomerStats.objects.get()
    assert (stats.login_count, stats.last_login_at) == (1, signup.signup_date)
    assert customer.history.count() >= 1


def test_a_failed_login_creates_nobody_and_counts_for_nothing(post):
    response = post("/api/v1/tracking/logins", {**LOGIN_002, "success": False})

    assert response.json()["customer_id"] is None
    assert not Customer.objects.exists()
    assert CaptureLink.objects.get().customer is None
    assert Login.objects.get().success is False


def test_a_profile_can_tell_of_a_login(post):
    post(
        "/api/v1/tracking/profiles",
        {"email": "mia@example.org", "last_login_at": "2026-11-21T05:00:00Z"},
    )

    assert Login.objects.get().login_time.isoformat() == "2026-11-21T05:00:00+00:00"
    assert CustomerStats.objects.get().login_count == 1


def test_a_current_or_former_e_mail_finds_the_customer(post, bakery, actor):
    customer = CustomerFactory(business=bakery, email="old@example.org")
    services.update_customer(customer, actor=actor, email="new@example.org")

    for email in ("OLD@example.org", "new@example.org"):
        answer = post(
            PAYMENTS, {**PAYMENT, "user_email": email, "transaction_id": email}
        )
        assert answer.json()["customer_id"] == str(customer.pk)


# --- who may send ---------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer sk_nobody"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic ###"},
        {"X-Capture-Key": "pk_nobody"},
    ],
)
def test_strangers_are_refused_and_leave_nothing(db, headers):
    response = Client().post(
        PAYMENTS, PAYMENT, content_type="application/json", headers=headers
    )

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_key"
    assert "example.com" not in response.content.decode()
    assert not Capture.objects.exists()


def test_unknown_and_revoked_keys_get_the_same_answer(post, key, actor):
    unknown = post(PAYMENTS, PAYMENT, Authorization="Bearer sk_nobody").json()
    key.revoked_at = key.created_at
    key.as_actor(actor).save()

    revoked = post(PAYMENTS, PAYMENT).json()

    del unknown["request_id"], revoked["request_id"]
    assert unknown == revoked


@pytest.mark.parametrize("where", ["basic", "header", "body"])
def test_a_key_may_stand_in_each_agreed_place(db, key, where):
    headers, body = {}, dict(PAYMENT)
    if where == "basic":
        encoded = base64.b64encode(f"{key.prefix}:".encode()).decode()
        headers = {"Authorization": f"Basic {encoded}"}
    elif where == "header":
        headers = {"X-Capture-Key": key.prefix}
    else:
        body["api_key"] = key.prefix

    response = Client().post(
        PAYMENTS, body, content_type="application/json", headers=headers
    )

    assert response.status_code == 200
    for text in Capture.objects.values_list("payload", flat=True):
        assert key.prefix not in text


def test_two_different_keys_are_refused(post):
    response = post(PAYMENTS, {**PAYMENT, "api_key": "sk_other"})

    assert (response.status_code, response.json()["code"]) == (401, "key_mismatch")


@pytest.fixture
def page_key(source):
    return ApiKeyFactory(
        source=source,
        kind="publishable",
        prefix="pk_page",
        origins=["https://shop.example.com"],
    )


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example.com", 200),
        ("https://shop.example.com.evil.org", 403),
        ("http://shop.example.com", 403),
        ("null", 403),
        (None, 403),
    ],
)
def test_a_page_key_works_from_its_page_only(page_key, origin, status):
    headers = {"Authorization": "Bearer pk_page"}
    if origin:
        headers["Origin"] = origin

    response = Client().post(
        PAYMENTS, PAYMENT, content_type="application/json", headers=headers
    )

    assert response.status_code == status
    if status == 200:
        assert response.json()["customer_id"] is None
        assert Capture.objects.get().trust == "browser"
    else:
        assert not Capture.objects.exists()


def test_a_secret_key_in_a_page_is_refused(post):
    response = post(PAYMENTS, PAYMENT, Origin="https://shop.example.com")

    assert response.status_code == 403
    assert response.json()["code"] == "secret_key_in_browser"


def test_a_key_without_the_right_to_write_is_refused(db, source):
    ApiKeyFactory(source=source, prefix="sk_reader", scopes=["read:captures"])

    response = Client().post(
        PAYMENTS,
        PAYMENT,
        content_type="application/json",
        headers={"Authorization": "Bearer sk_reader"},
    )

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


def test_two_businesses_share_an_address_and_nothing_else(post, rival):
    other = ApiKeyFactory(source=SourceFactory(business=rival, slug="shop"))
    post(PAYMENTS, {**PAYMENT, "message_id": "m-1"})
    post(
        PAYMENTS,
        {**PAYMENT, "message_id": "m-1"},
        Authorization=f"Bearer {other.prefix}",
    )

    assert Customer.objects.count() == 2
    assert Capture.objects.count() == 2
    for link in CaptureLink.objects.select_related("customer", "capture"):
        assert link.customer.business_id == link.capture.business_id == link.business_id


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_another_method_is_refused_with_the_right_one(db, method):
    response = getattr(Client(), method)(PAYMENTS)

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert response["Content-Type"] == "application/problem+json"


def test_a_key_is_stored_as_a_keyed_hash(db, key):
    with connection.cursor() as cursor:
        cursor.execute("SELECT key_hash FROM capture_apikey")
        (stored,) = cursor.fetchone()

    assert len(stored) == 64
    assert ApiKey.objects.get().is_valid
