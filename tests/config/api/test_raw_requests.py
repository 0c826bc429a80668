"""Requests as attackers write them: every answer of the staff API is a problem."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import IdempotentResponse
from audit.rest.throttling import consume_user_budget
from customers.models import Customer
from tests.conftest import signed_in, staff
from tests.factories import CustomerFactory

JSON = "application/json"
DEEP = b'{"name":' * 50_000
BODIES = {
    "nothing": b"",
    "half": b'{"name": ',
    "blank": b" ",
    "list": b"[]",
    "text": b'"x"',
    "null": b"null",
    "number": b"1",
    "deep": DEEP,
    "twice": b'{"name": "a", "name": "b"}',
    "both spellings": b'{"customer_type": "vip", "customerType": "regular"}',
    "nul": b'{"name": "\\u0000"}',
    "nul in a key": b'{"\\u0000": "x"}',
    "surrogate": b'{"name": "\\ud800"}',
    "surrogate in a key": b'{"\\udfff": "x"}',
    "latin": b'{"name": "\xe9"}',
    "huge": b'{"name": ' + b"9" * 10_000 + b"}",
    "nan": b'{"name": NaN}',
    "object for a text": b'{"name": {"a": {"b": []}}, "email": [], "phone": 1}',
    "unknown": b'{"is_superuser": true, "__proto__": {}, "id": "x"}',
    "empty key": b'{"": ""}',
    "long": b'{"name": "' + b"a" * 100_000 + b'"}',
}
# What is no mistake at all: a change of nothing.
HARMLESS = {"nothing", "unknown"}


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(business=bakery, name="Jonas Berg")


@pytest.fixture
def doors(bakery, jonas) -> list[tuple[str, str]]:
    hub, own = "/api/admin/customers", f"/api/customers/{bakery.slug}"
    return [
        ("POST", hub),
        ("PUT", f"{hub}/{jonas.pk}"),
        ("PATCH", f"{hub}/{jonas.pk}"),
        ("POST", own),
        ("PUT", f"{own}/{jonas.pk}"),
        ("PATCH", f"{own}/{jonas.pk}"),
        ("POST", f"{own}/{jonas.pk}/notes"),
        ("PATCH", f"{own}/{jonas.pk}/preferences"),
        ("POST", f"/api/v1/customers/{jonas.pk}/reveal"),
        ("POST", "/api/v1/auth/step-up"),
        ("PUT", "/api/v1/auth/pin"),
    ]


def is_problem(answer) -> bool:
    """Tell whether an answer is a refusal in the form that programs read."""
    kind = answer["Content-Type"]
    return kind == "application/problem+json" and bool(answer.json()["code"])


@pytest.mark.parametrize("name", sorted(BODIES))
def test_no_body_is_an_error_of_ours(alice, doors, name):
    alice.raise_request_exception = False
    for method, path in doors:
        answer = alice.generic(method, path, BODIES[name], content_type=JSON)
        if answer.status_code >= 300:
            assert answer.status_code in (400, 401, 403), (method, path)
            assert is_problem(answer), (method, path)
        else:
            assert method == "PATCH"
            assert name in HARMLESS, (method, path)
    assert Customer.objects.get().name == "Jonas Berg"


@pytest.mark.parametrize("name", ["surrogate", "huge", "nan", "deep", "nul"])
def test_a_body_with_a_key_is_refused_and_nothing_is_kept(alice, bakery, name):
    alice.raise_request_exception = False

    answer = alice.generic(
        "POST",
        "/api/admin/customers",
        BODIES[name],
        content_type=JSON,
        headers={"Idempotency-Key": "k"},
    )

    assert answer.status_code == 400
    assert not IdempotentResponse.objects.exists()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("text/html", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=nonsense", 415),
        ("application/xml", 415),
        ("nonsense", 415),
        ("application/json; charset=UTF-8", 201),
        ('application/json; charset="utf-8"', 201),
    ],
)
def test_only_json_in_utf_8_is_taken(alice, bakery, kind, status):
    body = b'{"name": "Lea"}'

    answer = alice.generic("POST", "/api/admin/customers", body, content_type=kind)

    assert answer.status_code == status
    assert status == 201 or is_problem(answer)


def test_a_compressed_body_is_refused(alice, bakery):
    answer = alice.generic(
        "POST",
        "/api/admin/customers",
        b"\x1f\x8b",
        content_type=JSON,
        headers={"Content-Encoding": "gzip"},
    )

    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_encoding"


def test_a_chunked_body_is_refused_and_not_taken_for_an_empty_one(alice, jonas):
    answer = alice.generic(
        "DELETE",
        f"/api/admin/customers/{jonas.pk}",
        b"",
        content_type=JSON,
        headers={"Transfer-Encoding": "chunked"},
    )

    assert answer.status_code == 411
    assert answer.json()["code"] == "length_required"
    jonas.refresh_from_db()
    assert not jonas.is_archived


def test_a_body_that_is_too_large_is_refused_unread(alice, bakery):
    answer = alice.generic(
        "POST", "/api/admin/customers", b"x" * 4_000_001, content_type=JSON
    )

    assert answer.status_code == 413
    assert is_problem(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/nothing",
        "/api/v1/nothing/at/all/",
        "/api/v2/customers",
        "/api/admin/customers/%00",
        "/api/admin/customers/a%00b/",
        "/api/customers/%00/",
        "/api/customers/bakery/%00/notes",
        "/api/customers/bakery/%ff%fe",
        "/api/customers/bakery/..%2f..%2fetc",
        "/api/v1/customers/%00/timeline",
        "/api/v1/customers/" + "a" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_an_address_of_nothing_is_a_problem(alice, bakery, path, method):
    alice.raise_request_exception = False

    answer = alice.generic(method, path, b"{}", content_type=JSON)

    assert answer.status_code in (404, 405)
    assert is_problem(answer)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "DISPATCH", "ACTOR"])
def test_other_methods_are_405_and_told_which_are_taken(alice, doors, method):
    alice.raise_request_exception = False
    for caller in (alice, Client(raise_request_exception=False)):
        for taken, path in doors:
            answer = caller.generic(method, path)

            if caller is alice:
                assert answer.status_code == 405, path
            assert answer.status_code in (401, 405)
            assert is_problem(answer)
            if answer.status_code == 405:
                assert taken in answer["Allow"]
                assert method not in answer["Allow"]


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "image/*", "nonsense"]
)
def test_whoever_reads_no_json_is_told_so(alice, bakery, accept):
    answer = alice.get("/api/admin/customers", headers={"Accept": accept})

    assert answer.status_code == 406
    assert is_problem(answer)


def test_head_is_get_without_a_body(alice, bakery, jonas):
    paths = [
        "/api/admin/customers",
        f"/api/admin/customers/{jonas.pk}",
        f"/api/customers/bakery/{jonas.pk}",
        f"/api/v1/customers/{jonas.pk}/timeline",
        f"/api/v1/customers/{jonas.pk}/metrics",
        "/api/v1/me",
    ]
    for path in paths:
        full, head = alice.get(path), alice.head(path)

        assert (full.status_code, head.status_code) == (200, 200), path
        assert head.content == b""
        assert head.get("ETag") == full.get("ETag")


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": '"r99999999999999999999"'},
        {"If-Match": "\xff"},
        {"Idempotency-Key": ""},
        {"Idempotency-Key": "\xe9"},
        {"Idempotency-Key": "k" * 256},
        {"X-Business": "\xff" * 300},
        {"X-Business": "no-such-business"},
        {"Accept": "," * 1000},
    ],
)
def test_odd_headers_are_refused_and_no_error(alice, bakery, jonas, headers):
    alice.raise_request_exception = False
    for method, path in (
        ("POST", "/api/admin/customers"),
        ("PATCH", f"/api/admin/customers/{jonas.pk}"),
    ):
        answer = alice.generic(method, path, b"{}", content_type=JSON, headers=headers)

        assert answer.status_code == 200 or is_problem(answer)
        assert answer.status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        "limit=99999999999999999999",
        "limit=-1",
        "limit=1e3",
        "limit=%D9%A1",
        "page=100001",
        "search=%ff",
        "search=%ED%A0%80",
        "search=%25",
        "search=" + "a" * 5000,
        "sortBy[]=name",
        "limit=1&limit=2",
    ],
)
def test_odd_queries_are_answered(alice, bakery, jonas, query):
    alice.raise_request_exception = False
    paths = ["/api/admin/customers", "/api/customers/bakery"]
    for path in paths:
        answer = alice.get(f"{path}?{query}")

        assert answer.status_code == 200 or is_problem(answer)
        assert answer.status_code in (200, 400)


# --- what is left -------------------------------------------------------------------


def test_each_answer_says_how_much_is_left(alice, bakery, settings, clock):
    settings.STAFF_RATES = settings.STAFF_RATES | {"user": (1, 3)}
    path = "/api/admin/customers"

    first = alice.get(path)
    while consume_user_budget(alice.user.pk).is_allowed:
        pass
    refused = alice.get(path)

    assert first["RateLimit-Policy"] == '"default";q=3;w=3'
    assert first["RateLimit"] == '"default";r=2;t=1'
    assert refused.status_code == 429
    assert refused["Retry-After"] == "1"
    assert refused["RateLimit-Policy"] == '"default";q=3;w=3'
    assert refused["RateLimit"] == '"default";r=0;t=3'


def test_refusals_and_strangers_are_told_as_well(alice, bakery, client):
    for answer in (
        alice.get("/api/admin/customers?color=red"),
        alice.get("/api/admin/customers/nobody"),
        client.get("/api/admin/customers"),
    ):
        assert answer.status_code >= 400
        assert answer["RateLimit"].startswith('"default";r=')


def test_pages_for_people_do_not_carry_them(alice):
    assert "RateLimit" not in alice.get("/admin/customers/customer/")


def test_the_headers_cost_no_query(alice, bakery):
    alice.get("/api/admin/customers/nobody")

    with CaptureQueriesContext(connection) as asked:
        alice.get("/api/admin/customers/nobody")

    spent = [q for q in asked.captured_queries if "audit_ratelimitbucket" in q["sql"]]
    # One UPDATE that takes, and says what it left.
    assert len(spent) == 1


def test_another_role_gets_problems_too(bakery, jonas):
    browser = signed_in(staff(bakery, "auditor"))

    answer = browser.delete(f"/api/admin/customers/{jonas.pk}")

    assert answer.status_code == 403
    assert is_problem(answer)
