"""Staff who read captures with a session: from where, what they see, what it leaves."""

from __future__ import annotations

import pytest

from audit.models import Event
from tests.conftest import signed_in, staff
from tests.factories import (
    ApiKeyFactory,
    CaptureFactory,
    QuarantineFactory,
    SourceFactory,
)

CAPTURES = "/api/v1/captures"
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
