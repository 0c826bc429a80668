"""What the reading of captures refuses, sentence by sentence, and what it overlooks."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import Event
from capture.models import QuarantineDecision, RefusalCount
from customers.models import Customer
from tests.conftest import signed_in, staff
from tests.factories import ApiKeyFactory, CaptureFactory, QuarantineFactory

CAPTURES, QUARANTINE = "/api/v1/captures", "/api/v1/quarantine"
LIMIT = "limit is a number from 1 to 200."
CURSOR = "Take the cursor from `next` of the page before."


@pytest.fixture
def reader(source):
    return ApiKeyFactory(source=source, scopes=["read:captures"])


@pytest.fixture
def item(source):
    return QuarantineFactory(source=source)


@pytest.fixture
def browser(bakery):
    """A browser whose CSRF token is really looked at, and sent."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff(bakery))
    token = client.get("/admin/").context["csrf_token"]
    client.defaults["HTTP_X_CSRFTOKEN"] = str(token)
    return client


def said(answer) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


@pytest.mark.parametrize("value", ["", "0", "201", "x", "+5", "5.0", "%205", "9" * 30])
@pytest.mark.parametrize("path", [CAPTURES, QUARANTINE])
def test_a_limit_is_digits(alice, path, value):
    answer = alice.get(f"{path}?limit={value}")

    assert said(answer) == (400, "invalid_parameter", LIMIT)
    assert RefusalCount.objects.get().code == "invalid_parameter"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (f"{CAPTURES}?cursor=x", "invalid_parameter", CURSOR),
        (f"{CAPTURES}?customer=x&limit=0", "invalid_parameter", "customer is a UUID."),
        (
            f"{QUARANTINE}?all=0&limit=0",
            "invalid_parameter",
            "all is 1, or is left out.",
        ),
        (
            f"{CAPTURES}?page=1&limit=0",
            "unknown_parameter",
            "Known parameters are cursor, customer, limit, type.",
        ),
        (
            f"{QUARANTINE}?type=x",
            "unknown_parameter",
            "Known parameters are all, code, cursor, limit.",
        ),
    ],
)
def test_the_first_wrong_parameter_is_named(alice, path, code, message):
    assert said(alice.get(path)) == (400, code, message)


def test_the_last_of_a_repeated_parameter_counts(alice, source):
    for _ in range(2):
        CaptureFactory(source=source)

    body = alice.get(f"{CAPTURES}?limit=0&limit=1").json()

    assert len(body["results"]) == 1
    assert body["next"].startswith(f"{CAPTURES}?limit=1&cursor=")


@pytest.mark.parametrize("path", ["", "?limit=1"])
def test_it_is_json_whatever_is_accepted(alice, path):
    answer = alice.get(CAPTURES + path, headers={"Accept": "text/html"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.content == b'{"results": [], "next": null}'


def test_what_one_row_is_asked_beside_is_overlooked(alice, item):
    assert alice.get(f"{QUARANTINE}/{item.pk}?format=xml&a=1&a=2").status_code == 200


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (CAPTURES, "GET, POST"),
        (QUARANTINE, "GET"),
        ("/api/data-capture/stats/a@b.org", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_other_methods_are_refused_before_anybody_is_known(db, path, methods, method):
    answer = Client().generic(method, path)

    assert (answer.status_code, answer["Allow"]) == (405, methods)


def test_reading_costs_a_key_nothing(reader):
    answer = Client().get(CAPTURES, headers={"X-Capture-Key": reader.prefix})

    assert answer.status_code == 200
    assert "RateLimit" not in answer


def test_a_role_is_looked_at_before_the_csrf_token(bakery, item):
    support = Client(enforce_csrf_checks=True)
    support.force_login(staff(bakery, "support"))

    answer = support.post(f"{QUARANTINE}/{item.pk}/discard", {}, "application/json")

    assert answer.json()["code"] == "permission_denied"


def test_who_has_signed_in_is_named_where_their_key_is_refused(alice, source):
    page_key = ApiKeyFactory(source=source, kind="publishable").prefix

    answer = alice.get(CAPTURES, headers={"X-Capture-Key": page_key})

    assert answer.status_code == 403
    assert Event.objects.filter(code="forbidden", actor_id=alice.user.pk).exists()


def test_an_unknown_header_opens_no_session_to_a_foreign_page(bakery):
    headers = {"Origin": "https://shop.example.com", "Authorization": "Digest x"}

    answer = signed_in(staff(bakery)).get(QUARANTINE, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")


def test_a_reason_arrives_beside_a_csrf_token(browser, item):
    answer = browser.post(
        f"{QUARANTINE}/{item.pk}/discard", {"reason": "spam"}, "application/json"
    )

    assert answer.status_code == 200, answer.content
    assert QuarantineDecision.objects.get().reason == "spam"


def test_a_correction_arrives_beside_a_csrf_token(browser, item):
    corrected = {"type": "login", "email": "corrected@example.org"}
    body = {"item": corrected, "reason": "a wrong address"}
    path = f"{QUARANTINE}/{item.pk}/replay"

    answer = browser.post(path, body, "application/json")

    assert answer.status_code == 200, answer.content
    assert Customer.objects.get().email == "corrected@example.org"
    assert QuarantineDecision.objects.get().reason == "a wrong address"


@pytest.mark.parametrize("token", [None, "x" * 32])
def test_a_wrong_csrf_token_is_refused(browser, item, token):
    del browser.defaults["HTTP_X_CSRFTOKEN"]
    headers = {"X-CSRFToken": token} if token else {}
    path = f"{QUARANTINE}/{item.pk}/discard"

    answer = browser.post(path, {"reason": "x"}, "application/json", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_decision_is_no_longer_than_a_body_may_be(browser, item):
    answer = browser.post(
        f"{QUARANTINE}/{item.pk}/discard", {"reason": "x" * 2**20}, "application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
