"""Cookie mode: the refresh token out of reach of scripts, for pages of ours alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as ours
from django.test import Client

from audit import accounts
from audit.models import Event, TokenFamily
from tests.factories import UserFactory
from tests.factories.audit import PASSWORD

SITE, APP = "http://testserver", "https://app.example.com"
TOKEN, REFRESH, REVOKE, CSRF = (
    f"/api/v1/auth/{name}" for name in ("token", "refresh", "revoke", "csrf")
)
NAME = ours.REFRESH_COOKIE_NAME
JAR: dict[str, Any] = {"cookie": True}


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", password=PASSWORD)


class Page:
    """A page in a browser: its origin, and the CSRF token that it asked for."""

    def __init__(self, origin: str | None = SITE, **client: Any) -> None:
        self.browser = Client(enforce_csrf_checks=True, **client)
        self.headers = {} if origin is None else {"Origin": origin}
        self.kwargs = {"secure": True} if (origin or "").startswith("https") else {}

    def csrf(self) -> dict[str, str]:
        answer = self.browser.get(CSRF, headers=self.headers, **self.kwargs)
        assert answer["Cache-Control"] == "no-store"
        return {"X-CSRFToken": answer.json()["csrf_token"]}

    def send(self, path: str, body: Any = JAR, **headers: str) -> Any:
        return self.browser.post(
            path,
            json.dumps(body),
            content_type="application/json",
            headers=self.headers | headers,
            **self.kwargs,
        )

    def sign_in(self) -> Any:
        return self.send(TOKEN, {"username": "ann", "password": PASSWORD} | JAR)

    @property
    def cookie(self) -> Any:
        return self.browser.cookies[NAME]


@pytest.fixture
def page(ann) -> Page:
    page = Page()
    page.first = page.sign_in().json()  # type: ignore[attr-defined]  # for these tests
    return page


def refused(response: Any, code: str, status: int = 403) -> bool:
    return (response.status_code, response.json()["code"]) == (status, code)


# --- what the browser gets ------------------------------------------------------


def test_the_refresh_token_is_in_the_cookie_and_nowhere_else(page):
    assert set(page.first) == {"access", "expires_in", "token_type"}
    assert accounts.open_token(page.first["access"]).user.username == "ann"
    assert page.cookie["httponly"]
    assert (page.cookie["samesite"], page.cookie["domain"]) == ("Strict", "")
    assert page.cookie["path"] == "/api/v1/auth/"
    lasts = 14 * 86_400
    assert lasts - 5 <= page.cookie["max-age"] <= lasts
    assert page.cookie.value not in json.dumps(page.first)


def test_with_https_the_name_keeps_it_secure(ann, settings):
    settings.HTTPS, settings.REFRESH_COOKIE_NAME = True, "__Secure-holdfast_refresh"
    page = Page("https://testserver")

    page.sign_in()
    [cookie] = [c for c in page.browser.cookies.values() if "refresh" in c.key]
    assert (cookie.key, cookie["secure"]) == ("__Secure-holdfast_refresh", True)
    answer = page.send(REFRESH, **page.csrf())
    assert answer.status_code == 200
    page.send(REVOKE, **page.csrf())
    cookie = page.browser.cookies["__Secure-holdfast_refresh"]
    assert (cookie.value, cookie["secure"]) == ("", True)


def test_a_page_loaded_anew_gets_an_access_token(page):
    before = page.cookie.value

    answer = page.send(REFRESH, **page.csrf())

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "expires_in", "token_type"}
    assert page.cookie.value != before
    family = accounts.open_token(page.first["access"])
    assert accounts.open_token(answer.json()["access"]) == family


def test_the_cookie_opens_nothing_by_itself(page):
    assert page.browser.get("/api/v1/me").status_code == 401
    for name in ("holdfast_refresh", "__Host-holdfast-access"):
        page.browser.cookies[name] = page.first["access"]
    assert page.browser.get("/api/v1/me").status_code == 401


def test_a_copied_cookie_ends_the_whole_family(page):
    stolen = page.cookie.value
    page.send(REFRESH, **page.csrf())
    mine = page.cookie.value

    page.browser.cookies[NAME] = stolen
    assert refused(page.send(REFRESH, **page.csrf()), "invalid_token", 401)
    page.browser.cookies[NAME] = mine
    assert refused(page.send(REFRESH, **page.csrf()), "invalid_token", 401)

    with pytest.raises(accounts.TokenError):
        accounts.open_token(page.first["access"])
    assert Event.objects.filter(action="auth.token_reused").count() == 1


def test_signing_out_ends_the_family_and_takes_the_cookie(page):
    answer = page.send(REVOKE, **page.csrf())

    assert (answer.status_code, answer.json()) == (200, {})
    assert (page.cookie.value, page.cookie["max-age"]) == ("", 0)
    assert page.cookie["path"] == "/api/v1/auth/"
    assert TokenFamily.objects.get().revoked_at
    # Once more is done already.
    assert page.send(REVOKE, **page.csrf()).status_code == 200


def test_whoever_has_no_cookie_signs_in(ann):
    page = Page()

    assert refused(page.send(REFRESH, **page.csrf()), "invalid_token", 401)


# --- whose page it has to be ----------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        APP,
        "https://testserver",
        "http://testserver:8000",
        "http://testserver.evil.example",
        "http://sub.testserver",
    ],
)
@pytest.mark.parametrize("path", [TOKEN, REFRESH, REVOKE])
def test_pages_elsewhere_get_no_cookie(page, settings, origin, path):
    settings.CORS_ALLOWED_ORIGINS = [APP]
    other = Page(origin)
    other.kwargs = {}
    other.browser.cookies = page.browser.cookies
    before = page.cookie.value
    csrf = other.csrf()

    answer = other.sign_in() if path == TOKEN else other.send(path, **csrf)

    assert refused(answer, "origin_not_allowed")
    assert NAME not in answer.cookies
    # Nothing was spent or ended.
    assert page.cookie.value == before
    assert page.send(REFRESH, **page.csrf()).status_code == 200


def test_a_trusted_origin_is_one_of_ours(page, settings):
    # Such as a server in front that hands /api on under another name.
    settings.CSRF_TRUSTED_ORIGINS = ["http://localhost:5173"]
    page.headers = {"Origin": "http://localhost:5173"}

    assert page.send(REFRESH, **page.csrf()).status_code == 200


@pytest.mark.parametrize("path", [REFRESH, REVOKE])
@pytest.mark.parametrize("text", [None, "", "x" * 32, "y" * 64])
def test_without_the_csrf_token_nothing_happens(page, path, text):
    page.csrf()
    wrong = {} if text is None else {"X-CSRFToken": text}

    assert refused(page.send(path, **wrong), "csrf_failed")
    assert page.send(REFRESH, **page.csrf()).status_code == 200


def test_the_trail_names_who_was_signed_in_where_a_page_was_refused(ann):
    page = Page(APP)
    page.browser.force_login(ann)

    assert page.send(REFRESH).status_code == 403
    assert page.browser.get(REFRESH).status_code == 405

    events = Event.objects.filter(action="access.denied")
    assert {event.actor_id for event in events} == {ann.pk}


def test_the_csrf_token_of_another_browser_does_not_fit(page):
    page.csrf()
    other = Page().csrf()

    assert refused(page.send(REFRESH, **other), "csrf_failed")


@pytest.mark.parametrize("path", [REFRESH, REVOKE])
def test_a_body_names_one_way_alone(page, path):
    name = "refresh" if path == REFRESH else "token"
    for body in ({}, {name: "x"} | JAR, {"cookie": False}, {name: None}):
        assert refused(page.send(path, body, **page.csrf()), "invalid", 422)


def test_the_body_needs_no_origin_and_leaves_the_cookie_alone(page):
    tokens = accounts.issue_tokens(UserFactory())
    page.headers = {}

    answer = page.send(REFRESH, {"refresh": tokens.refresh})

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "expires_in", "token_type"}
    assert NAME not in answer.cookies


def test_the_csrf_token_comes_with_get_alone(db):
    answer = Client(enforce_csrf_checks=True).post(CSRF)

    assert refused(answer, "method_not_allowed", 405)
    assert answer["Allow"] == "GET, HEAD"
    assert Client().head(f"{CSRF}/").status_code == 200


def test_the_csrf_token_serves_a_session_too(ann):
    page = Page()
    page.browser.force_login(ann)
    path = "/api/v1/auth/step-up"

    assert page.send(path, {}).status_code == 403
    assert page.send(path, {}, **page.csrf()).status_code == 400
