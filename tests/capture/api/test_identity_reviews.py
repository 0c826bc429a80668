"""Identity reviews by the API: what is answered to whom, and the decision."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from audit.models import Event
from audit.tenancy.actors import Actor
from capture.models import CaptureLink
from customers.models import Customer
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    CaptureFactory,
    CustomerFactory,
    IdentityReviewFactory,
    SourceFactory,
)

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
REVIEWS = "/api/v1/identity-reviews"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(business=bakery, name="Ana Silva", email="ana@example.org")


@pytest.fixture
def bea(bakery):
    return CustomerFactory(business=bakery, name="Bea Holm", email="bea@example.org")


@pytest.fixture
def review(source, ana, bea):
    review = IdentityReviewFactory(
        source=source,
        email=ana.email,
        user_ref="u-2",
        email_customer=ana,
        user_customer=bea,
    )
    capture = CaptureFactory(source=source, body={"email": "wait@example.org"})
    CaptureLink.objects.filter(capture=capture).update(customer=None, review=review)
    return review


def decide(browser, review, body, **headers):
    return browser.post(
        f"{REVIEWS}/{review.pk}/decide",
        json.dumps(body),
        content_type="application/json",
        headers=headers,
    )


def same(customer, reason="Asked both."):
    return {
        "decision": "same_person",
        "customer_id": str(customer.pk),
        "reason": reason,
    }


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["results"]]


def test_a_review_says_what_came_whose_it_may_be_and_what_may_be_decided(
    alice, review, ana, bea, source
):
    body = alice.get(f"{REVIEWS}/{review.pk}").json()

    assert body == {
        "id": str(review.pk),
        "business_id": str(review.business_id),
        "source_id": str(source.pk),
        "kind": "contradiction",
        "state": "open",
        "email": "ana@example.org",
        "user_id": "u-2",
        "email_customer_id": str(ana.pk),
        "user_customer_id": str(bea.pk),
        "waiting": 1,
        "decisions": ["same_person", "other_person"],
        "decision": None,
        "customer_id": None,
        "reason": None,
        "decided_by_id": None,
        "decided_at": None,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }


def test_contact_data_is_masked_in_lists_and_by_role(alice, bob, review):
    for answer in (
        alice.get(REVIEWS),
        bob.get(REVIEWS),
        bob.get(f"{REVIEWS}/{review.pk}?expand=email_customer,user_customer"),
    ):
        assert "a…@e….org" in answer.text
        assert "ana@example.org" not in answer.text
        assert "bea@example.org" not in answer.text


def test_lists_are_narrowed(alice, review, ana, bea, source):
    other = IdentityReviewFactory(source=source, kind="claimed_email", email="x@y.org")
    first, second = str(review.pk), str(other.pk)

    assert set(ids(alice.get(REVIEWS))) == {first, second}
    assert ids(alice.get(f"{REVIEWS}?kind=claimed_email")) == [second]
    assert ids(alice.get(f"{REVIEWS}?source={source.pk}&kind=contradiction")) == [first]
    for customer in (ana, bea):
        for reference in (customer.pk, customer.unique_id):
            assert ids(alice.get(f"{REVIEWS}?customer={reference}")) == [first]
    assert ids(alice.get(f"{REVIEWS}?customer=C-0000-0000")) == []
    assert decide(alice, review, same(ana)).status_code == 200
    assert ids(alice.get(f"{REVIEWS}?state=open")) == [second]
    assert ids(alice.get(f"{REVIEWS}?state=decided")) == [first]


def test_a_cursor_walks_the_list(alice, source):
    made = [str(IdentityReviewFactory(source=source).pk) for _ in range(3)]
    first = alice.get(f"{REVIEWS}?cursor=&page_size=2")
    rest = alice.get(first.json()["next"])

    assert [*ids(first), *ids(rest)] == made[::-1]


def test_staff_decide_and_the_messages_are_somebodys(alice, review, ana):
    answer = decide(alice, review, same(ana))
    body = answer.json()

    assert answer.status_code == 200
    assert (body["state"], body["decision"]) == ("decided", "same_person")
    assert (body["customer_id"], body["reason"]) == (str(ana.pk), "Asked both.")
    assert (body["waiting"], body["decisions"]) == (0, [])
    assert body["decided_by_id"] == str(alice.user.pk)
    assert CaptureLink.objects.get(review=review).customer == ana
    event = Event.objects.get(action="identity_review.decided")
    assert (event.actor_id, event.reason) == (alice.user.pk, "Asked both.")


def test_what_was_decided_is_a_conflict(alice, review, ana, bea):
    decide(alice, review, same(ana))
    answer = decide(alice, review, same(bea))

    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    review.refresh_from_db()
    assert review.customer == ana


def test_a_key_decides_once(alice, review, ana):
    first = decide(alice, review, same(ana), Idempotency_Key="k-1")
    again = decide(alice, review, same(ana), Idempotency_Key="k-1")

    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Event.objects.filter(action="identity_review.decided").count() == 1
    reused = decide(alice, review, same(ana, "Other."), Idempotency_Key="k-1")
    assert (reused.status_code, reused.json()["code"]) == (
        422,
        "idempotency_key_reused",
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"decision": "merge"}, ("/decision", "invalid_choice")),
        ({"decision": "changed_email"}, ("/decision", "not_possible")),
        ({"decision": None}, ("/decision", "null")),
        ({"reason": " "}, ("/reason", "blank")),
        ({"reason": None}, ("/reason", "null")),
        ({"customer_id": "x"}, ("/customer_id", "invalid")),
        ({"colour": "red"}, ("/colour", "unknown_field")),
    ],
)
def test_a_wrong_body_says_what_to_mend(alice, review, ana, change, error):
    answer = decide(alice, review, same(ana) | change)

    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [error]
    review.refresh_from_db()
    assert review.is_open


def test_only_a_candidate_is_taken(alice, review, bakery, rival):
    for business in (bakery, rival):
        answer = decide(alice, review, same(CustomerFactory(business=business)))

        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/customer_id", "not_possible")


def errors_of(answer):
    assert answer.status_code == 400, answer.json()
    return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]


def test_an_e_mail_that_was_taken_meanwhile_is_wrong_with_the_decision(
    alice, source, bea
):
    review = IdentityReviewFactory(source=source, user_customer=bea, user_ref="u-2")
    CustomerFactory(business=source.business, email=review.email)

    answer = decide(alice, review, {"decision": "changed_email", "reason": "Called."})

    assert errors_of(answer) == [("/decision", "unique")]
    assert review.email not in answer.content.decode()


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("column", ["archived_at", "erased_at"])
def test_a_candidate_who_went_meanwhile_is_refused_where_they_were_named(
    alice, source, ana, column, is_named
):
    review = IdentityReviewFactory(source=source, user_customer=ana, user_ref="u-2")
    gone = {"archived_at": MOMENT, column: MOMENT}
    Customer.objects.as_actor(Actor.system("test"), reason="x").filter(
        pk=ana.pk
    ).update(**gone)
    body = same(ana) if is_named else {"decision": "same_person", "reason": "Called."}

    answer = decide(alice, review, body)

    code = "erased" if column == "erased_at" else "not_possible"
    pointer = "/customer_id" if is_named else "/decision"
    assert errors_of(answer) == [(pointer, code)]
    detail = answer.json()["errors"][0]["detail"]
    assert ("erased" in detail) == (column == "erased_at")


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        ("admin", (200, 200)),
        ("support", (200, 200)),
        ("auditor", (200, 403)),
        ("marketing", (403, 403)),
    ],
)
def test_who_may_what(bakery, review, ana, role, statuses):
    reads, decides = statuses
    browser = signed_in(staff(bakery, role))

    assert browser.get(REVIEWS).status_code == reads
    assert browser.get(f"{REVIEWS}/{review.pk}").status_code == reads
    assert decide(browser, review, same(ana)).status_code == decides


def test_a_foreign_one_is_missing(charlie, review, ana, rival):
    assert ids(charlie.get(REVIEWS)) == []
    assert charlie.get(f"{REVIEWS}/{review.pk}").status_code == 404
    assert decide(charlie, review, same(ana)).status_code == 404
    foreign = IdentityReviewFactory(source=SourceFactory(business=rival))
    assert ids(charlie.get(REVIEWS)) == [str(foreign.pk)]


def test_x_business_narrows(owner, bakery, rival, review):
    foreign = IdentityReviewFactory(source=SourceFactory(business=rival))

    assert set(ids(owner.get(REVIEWS))) == {str(review.pk), str(foreign.pk)}
    for business, pk in ((bakery, review.pk), (rival, foreign.pk)):
        answer = owner.get(REVIEWS, headers={"X-Business": business.slug})
        assert ids(answer) == [str(pk)]


def test_looking_is_an_access_to_both(alice, review, ana, bea):
    alice.get(REVIEWS)
    alice.get(f"{REVIEWS}/{review.pk}")

    for action in ("identity_review.listed", "identity_review.viewed"):
        event = Event.objects.get(action=action)
        assert set(event.subjects) == {str(ana.pk), str(bea.pk)}


def test_nothing_is_added_changed_or_removed(alice, review):
    assert send(alice, "POST", REVIEWS, {}).status_code == 405
    for method in ("PATCH", "PUT", "DELETE", "POST"):
        path = f"{REVIEWS}/{review.pk}"
        assert send(alice, method, path, {}).status_code == 405


def test_a_capture_that_waits_names_its_review(alice, review, source):
    [link] = CaptureLink.objects.filter(review=review)
    other = CaptureFactory(source=source)

    waits = alice.get(f"/api/v1/captures/{link.capture_id}").json()
    is_linked = alice.get(f"/api/v1/captures/{other.pk}").json()

    assert waits["identity_review_id"] == str(review.pk)
    assert waits["customer_id"] is None
    assert is_linked["identity_review_id"] is None
