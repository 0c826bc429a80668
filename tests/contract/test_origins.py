"""Pages of other origins: who is told what, on answers of every kind."""

from __future__ import annotations

import json

import pytest
from django.db import OperationalError
from django.test import Client

from audit import accounts
from audit.rest.throttling import consume_address_budget
from config.admission import Admission
from tests.conftest import signed_in, staff
from tests.factories import ApiKeyFactory, BookingFactory, UserFactory

APP, STRANGER = "https://app.example.com", "https://evil.example.com"
CUSTOMERS = "/api/v1/customers"
ALLOW = "Access-Control-Allow-Origin"
CREDENTIALS = "Access-Control-Allow-Credentials"
EXPOSED = {"etag", "location", "retry-after", "x-request-id", "www-authenticate"}
EXPOSED |= {"ratelimit", "idempotent-replayed"}
SENT = {"authorization", "content-type", "idempotency-key", "if-match", "x-business"}
SENT |= {"x-step-up-grant", "x-csrftoken", "x-request-id"}


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.CORS_ALLOWED_ORIGINS = [APP, "http://localhost:5173"]


@pytest.fixture
def token(bakery) -> dict[str, str]:
    access = accounts.issue_tokens(staff(bakery)).access
    return {"Authorization": f"Bearer {access}"}


def names(response, header: str) -> set[str]:
    return {name.strip().lower() for name in response[header].split(",")}


def is_readable(response, origin: str = APP) -> bool:
    """Tell whether a browser shows the answer to a page of this origin."""
    assert CREDENTIALS not in response
    assert "origin" in names(response, "Vary")
    if response.get(ALLOW) != origin:
        assert ALLOW not in response
        return False
    return names(response, "Access-Control-Expose-Headers") >= EXPOSED


def preflight(client: Client, path: str, origin: str = APP, method: str = "PATCH"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,if-match",
    }
    return client.options(path, headers=headers)


# --- allowed and not ------------------------------------------------------------


def test_an_allowed_page_reads_and_changes(client, token, bakery):
    sent = token | {"Origin": APP}
    body = json.dumps({"name": "Thea Holt"})
    kind = {"content_type": "application/json"}

    made = client.post(CUSTOMERS, body, headers=sent, **kind)
    path = f"{CUSTOMERS}/{made.json()['id']}"
    versioned = sent | {"If-Match": client.get(path, headers=sent)["ETag"]}
    body = '{"customer_type": "vip"}'
    changed = client.patch(path, body, headers=versioned, **kind)
    stale = client.patch(path, body, headers=versioned, **kind)

    assert [made.status_code, changed.status_code, stale.status_code] == [201, 200, 412]
    assert all(map(is_readable, (made, changed, stale)))


@pytest.mark.parametrize(
    "origin",
    [
        STRANGER,
        "null",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://hub.app.example.com",
        "http://[",
        "*",
    ],
)
def test_another_origin_is_told_nothing(client, token, origin):
    response = client.get(CUSTOMERS, headers=token | {"Origin": origin})
    asked = preflight(client, CUSTOMERS, origin)

    assert not is_readable(response, origin)
    assert not is_readable(asked, origin)


def test_without_origins_nobody_elsewhere_is_let_in(client, token, settings):
    settings.CORS_ALLOWED_ORIGINS = []

    assert not is_readable(client.get(CUSTOMERS, headers=token | {"Origin": APP}))
    assert not is_readable(preflight(client, CUSTOMERS))


def test_who_names_no_origin_gets_no_header_and_varies(client, token):
    response = client.get(CUSTOMERS, headers=token)

    assert not is_readable(response)
    assert response.status_code == 200


# --- preflights -----------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        CUSTOMERS,
        f"{CUSTOMERS}/",
        "/api/v1/auth/token",
        "/api/v1/auth/token/passkey",
        "/api/v1/auth/token/passkey/begin",
        "/api/v1/auth/step-up",
        "/api/admin/customers",
        "/api/customers/bakery-nord",
        "/api/customer-data/get-all",
        "/api/v1/tracking/statistics",
        "/api/v1/nothing",
    ],
)
def test_a_preflight_needs_no_right_and_no_database(path):
    # No fixture opens the database here, so asking it would fail.
    response = preflight(Client(), path)

    assert response.status_code == 200
    assert is_readable(response)
    assert names(response, "Access-Control-Allow-Headers") >= SENT
    assert "*" not in response["Access-Control-Allow-Headers"]
    methods = names(response, "Access-Control-Allow-Methods")
    assert methods >= {"get", "post", "put", "patch", "delete"}
    assert response["Access-Control-Max-Age"] == "7200"
    assert response["X-Request-Id"]


def test_preflights_count_against_no_limit(client, token, settings):
    settings.STAFF_RATES = dict.fromkeys(("user", "visitor", "login"), (1, 2))

    asked = [preflight(client, "/api/v1/auth/token").status_code for _ in range(9)]

    assert asked == [200] * 9
    assert client.get(CUSTOMERS, headers=token).status_code == 200


# --- answers that refuse --------------------------------------------------------


def test_refusals_can_be_read(client, token, bakery, rival):
    theirs = BookingFactory(customer__business=rival)
    sent = token | {"Origin": APP}
    ended = {"Origin": APP, "Authorization": "Bearer a.b.c"}
    found = {
        400: client.get(f"{CUSTOMERS}?pagesize=1", headers=sent),
        401: client.get(CUSTOMERS, headers=ended),
        404: client.get(f"/api/v1/bookings/{theirs.pk}", headers=sent),
        405: client.delete(CUSTOMERS, headers=sent),
        415: client.post(CUSTOMERS, "a=b", headers=sent, content_type="text/plain"),
    }

    assert {status: one.status_code for status, one in found.items()} == {
        status: status for status in found
    }
    assert all(map(is_readable, found.values()))


def test_nothing_of_ours_can_be_read(client, db):
    assert is_readable(client.get("/api/nothing", headers={"Origin": APP}))


def test_too_many_requests_can_be_read(client, db, settings):
    settings.STAFF_RATES = {"visitor": (1, 1)}
    consume_address_budget("127.0.0.1")

    response = client.get("/api/schema/", headers={"Origin": APP})

    assert response.status_code == 429
    assert is_readable(response)


def test_a_fault_of_ours_can_be_read(token, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("audit.accounts.open_token", fail)
    visitor = Client(raise_request_exception=False)

    response = visitor.get(CUSTOMERS, headers=token | {"Origin": APP})

    assert response.status_code == 500
    assert is_readable(response)


def test_an_outage_can_be_read(token, monkeypatch):
    def fail(*_: object) -> None:
        msg = "database is locked"
        raise OperationalError(msg)

    monkeypatch.setattr("config.limits.consume_address_budget", fail)
    monkeypatch.setattr("config.unavailable.is_unavailable", lambda *_: True)
    visitor = Client(raise_request_exception=False)

    response = visitor.get("/api/schema/", headers={"Origin": APP})

    assert response.status_code == 503
    assert is_readable(response)


class Answer(dict[str, str]):
    """What a server was given before Django: status and headers."""

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.update(headers)
        self.status_code = int(status[:3])


def ask_full_server(path: str, origin: str = APP, **environ: str) -> Answer:
    """Ask a server that has no place for anybody, in front of Django."""

    def application(_environ: object, start: object) -> list[bytes]:
        start("200 OK", [])  # type: ignore[operator]
        return [b""]

    door, answer = Admission(application), Answer()
    for room in (door.captures, door.pages):
        room.free = room.queue = 0
    door({"PATH_INFO": path, "HTTP_ORIGIN": origin, **environ}, answer.start)
    return answer


def test_a_refusal_before_django_can_be_read():
    refused = ask_full_server(CUSTOMERS)

    assert refused.status_code == 503
    assert is_readable(refused)
    assert not is_readable(ask_full_server(CUSTOMERS, STRANGER), STRANGER)
    assert ALLOW not in ask_full_server("/admin/")
    assert ALLOW not in ask_full_server("/api/v1/captures")


def test_a_preflight_waits_for_no_place():
    asked = {
        "REQUEST_METHOD": "OPTIONS",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PATCH",
    }

    assert ask_full_server(CUSTOMERS, **asked).status_code == 200
    # Those of captures ask the database for their keys.
    assert ask_full_server("/api/v1/captures", **asked).status_code == 503
    assert ask_full_server("/admin/", **asked).status_code == 503


# --- what stays closed ----------------------------------------------------------


def test_a_session_is_no_way_in_from_elsewhere(bakery):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = signed_in(staff(bakery)).cookies

    read = browser.get(CUSTOMERS, headers={"Origin": APP})
    write = browser.post(
        CUSTOMERS,
        '{"name": "x"}',
        content_type="application/json",
        headers={"Origin": APP},
    )

    # A browser would not even send the cookie, and shows no answer to one that it did.
    assert read.status_code == 200
    assert CREDENTIALS not in read
    assert write.status_code == 403


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/", "/healthz", "/api/v1/webhooks/stripe/x"]
)
def test_nothing_but_the_staff_api_is_opened(client, db, path):
    response = client.get(path, headers={"Origin": APP})

    assert ALLOW not in response
    assert ALLOW not in preflight(client, path)


def test_the_capture_routes_ask_their_keys_alone(client, db):
    shop = "https://shop.example"
    ApiKeyFactory(kind="publishable", prefix="pk_test_1", origins=[shop])
    path = "/api/v1/captures"

    ours, theirs = preflight(client, path, APP, "POST"), preflight(client, path, shop)
    reading = preflight(client, path, APP, "GET")

    assert ALLOW not in ours
    assert (theirs.status_code, theirs[ALLOW], theirs[CREDENTIALS]) == (
        204,
        shop,
        "true",
    )
    assert ALLOW not in reading


def test_a_disabled_person_is_refused_readably(client, db):
    user = UserFactory()
    access = accounts.issue_tokens(user).access
    user.is_active = False
    user.save()

    sent = {"Origin": APP, "Authorization": f"Bearer {access}"}
    assert is_readable(client.get(CUSTOMERS, headers=sent))
