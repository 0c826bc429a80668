"""Staff who read captures: with a token or a session, what they see, what it leaves."""

from __future__ import annotations

import pytest
from django.test import Client

from audit import accounts
from audit.models import Event
from capture.models import QuarantineDecision
from tests.conftest import signed_in, staff
from tests.factories import (
    ApiKeyFactory,
    CaptureFactory,
    QuarantineFactory,
    SourceFactory,
)

CAPTURES, QUARANTINE = "/api/v1/captures", "/api/v1/quarantine"
PAGE = "https://shop.example.com"


@pytest.fixture
def capture(bakery):
    body = {
        "email": "mia@example.org",
        "transaction_id": "T-1",
        "amount": "9.5",
        "currency": "EUR",
        "payment_method": "mia@paypal.test",
    }
    source = SourceFactory(business=bakery)
    return CaptureFactory(source=source, type="payment", body=body)


@pytest.fixture
def page_key(rival):
    """A key whose pages may send, and read nothing."""
    source = SourceFactory(business=rival)
    return ApiKeyFactory(source=source, kind="publishable", origins=[PAGE])


@pytest.mark.parametrize("path", ["", "/{}"])
def test_no_page_of_another_origin_reads_with_a_session(alice, capture, page_key, path):
    path = CAPTURES + path.format(capture.pk)

    answer = alice.get(path, headers={"Origin": PAGE})
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    preflight = alice.options(path, headers=asked)

    assert answer.status_code == 403
    assert "mia@example.org" not in answer.text
    for response in (answer, preflight):
        assert "Access-Control-Allow-Origin" not in response


def test_pages_still_send_there(client, capture, page_key):
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}

    preflight = client.options(CAPTURES, headers=asked)

    assert preflight["Access-Control-Allow-Origin"] == PAGE


def test_a_page_of_our_own_reads(alice, capture):
    answer = alice.get(CAPTURES, headers={"Origin": "http://testserver"})

    assert answer.status_code == 200


@pytest.mark.parametrize("role", ["support", "auditor"])
def test_facts_are_masked_by_role(bakery, capture, role):
    browser = signed_in(staff(bakery, role))

    for path in (
        CAPTURES,
        f"{CAPTURES}/{capture.pk}",
        f"/admin/capture/capture/{capture.pk}/change/",
    ):
        page = browser.get(path)
        assert page.status_code == 200
        assert "mia@paypal.test" not in page.text


def test_an_admin_sees_facts(alice, capture):
    assert "mia@paypal.test" in alice.get(f"{CAPTURES}/{capture.pk}").text


@pytest.mark.parametrize("act", ["", "/replay", "/discard"])
def test_a_foreign_item_is_a_refused_attempt(alice, rival, act):
    row = QuarantineFactory(source=SourceFactory(business=rival))
    path = f"/api/v1/quarantine/{row.pk}{act}"

    call = alice.post if act else alice.get
    answer = call(path, "{}", content_type="application/json") if act else call(path)

    assert answer.status_code == 404
    event = Event.objects.get(action="access.denied")
    assert (event.code, event.object_id) == ("not_found", str(row.pk))


def test_a_foreign_capture_is_a_refused_attempt(charlie, capture):
    assert charlie.get(f"{CAPTURES}/{capture.pk}").status_code == 404
    assert Event.objects.get(action="access.denied").object_id == str(capture.pk)


# --- with a token -----------------------------------------------------------------

STATS = "/api/data-capture/stats/mia%40example.org"
READING = [CAPTURES, CAPTURES + "/{capture}", QUARANTINE, QUARANTINE + "/{item}", STATS]


@pytest.fixture
def item(capture):
    return QuarantineFactory(source=capture.source)


def bearer(user) -> dict[str, str]:
    return {"Authorization": f"Bearer {accounts.issue_tokens(user).access}"}


def path_to(path: str, capture, item) -> str:
    return path.format(capture=capture.pk, item=item.pk)


@pytest.mark.parametrize("path", READING)
def test_a_token_of_staff_reads_what_a_session_reads(alice, capture, item, path):
    path = path_to(path, capture, item)

    answer = Client().get(path, headers=bearer(alice.user))

    assert (answer.status_code, answer.content) == (200, alice.get(path).content)
    assert "mia@example.org" in answer.text or "quarantine" in path
    seen = Event.objects.filter(action__regex=r"\.(viewed|listed|searched)$")
    assert [event.actor_id for event in seen] == [alice.user.pk] * 2


@pytest.mark.parametrize("path", READING)
def test_a_token_reads_nothing_of_another_business(charlie, capture, item, path):
    answer = Client().get(path_to(path, capture, item), headers=bearer(charlie.user))

    if path == STATS:
        assert answer.json()["total_data_points"] == 0
    elif "{" in path:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    else:
        assert answer.json()["results"] == []


@pytest.mark.parametrize("path", READING)
def test_a_role_without_the_permission_reads_nothing_with_a_token(
    bakery, capture, item, path
):
    user = staff(bakery, "marketing")

    answer = Client().get(path_to(path, capture, item), headers=bearer(user))

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert Event.objects.get(action="access.denied").actor_id == user.pk


@pytest.mark.parametrize("path", [CAPTURES, STATS])
def test_a_token_that_has_ended_says_so(alice, capture, path):
    headers = bearer(alice.user)
    alice.user.is_active = False
    alice.user.save()

    answer = Client().get(path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_a_token_beside_a_key_is_two_credentials(alice, capture, page_key):
    headers = {**bearer(alice.user), "X-Capture-Key": page_key.prefix}

    answer = Client().get(CAPTURES, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "key_mismatch")


def test_reading_with_a_token_counts_against_its_person(alice, capture, settings):
    settings.STAFF_RATES = {**settings.STAFF_RATES, "user": (1, 1)}
    headers = bearer(alice.user)

    answers = [Client().get(CAPTURES, headers=headers) for _ in range(3)]

    assert answers[0].status_code == 200
    late = answers[-1]
    assert (late.status_code, late.json()["code"]) == (429, "rate_limited")
    assert int(late["Retry-After"]) >= 1


def test_staff_decide_with_a_token_and_no_csrf_token(alice, item):
    answer = Client(enforce_csrf_checks=True).post(
        f"{QUARANTINE}/{item.pk}/discard",
        {"reason": "spam"},
        "application/json",
        headers=bearer(alice.user),
    )

    assert answer.status_code == 200, answer.content
    assert QuarantineDecision.objects.get().reason == "spam"


def test_an_auditor_decides_nothing_with_a_token(bakery, item):
    answer = Client().post(
        f"{QUARANTINE}/{item.pk}/discard",
        {"reason": "spam"},
        "application/json",
        headers=bearer(staff(bakery, "auditor")),
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
