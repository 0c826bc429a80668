"""Everything about one person: all tables, nobody else, no seals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from audit import log
from audit.models import Event
from audit.privacy.classes import PERSONAL, declaration
from capture import services as captures
from capture.envelope import Issue
from capture.models import Capture, CaptureLink
from customers import services
from customers.models import Customer
from customers.services.exports.person_export import export_person, person_parts
from tests.conftest import actor_of, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CaptureFactory,
    ConsentEventFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    IdentityReviewFactory,
    NoteFactory,
    QuarantineFactory,
    RefundFactory,
    SourceFactory,
    TicketFactory,
    TicketMessageFactory,
)
from tests.factories.rows import BODY


@pytest.fixture
def ana(bakery) -> Customer:
    return CustomerFactory(business=bakery, name="Ana", email="ana@example.org")


def exported(customer, actor) -> dict[str, Any]:
    parts = export_person(customer, actor=actor)
    found: dict[str, Any] = json.loads(b"".join(parts))
    return found


def fill(customer: Customer) -> None:
    """Give a customer a row in every table that knows customers."""
    for factory in (
        AddressFactory,
        ContactFactory,
        ConsentEventFactory,
        CreditFactory,
        FlagFactory,
        NoteFactory,
    ):
        factory(customer=customer)
    paid = {"status": "completed", "paid_amount": 10, "total_amount": 10}
    RefundFactory(booking=BookingFactory(customer=customer, **paid))
    TicketMessageFactory(ticket=TicketFactory(customer=customer), body="Call me back")
    for kind in ("signup", "login", "payment", "questionnaire", "dashboard"):
        told = {"email": customer.email, "name": customer.name}
        body = BODY | told | {"user_email": customer.email}
        CaptureFactory(source__business=customer.business, type=kind, body=body)
    wrong = {"user_email": customer.email, "final_price": "bad"}
    QuarantineFactory(source__business=customer.business, body=wrong)
    review(customer, None, user_ref=None)


def review(by_email: Customer | None, by_id: Customer | None, **about: Any) -> Capture:
    """Make a review of a message that waits for it; return the message."""
    one = by_email or by_id
    assert one is not None
    email = by_email.email if by_email else "nobody-yet@example.org"
    source = SourceFactory(business=one.business)
    found = IdentityReviewFactory(
        source=source,
        **{"email": email, "user_ref": f"id-of-{by_id}", **about},
        email_customer=by_email,
        user_customer=by_id,
    )
    capture = CaptureFactory(source=source, body={"email": email})
    CaptureLink.objects.filter(capture=capture).update(customer=None, review=found)
    return capture


def test_every_table_that_knows_the_person_is_in_it(ana, actor):
    fill(ana)

    found = exported(ana, actor)

    names = {name for name, _ in person_parts(ana)}
    assert len(names) > 20
    assert {name for name in names if not found[name]} == set()
    assert found["customer"]["name"] == "Ana"
    assert found["ticket_messages"][0]["body"] == "Call me back"
    assert len(found["captures"]) == 5
    assert found["consent_events" if "consent_events" in found else "consents"]


def test_every_personal_column_is_in_it(ana, actor):
    fill(ana)
    found = exported(ana, actor)

    for name, rows in person_parts(ana):
        personal = {n for n, k in declaration(rows.model).items() if k in PERSONAL}
        lacking = personal - found[name][0].keys()
        assert lacking <= {"fingerprint", "state_hash"}, name


def test_what_was_said_before_and_who_looked_is_in_it(ana, actor, bakery):
    services.update_customer(ana, actor=actor, name="Ana Silva")
    reader = actor_of(staff(bakery))
    log.note_access("customer.viewed", [ana], actor=reader, target=ana)
    log.write_notes(reader)

    found = exported(ana, actor)

    earlier = [row["name"] for row in found["history_of_customer"]]
    assert earlier == ["Ana", "Ana Silva"]
    assert "customer.viewed" in {row["action"] for row in found["access"]}
    assert str(reader.id) not in json.dumps(found["access"])


def test_no_seal_secret_or_hash_is_in_it(ana, actor):
    fill(ana)

    text = json.dumps(exported(ana, actor))

    for name in ("salt", "commitment", "fingerprint", "state_hash", "operation_id"):
        assert f'"{name}"' not in text
    assert '"h1:' not in text


def test_nobody_else_is_in_it(ana, actor, bakery, rival):
    for business in (bakery, rival):
        other = CustomerFactory(
            business=business, name="Zoe", email="zoe@example.org", external_id="Z-1"
        )
        fill(other)
    fill(ana)

    text = json.dumps(exported(ana, actor))

    assert "zoe@example.org" not in text
    assert "Zoe" not in text


def test_a_review_about_two_says_to_each_what_is_theirs(ana, actor, bakery):
    zoe = CustomerFactory(business=bakery, name="Zoe", email="zoe@example.org")
    both = review(ana, zoe)
    unclear = review(None, zoe)

    [of_ana] = exported(ana, actor)["identity_reviews"]
    of_zoe = exported(zoe, actor)

    assert (of_ana["email"], of_ana["user_ref"]) == ("ana@example.org", None)
    assert str(zoe.pk) not in json.dumps(of_ana)
    assert [each["id"] for each in exported(ana, actor)["captures_waiting"]] == [
        str(both.pk)
    ]
    text = json.dumps(of_zoe)
    assert len(of_zoe["identity_reviews"]) == 2
    assert {each["user_ref"] for each in of_zoe["identity_reviews"]} == {f"id-of-{zoe}"}
    assert of_zoe["captures_waiting"] == []
    for hidden in ("ana@example.org", "nobody-yet", str(ana.pk), str(unclear.pk)):
        assert hidden not in text


def test_start_and_end_are_events_with_the_number_of_rows(ana, actor):
    parts = export_person(ana, actor=actor)
    started = Event.objects.get(action="export.started")
    assert started.subject_id == ana.pk
    assert not Event.objects.filter(action="export.finished").exists()

    found = json.loads(b"".join(parts))

    event = Event.objects.get(action="export.finished")
    rows = sum(len(part) for part in found.values() if isinstance(part, list))
    facts = {"profile": "person", "format": "json", "export": str(started.pk)}
    assert event.data == {**facts, "rows": rows}


def test_rows_are_read_in_batches(ana, actor, django_assert_max_num_queries):
    NoteFactory.create_batch(30, customer=ana)
    parts = export_person(ana, actor=actor)

    with django_assert_max_num_queries(60):
        pieces = list(parts)

    assert max(map(len, pieces)) < 3000


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_only_who_may_export_customers(ana, bakery, role):
    acting = actor_of(staff(bakery, role))

    with pytest.raises(PermissionDenied):
        export_person(ana, actor=acting)
    with pytest.raises(PermissionDenied):
        services.make_person_link(ana, actor=acting, reason="x")


def test_a_rival_may_not(ana, rival):
    with pytest.raises(PermissionDenied):
        export_person(ana, actor=actor_of(staff(rival)))


def test_what_waits_in_quarantine_about_the_person_is_in_it(bakery, actor):
    bakery.country = "NO"
    bakery.as_actor(actor).save()
    ana = CustomerFactory(
        business=bakery, email="ana@example.org", phone="+47 22 00 42 17",
        external_id="7",
    )  # fmt: skip
    ContactFactory(customer=ana, kind="email", email="former@example.org")
    ContactFactory(customer=ana, kind="email", email="zoë@bücher.example")
    source = SourceFactory(business=bakery)
    wrong = {"final_price": "bad"}
    about = [
        {"user_email": "ANA@example.org"},
        {"userEmail": "former@example.org", "message_id": "m-1"},
        {"user_id": 7},
        {"user_id": "8", "phone": "0047 22004217"},
        {"user_id": "8", "more": {"friend": [{"mail": "ana@example.org"}]}},
        {"email": "ZOË@BÜCHER.example"},
        {"email": "zoë@xn--bcher-kva.example"},
    ]
    others = [
        {"user_email": "diana@example.org"},
        {"user_email": "ana@example.org.evil.example"},
        {"user_id": "77"},
        {"user_id": "8", "lucky_number": 7},
        {"user_id": "8", "phone": "+47 22 00 42 18"},
        {"user_id": "8", "phone": "+45 22 00 42 17"},
        {"user_id": "8", "transaction_id": "4722004217"},
        {"user_id": "7", "email": "bo@example.org"},
    ]
    expected = {
        str(QuarantineFactory(source=source, body=body | wrong).pk) for body in about
    }
    for body in others:
        QuarantineFactory(source=source, body=body | wrong)
    QuarantineFactory(source__business__slug="else", body=about[0] | wrong)

    found = exported(ana, actor)["quarantined"]

    assert {row["id"] for row in found} == expected
    assert "ANA@example.org" in found[0]["item"]


@pytest.mark.parametrize(
    ("text", "is_in_it"),
    [
        ('{"email": "ana@example.org", "final_price": ', True),
        (
            '{"captures": [{"email": "ana@example.org"}, {"email": "bo@example.org"}',
            False,
        ),
    ],
)
def test_a_body_that_could_not_be_read(ana, actor, text, is_in_it):
    source = SourceFactory(business=ana.business)
    issue = Issue("invalid_json", "", "Send JSON.")
    envelope = captures.build_unreadable(text, issue, trust="server")
    captures.ingest([envelope], source=source, actor=actor)

    assert bool(exported(ana, actor)["quarantined"]) is is_in_it


def test_of_many_ids_the_newest_are_looked_for(ana, actor):
    """A page may give a person any number of ids; the search has a bound."""
    source = SourceFactory(business=ana.business)
    for n in range(51):
        body = {"type": "login", "email": ana.email, "user_id": f"user-{n:02}"}
        batch = captures.build_native(body, trust="server")
        captures.ingest(batch, source=source, actor=actor)
    for n in (0, 1, 50):
        QuarantineFactory(
            source=source, body={"user_id": f"user-{n:02}", "final_price": "bad"}
        )

    items = [row["item"] for row in exported(ana, actor)["quarantined"]]

    assert ["user-01" in item for item in items] == [True, False]
    assert ["user-50" in item for item in items] == [False, True]
