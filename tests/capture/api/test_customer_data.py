"""Document 000: everything that is known of customers, replayed as it is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from audit.models import Event, Operation
from capture import services
from capture.models import Payment
from capture.services.customer_data import VERIFICATIONS
from customers.models import Customer
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    ApiKeyFactory,
    CaptureFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    NoteFactory,
    QuarantineFactory,
    SourceFactory,
)
from tests.factories.capture import ARRIVED

ALL = "/api/customer-data/get-all"
ONE = "/api/customer-data/get"
STATS = "/api/customer-data/stats"
# As document 000 names them, without the password, with what says that one was sent.
KEYS = [
    "id", "customer_id", "unique_id", "email", "name", "phone", "membership_tier",
    "payment_status", "payment_method", "payment_amount", "payment_date", "join_date",
    "last_active", "status", "questionnaire_data", "account_type", "prop_firm",
    "account_size", "trading_experience", "risk_tolerance", "trading_goals",
    "ip_address", "user_agent", "signup_source", "referral_code",
    "data_capture_complete", "admin_verified", "admin_notes", "credential_seen",
    "created_at", "updated_at",
]  # fmt: skip
SIGNUP = {
    "email": "ana.silva@example.org",
    "name": "Ana Silva",
    "phone": "+351 912 000 421",
    "membership_tier": "pro",
    "signup_source": "spring-fair",
    "referral_code": "LX-77",
    "join_date": "2026-11-20T18:04:00Z",
    "marketing_consent": False,
    "password_hash": "$2b$12$abcdefghijklmnopqrstuv",
}
PAYMENT = {
    "email": "ana.silva@example.org",
    "payment_status": "completed",
    "payment_method": "card",
    "payment_amount": Decimal("48.50"),
    "currency": "EUR",
    "payment_date": "2026-11-20T18:09:00Z",
    "transaction_id": "T-9001",
}
ANSWERS = {
    "email": "ana.silva@example.org",
    "account_type": "swing",
    "prop_firm": "none",
    "account_size": 20000,
    "trading_experience": "3 years",
    "risk_tolerance": "low",
    "trading_goals": "income",
    "answers": {"q7": "weekly"},
}


def capture_all(source, email: str = SIGNUP["email"]) -> Customer:
    """Send what document 000 captures of one person, and return the customer."""
    for number, (kind, body) in enumerate(
        [("signup", SIGNUP), ("payment", PAYMENT), ("questionnaire", ANSWERS)]
    ):
        more = {"email": email, "message_id": f"{email}-{number}"}
        if kind == "payment":
            more["transaction_id"] = f"T-{email}"
        CaptureFactory(source=source, type=kind, body=body | more)
    return Customer.objects.get(email_key=email)


@pytest.fixture
def source(bakery):
    return SourceFactory(business=bakery)


@pytest.fixture
def ana(source):
    return capture_all(source)


@pytest.fixture
def reader(source):
    """A secret key that may read customers."""
    return ApiKeyFactory(source=source, scopes=["read:customers"])


def bearer(key) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.prefix}"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_customer_has_every_column_of_the_document(alice, ana, slash):
    FlagFactory(customer=ana)
    NoteFactory(customer=ana, content="Called twice.")
    NoteFactory(customer=ana, content="Bakes at home.", is_pinned=True)

    body = alice.get(f"{ONE}/{ana.pk}{slash}").json()

    assert body["success"] is True
    found = body["customer"]
    assert list(found) == KEYS
    assert found["id"] == found["customer_id"] == str(ana.pk)
    for name in ("email", "name", "phone", "membership_tier", "referral_code"):
        assert found[name] == SIGNUP[name]
    assert found["signup_source"] == "spring-fair"
    assert found["join_date"] == SIGNUP["join_date"]
    assert found["payment_status"] == "completed"
    assert found["payment_method"] == "card"
    assert found["payment_amount"] == 48.50
    assert found["payment_date"] == PAYMENT["payment_date"]
    assert found["questionnaire_data"] == {"q7": "weekly"}
    assert found["account_size"] == 20000
    for name in ("account_type", "prop_firm", "trading_experience", "trading_goals"):
        assert found[name] == ANSWERS[name]
    assert found["ip_address"] == "192.0.2.7"
    assert found["status"] == "active"
    assert found["data_capture_complete"] is True
    assert found["admin_verified"] is True
    assert found["admin_notes"] == "Bakes at home."
    assert found["credential_seen"] is True
    assert SIGNUP["password_hash"] not in str(body)


def test_amounts_are_written_digit_by_digit(alice, ana):
    text = alice.get(f"{ONE}/{ana.pk}").text

    assert '"payment_amount":48.50,' in text
    assert '"account_size":20000,' in text


def test_who_was_typed_in_has_nulls(alice, bakery):
    row = CustomerFactory(business=bakery)

    found = alice.get(f"{ONE}/{row.unique_id}").json()["customer"]

    assert list(found) == KEYS
    assert found["membership_tier"] is None
    assert found["questionnaire_data"] is None
    assert found["data_capture_complete"] is False
    assert found["admin_verified"] is False
    assert found["credential_seen"] is False


def test_the_newest_capture_of_each_kind_is_told(alice, source, ana):
    later = {"occurred_at": "2026-11-20T20:00:00Z", "email": ana.email}
    again = {**SIGNUP, **later, "message_id": "later", "membership_tier": "team"}
    CaptureFactory(source=source, type="signup", body=again)

    found = alice.get(f"{ONE}/{ana.pk}").json()["customer"]

    assert found["membership_tier"] == "team"


def test_a_list_is_masked_for_people_and_clear_for_servers(alice, client, ana, reader):
    people = alice.get(ALL).json()
    servers = client.get(ALL, headers=bearer(reader)).json()

    assert {k: people[k] for k in ("success", "count", "next", "previous")} == {
        "success": True, "count": 1, "next": None, "previous": None,
    }  # fmt: skip
    [masked], [clear] = people["customers"], servers["customers"]
    assert list(masked) == list(clear) == KEYS
    assert masked["email"] == "a…@e….org"
    assert masked["ip_address"] == "192.…"
    assert masked["payment_method"] == "c…"
    assert (clear["email"], clear["ip_address"]) == (ana.email, "192.0.2.7")
    assert clear["admin_notes"] is None


def test_search_status_and_pages(alice, source, ana, bakery):
    CustomerFactory(business=bakery, name="Jonas", status="inactive")

    def found(query: str) -> list[str]:
        return [row["name"] for row in alice.get(f"{ALL}?{query}").json()["customers"]]

    assert found("search=silva") == ["Ana Silva"]
    assert found("status=inactive") == ["Jonas"]
    assert sorted(found("status=")) == ["Ana Silva", "Jonas"]
    first = alice.get(f"{ALL}?page=1&page_size=1").json()
    assert first["count"] == 2
    second = alice.get(first["next"]).json()
    assert second["next"] is None
    assert alice.get(second["previous"]).json()["customers"] == first["customers"]
    assert Event.objects.filter(action="customer.searched", query="silva").exists()


@pytest.mark.parametrize("query", ["page_size=101", "page=0", "status=x", "q=1"])
def test_a_wrong_parameter_is_400(alice, query):
    assert alice.get(f"{ALL}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("role", "everybody"),
    [("admin", 200), ("support", 403), ("marketing", 403), ("auditor", 403)],
)
def test_only_admins_list_everything_and_staff_see_one(bakery, ana, role, everybody):
    browser = signed_in(staff(bakery, role))

    assert browser.get(ALL).status_code == everybody
    assert browser.get(f"{ONE}/{ana.pk}").status_code == 200
    assert browser.get(STATS).status_code == 200


def test_one_customer_is_masked_by_role(bakery, ana):
    NoteFactory(customer=ana, content="Called twice.")

    seen = {
        role: signed_in(staff(bakery, role)).get(f"{ONE}/{ana.pk}").json()["customer"]
        for role in ("support", "marketing", "auditor")
    }

    for found in seen.values():
        assert found["email"] == "a…@e….org"
        assert ana.phone not in found.values()
    # Marketing reads neither captures nor notes.
    assert seen["support"]["admin_notes"] == "Called twice."
    assert seen["support"]["membership_tier"] == "pro"
    for name in ("membership_tier", "questionnaire_data", "admin_notes"):
        assert seen["marketing"][name] is None


def test_each_look_leaves_an_event(alice, client, ana, reader):
    alice.get(f"{ONE}/{ana.pk}")
    client.get(f"{ONE}/{ana.pk}", headers=bearer(reader))
    client.get(ALL, headers=bearer(reader))

    looks = Event.objects.filter(action="customer.viewed").order_by("occurred_at")
    assert [(e.actor_kind, e.subject_id) for e in looks] == [
        ("user", ana.pk),
        ("key", ana.pk),
    ]
    listed = Event.objects.get(action="customer.listed")
    assert (listed.key_id, listed.subjects) == (reader.pk, [str(ana.pk)])
    assert Operation.objects.filter(key_id=reader.pk).exists()


@pytest.mark.parametrize("path", [ALL, STATS, f"{ONE}/x"])
def test_strangers_are_401(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


def test_a_key_needs_the_scope_and_the_right_kind(client, source, ana):
    writer = ApiKeyFactory(source=source, scopes=["write"])
    page = ApiKeyFactory(
        source=source, kind="publishable", scopes=["read:customers"],
        requires_origin=False,
    )  # fmt: skip
    unknown = {"Authorization": "Bearer sk_unknown"}

    for headers, status, code in [
        (bearer(writer), 403, "scope_missing"),
        (bearer(page), 403, "secret_key_needed"),
        (unknown, 401, "invalid_key"),
        ({"X-Capture-Key": "sk_unknown"}, 401, "invalid_key"),
    ]:
        for path in (ALL, f"{ONE}/{ana.pk}"):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert ana.email not in answer.text


def test_keys_read_no_figures(client, reader, ana):
    assert client.get(STATS, headers=bearer(reader)).status_code == 401


def test_a_key_comes_before_a_session(alice, ana):
    answer = alice.get(ALL, headers={"Authorization": "Bearer sk_unknown"})

    assert answer.status_code == 401


def test_a_key_that_reads_too_fast_is_429(client, settings, reader, ana, clock):
    settings.CAPTURE_RATES = {**settings.CAPTURE_RATES, "secret": (1, 2)}

    statuses = [client.get(ALL, headers=bearer(reader)).status_code for _ in range(4)]

    assert statuses[:2] == [200, 200]
    assert 429 in statuses


def test_a_key_is_guessed_slowly(client, settings, db, clock):
    settings.CAPTURE_RATES = {**settings.CAPTURE_RATES, "stranger": (1, 2)}
    unknown = {"Authorization": "Bearer sk_unknown"}

    answers = [client.get(ALL, headers=unknown) for _ in range(4)]

    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) >= 1


def test_no_page_of_another_origin_reads_with_a_session(alice, ana, source):
    page = "https://shop.example.com"
    ApiKeyFactory(source=source, kind="publishable", origins=[page])

    for path in (ALL, f"{ONE}/{ana.pk}"):
        answer = alice.get(path, headers={"Origin": page})

        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")
        assert "Access-Control-Allow-Origin" not in answer


def test_another_businesss_customers_are_missing(charlie, client, rival, ana):
    foreign = ApiKeyFactory(
        source=SourceFactory(business=rival), scopes=["read:customers"]
    )

    for caller, headers in ((charlie, {}), (client, bearer(foreign))):
        assert caller.get(ALL, headers=headers).json()["count"] == 0
        there = caller.get(f"{ONE}/{ana.pk}", headers=headers)
        nobody = caller.get(f"{ONE}/{rival.pk}", headers=headers)
        assert there.status_code == nobody.status_code == 404
        same = {"request_id"}
        assert {k: v for k, v in there.json().items() if k not in same} == {
            k: v for k, v in nobody.json().items() if k not in same
        }
        named = {**headers, "X-Business": "bakery"}
        assert caller.get(ALL, headers=named).status_code == 404


def test_no_right_crosses_over(bakery, rival, ana):
    user = staff(rival)
    MembershipFactory(user=user, business=bakery, role="marketing")

    answer = signed_in(user).get(ALL, headers={"X-Business": "bakery"})

    assert answer.status_code == 404


def test_a_page_takes_as_many_queries_for_many(alice, source, assert_flat):
    capture_all(source)

    def grow() -> None:
        for number in range(6):
            capture_all(source, f"more{number}@example.org")

    assert_flat(call=lambda: alice.get(ALL), grow=grow)


# --- figures ------------------------------------------------------------------------


def test_the_figures_are_the_documents(alice, source, ana, bakery):
    CustomerFactory(business=bakery)
    QuarantineFactory(source=source)

    body = alice.get(f"{STATS}?period_hours=48").json()

    assert list(body) == [
        "success", "as_of", "total_customers", "payment_verification",
        "data_capture", "captures",
    ]  # fmt: skip
    assert body["total_customers"] == 2
    assert body["payment_verification"] == {
        "none": 1, "claimed": 0, "confirmed": 1, "failed": 0, "refunded": 0,
    }  # fmt: skip
    assert body["data_capture"] == {
        "complete": 1, "incomplete": 1, "completion_rate": 0.5,
    }  # fmt: skip
    assert list(body["captures"]) == [
        "period_hours", "accepted", "quarantined", "success_rate",
    ]  # fmt: skip
    assert body["captures"]["period_hours"] == 48
    told = services.get_customer_data_stats(
        bakery, actor=actor_of(alice.user), period=timedelta(hours=24), now=ARRIVED
    )
    assert (told.accepted, told.quarantined) == (3, 1)


def test_rates_of_nothing_are_null(alice, bakery):
    body = alice.get(STATS).json()

    assert body["data_capture"]["completion_rate"] is None
    assert body["captures"]["success_rate"] is None
    assert body["captures"]["period_hours"] == 24


@pytest.mark.parametrize(
    ("payments", "verification"),
    [
        ([], "none"),
        ([("paid", True)], "confirmed"),
        ([("partially_refunded", True)], "confirmed"),
        ([("disputed", True)], "confirmed"),
        ([("refunded", True)], "refunded"),
        ([("refunded", True), ("paid", True)], "confirmed"),
        ([("paid", False)], "claimed"),
        ([("paid", False), ("refunded", True)], "refunded"),
        ([("failed", True), ("pending", False)], "claimed"),
        ([("failed", True)], "failed"),
        ([("failed", False)], "failed"),
    ],
)
def test_each_customer_counts_once_by_the_first_that_applies(
    alice, source, bakery, payments, verification
):
    email = "ana.silva@example.org"
    CustomerFactory(business=bakery, email=email)
    for number, (state, verified) in enumerate(payments):
        name = f"pay{number}"
        body = {**PAYMENT, "transaction_id": name, "message_id": name}
        CaptureFactory(source=source, type="payment", body=body)
        rows = Payment.objects.filter(transaction_id=name)
        assert rows.update(state=state, verified=verified) == 1

    counts = alice.get(STATS).json()["payment_verification"]

    assert counts == dict.fromkeys(VERIFICATIONS, 0) | {verification: 1}


def test_a_period_ends_now_and_begins_so_many_hours_before(alice, source, bakery):
    actor = actor_of(alice.user)
    CaptureFactory(source=source)

    def accepted(now: datetime) -> int:
        told = services.get_customer_data_stats(
            bakery, actor=actor, period=timedelta(hours=24), now=now
        )
        return told.accepted

    assert accepted(ARRIVED + timedelta(hours=23)) == 1
    assert accepted(ARRIVED + timedelta(hours=24)) == 0
    assert accepted(ARRIVED - timedelta(seconds=1)) == 0


def test_what_was_replayed_is_no_failure(alice, source, bakery):
    stuck = QuarantineFactory(source=source)
    actor = actor_of(alice.user)
    text = '{"email": "mia@example.org", "payment_amount": 5}'
    services.replay_quarantined(stuck, actor=actor, text=text, reason="mended")

    told = services.get_customer_data_stats(
        bakery, actor=actor, period=timedelta(hours=24), now=ARRIVED
    )

    assert told.quarantined == 0


def test_the_figures_of_another_business_are_its_own(charlie, ana):
    body = charlie.get(STATS).json()

    assert body["total_customers"] == 0
    assert body["captures"]["accepted"] == 0


def test_the_figures_take_as_many_queries_for_many(alice, source, assert_flat):
    def grow() -> None:
        for number in range(4):
            capture_all(source, f"more{number}@example.org")

    assert_flat(call=lambda: alice.get(STATS), grow=grow)
