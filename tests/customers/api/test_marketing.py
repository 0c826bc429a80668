"""Document 002: targeting and the marketing export, replayed as its client asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import Event
from customers import services
from customers.models import CustomerStats, Preferences
from tests.conftest import signed_in, staff
from tests.customers.api.exporting import confirmed, manifest_of, read
from tests.customers.api.sending import post
from tests.factories import (
    BookingFactory,
    ConsentEventFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
)

TARGETED = "/api/v1/tracking/targeted"
EXPORT = "/api/v1/tracking/marketing-export"
BODY = {
    "segment": "high_value",
    "channel": "email",
    "preset": "plain",
    "reason": "November offers",
}
EVERYBODY = {"channel": "email", "reason": "November offers"}
COLUMNS = [
    "email", "name", "phone", "total_orders", "total_spent", "currency",
    "first_purchase_date", "last_purchase_date",
]  # fmt: skip


@pytest.fixture
def marketing(bakery, actor):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    return signed_in(staff(bakery, "marketing"))


def buyer(business, name: str, purchases: int = 3, paid: int = 400):
    """Return somebody who can be written to on every channel, and bought."""
    row = CustomerFactory(
        business=business,
        name=name,
        email=f"{name}@example.org",
        phone="+47 22 00 00 00",
    )
    for _ in range(purchases):
        money = {"total_amount": Decimal(paid), "paid_amount": Decimal(paid)}
        BookingFactory(customer=row, status="completed", **money)
    return row


def test_the_targeted_list_is_the_documents(marketing, bakery):
    rich = buyer(bakery, "rich")
    ConsentEventFactory(customer=rich)
    buyer(bakery, "once", purchases=1, paid=5000)
    login = datetime(2026, 9, 1, 8, tzinfo=UTC)
    CustomerStats.objects.filter(customer=rich).update(last_login_at=login)
    query = "minSpent=1000&minOrders=3&lastLoginBefore=2026-10-22T00:00:00Z&page=1"

    body = marketing.get(f"{TARGETED}?{query}").json()

    assert body == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": str(rich.pk),
                "unique_id": rich.unique_id,
                "full_name": "rich",
                "email": "r…@e….org",
                "total_orders": 3,
                "total_spent": 1200.00,
                "last_login_at": login.isoformat().replace("+00:00", "Z"),
                "contactable": {
                    "email": True,
                    "sms": False,
                    "call": False,
                    "rule": "consent",
                },
            }
        ],
    }
    event = Event.objects.get(action="customer.listed")
    assert event.subjects == [str(rich.pk)]


def test_both_spellings_and_both_slashes_answer(marketing, bakery):
    buyer(bakery, "rich")

    for path in (f"{TARGETED}?min_spent=1000", f"{TARGETED}/?minSpent=1000"):
        assert marketing.get(path).json()["count"] == 1


def test_pages_are_linked(marketing, bakery):
    CustomerFactory.create_batch(3, business=bakery)

    first = marketing.get(f"{TARGETED}?page_size=2").json()
    second = marketing.get(first["next"]).json()

    assert len(first["results"]) == 2
    assert first["previous"] is None
    assert len(second["results"]) == 1
    assert second["next"] is None
    assert marketing.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize("query", ["minSpend=1", "minSpent=x", "page=0", "q=1"])
def test_a_wrong_parameter_is_400(marketing, query):
    assert marketing.get(f"{TARGETED}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 200), ("marketing", 200), ("support", 403), ("auditor", 403)],
)
def test_admin_and_marketing_target(bakery, role, status):
    assert signed_in(staff(bakery, role)).get(TARGETED).status_code == status


def test_another_business_is_not_targeted(marketing, rival):
    CustomerFactory(business=rival)

    assert marketing.get(TARGETED).json()["count"] == 0
    asked = marketing.get(TARGETED, headers={"X-Business": "rival"})
    assert asked.status_code == 404


def test_a_page_takes_as_many_queries_for_many(marketing, bakery, assert_flat):
    ConsentEventFactory(customer=CustomerFactory(business=bakery))

    def grow() -> None:
        for _ in range(10):
            ConsentEventFactory(customer=CustomerFactory(business=bakery))

    assert_flat(call=lambda: marketing.get(TARGETED), grow=grow)


def test_the_export_of_a_segment_holds_only_who_said_yes(marketing, bakery):
    yes, withdrawn = buyer(bakery, "yes"), buyer(bakery, "withdrawn")
    buyer(bakery, "silent")
    buyer(bakery, "poor", purchases=1, paid=1)
    ConsentEventFactory(customer=yes)
    ConsentEventFactory(customer=withdrawn)
    ConsentEventFactory(customer=withdrawn, action="withdrawn")

    answer = confirmed(marketing, EXPORT, BODY)
    rows = read(answer)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["X-Export-Left-Out"] == "withdrawn=1,none=1"
    [row] = rows
    assert list(row) == COLUMNS
    assert row["email"] == yes.email
    assert (row["total_orders"], row["total_spent"]) == ("3", "1200.00")
    data = manifest_of(answer).data
    assert data["export_id"] == answer["X-Export-Id"]
    assert data["left_out"] == {"none": 1, "withdrawn": 1}
    assert data["rows"] == 1
    assert data["filters"] == {"segment": "high_value"}
    assert data["consent_mode"] == "explicit_opt_in"


def test_phones_keep_their_plus_without_an_apostrophe(marketing, bakery):
    ConsentEventFactory(customer=buyer(bakery, "yes"))

    data = b"".join(confirmed(marketing, EXPORT, EVERYBODY)).decode("utf-8-sig")

    assert '"+4722000000"' in data


@pytest.mark.parametrize(
    ("preset", "header"),
    [("plain", "email"), ("mailchimp", "Email Address"), ("brevo", "EMAIL")],
)
def test_presets_have_the_header_names_of_mail_tools(marketing, bakery, preset, header):
    ConsentEventFactory(customer=buyer(bakery, "yes"))

    [row] = read(confirmed(marketing, EXPORT, EVERYBODY | {"preset": preset}))

    assert next(iter(row)) == header
    assert row[header] == "yes@example.org"


def test_filters_instead_of_a_segment(marketing, bakery):
    for name, paid in (("rich", 1000), ("poor", 1)):
        ConsentEventFactory(customer=buyer(bakery, name, paid=paid))
    body = EVERYBODY | {"filters": {"minSpent": "1000"}}

    answer = confirmed(marketing, EXPORT, body)

    assert [row["name"] for row in read(answer)] == ["rich"]
    assert manifest_of(answer).data["filters"] == {"min_spent": "1000.000"}


# The rows of the truth table that are about marketing: what is recorded, on which
# channel, and the rule that leaves the person out (None: they are in the file).
CASES = {
    "1": ([], {}, "email", "none"),
    "2": ([("given", "email", "v3")], {}, "email", None),
    "3": ([("given", "email", "v3")], {}, "sms", "none"),
    "4": ([("given", "email", "v1")], {}, "email", "none"),
    "5": (
        [("given", "email", "v3"), ("withdrawn", "email", None)],
        {},
        "email",
        "withdrawn",
    ),
    "6": (
        [("withdrawn", "email", None), ("given", "email", "v3")],
        {},
        "email",
        None,
    ),
    "7": (
        [("given", "email", "v3")],
        {"do_not_contact": True},
        "email",
        "do_not_contact",
    ),
    "8": (
        [("withdrawn", "email", None)],
        {"do_not_contact": True},
        "email",
        "do_not_contact",
    ),
    "10": ([("given", "email", "v3")], {"prefer_email": False}, "email", "channel_off"),
    "11": ([("given", "email", "v3")], {"prefer_email": None}, "email", None),
    "12": ([], {"prefer_sms": True}, "sms", "none"),
    "13": (
        [("given", "email", "v3")],
        {"can_receive_offers": False},
        "email",
        "purpose_off",
    ),
    "16": ([("given", "email", "v3")], {"bounces": True}, "email", "no_address"),
    "17": ([("given", "email", "v3")], {"restricted": True}, "email", "restricted"),
    "21": ([], {"soft": True}, "email", None),
    "22": ([], {"soft": True}, "sms", "none"),
    "23": ([("withdrawn", "email", None)], {"soft": True}, "email", "withdrawn"),
    "25": ([("refused", None, None)], {}, "call", "withdrawn"),
    "26": ([("given", "sms", "v3")], {"no_phone": True}, "sms", "no_address"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_truth_table_of_consent_holds_in_the_file(marketing, bakery, actor, case):
    said, facts, channel, rule = CASES[case]
    person = buyer(bakery, "person", purchases=1)
    arrange(person, dict(facts), actor)
    for number, (action, where, wording) in enumerate(said):
        ConsentEventFactory(
            customer=person,
            action=action,
            channel=where,
            wording_version=wording,
            occurred_at=timezone.now() - timedelta(hours=9 - number),
        )

    answer = confirmed(marketing, EXPORT, EVERYBODY | {"channel": channel})

    assert len(read(answer)) == (rule is None)
    assert answer["X-Export-Left-Out"] == (f"{rule}=1" if rule else "")


def arrange(person, facts, actor) -> None:
    if facts.pop("restricted", False):
        FlagFactory(customer=person, code="restricted")
    if facts.pop("soft", False):
        person.business.consent_mode = "soft_opt_in"
        services.save_record(person.business, actor=actor)
    if facts.pop("bounces", False):
        person.email_bounced_at = timezone.now()
        services.save_record(person, actor=actor)
    if facts.pop("no_phone", False):
        person.phone = None
        services.save_record(person, actor=actor)
    if facts:
        services.update_preferences(person, actor=actor, **facts)
        assert Preferences.objects.filter(customer=person, **facts).exists()


def test_the_archived_and_the_blocked_are_in_no_file(marketing, bakery, actor):
    gone, blocked = buyer(bakery, "gone"), buyer(bakery, "blocked")
    ConsentEventFactory(customer=gone)
    ConsentEventFactory(customer=blocked)
    services.archive_customer(gone, actor=actor, reason="x")
    blocked.status = "blocked"
    services.save_record(blocked, actor=actor)

    answer = confirmed(marketing, EXPORT, EVERYBODY)

    assert read(answer) == []
    assert answer["X-Export-Left-Out"] == "archived=1"


@pytest.mark.parametrize("role", ["support", "auditor"])
def test_others_do_not_export(bakery, role):
    assert post(signed_in(staff(bakery, role)), EXPORT, BODY).status_code == 403


def test_another_businesss_people_are_in_no_file(marketing, rival):
    ConsentEventFactory(customer=buyer(rival, "rivals"))

    answer = confirmed(marketing, EXPORT, EVERYBODY)

    assert read(answer) == []
    assert answer["X-Export-Left-Out"] == ""


def test_a_role_elsewhere_gives_no_export_here(bakery, rival):
    user = staff(rival, "marketing")
    MembershipFactory(user=user, business=bakery, role="support")

    answer = post(signed_in(user), EXPORT, BODY, **{"X-Business": "bakery"})

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"segment": "everybody"}, "/segment"),
        ({"channel": "fax"}, "/channel"),
        ({"preset": "excel"}, "/preset"),
        ({"reason": ""}, "/reason"),
        ({"colour": "red"}, "/colour"),
        ({"filters": {"minSpent": "x"}}, "/filters/minSpent"),
    ],
)
def test_a_wrong_body_is_pointed_at(marketing, change, pointer):
    answer = post(marketing, EXPORT, BODY | change)

    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]
