"""What browsers are told, the errors they see, and the checks that keep it so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from whitenoise.base import WhiteNoise

from config import statics
from config.checks import EDGE, check_edge, check_forms
from config.csp import ContentSecurityPolicyMiddleware, csp_override
from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from customers.models import Customer
from tests.factories import ApiKeyFactory

ROOT = Path(__file__).resolve().parents[2]
SECRET = "ann@example.org"


def broken(request):
    raise RuntimeError(SECRET)


def suspicious(request):
    raise SuspiciousOperation(SECRET)


@csp_override({"default-src": ["'self'"], "style-src": ["'unsafe-inline'"]})
def loose(request):
    return HttpResponse("loose")


urlpatterns = [
    path("admin/broken/", broken),
    path("api/v1/broken/", broken),
    path("admin/suspicious/", suspicious),
    path("api/v1/suspicious/", suspicious),
    path("loose/", loose),
    *urlpatterns,
]
handlers = (handler400, handler403, handler404, handler500)


@pytest.fixture
def visitor(db, settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def is_bare(response) -> bool:
    """Tell whether an answer repeats nothing that came and shows nothing inside."""
    text = response.content.decode()
    return not any(word in text for word in (SECRET, "Traceback", ".py", "Runtime"))


# --- headers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["/admin/login/", "/nothing/", "/admin/broken/", "/api/v1/nothing/"]
)
def test_every_answer_carries_the_policy_and_the_headers(visitor, address):
    response = visitor.get(address)

    policy = dict(
        part.split(" ", 1) for part in response["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert response["X-Request-Id"]


def test_a_view_may_have_a_policy_of_its_own(visitor):
    policy = visitor.get("/loose/")["Content-Security-Policy"]

    assert policy == "default-src 'self'; style-src 'unsafe-inline'"


def test_a_policy_that_a_page_has_set_stays():
    def page(_request):
        return HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})

    response = ContentSecurityPolicyMiddleware(page)(RequestFactory().get("/"))

    assert response["Content-Security-Policy"] == "default-src 'none'"


def test_pages_of_others_can_reach_the_doors_of_captures(db):
    key = ApiKeyFactory(
        kind="publishable", prefix="pk_test_1", origins=["https://shop.example"]
    )
    response = Client().post(
        "/v1/track",
        json.dumps({"event": "x", "anonymousId": "a", "writeKey": key.prefix}),
        content_type="text/plain",
        headers={"Origin": "https://shop.example"},
    )

    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response["Access-Control-Allow-Origin"] == "https://shop.example"


def test_a_preflight_has_a_request_id(db):
    response = Client().options("/v1/track")

    assert response.status_code == 204
    assert response["X-Request-Id"]


@pytest.mark.parametrize(
    ("file", "readers"),
    [
        ("capture/frontend_data_capture_integration.js", "cross-origin"),
        ("admin/css/base.css", "same-origin"),
    ],
)
def test_only_the_capture_script_is_for_other_sites(file, readers):
    app = WhiteNoise(None, add_headers_function=statics.add_headers)
    app.add_file_to_dictionary(f"/static/{file}", finders.find(file))

    response = app.files[f"/static/{file}"].get_response("HEAD", {})
    headers = dict(response.headers)
    assert headers["Cross-Origin-Resource-Policy"] == readers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Content-Type-Options"] == "nosniff"


# --- errors ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"/{SECRET}/", 404),
        ("/admin/broken/", 500),
        ("/admin/suspicious/", 400),
    ],
)
def test_people_get_a_plain_page(visitor, address, status):
    response = visitor.get(address)

    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert response["X-Request-Id"] in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    assert is_bare(response)


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        (f"/api/v1/{SECRET}/", 404, "not_found"),
        ("/api/v1/broken/", 500, "internal_error"),
        ("/api/v1/suspicious/", 400, "bad_request"),
    ],
)
def test_programs_get_a_problem_document(visitor, address, status, code):
    response = visitor.get(address)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response["X-Request-Id"]
    if code != "not_found":
        assert is_bare(response)


def test_a_wrong_host_name_is_a_plain_page(visitor):
    response = visitor.get("/admin/login/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "evil" not in response.content.decode()


def test_a_forbidden_page_says_whom_to_ask(bob, bakery):
    response = bob.get("/admin/customers/customer/export/")

    assert response.status_code == 403
    assert "Ask an administrator" in response.content.decode()


def test_a_stale_form_says_what_helps(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user)

    response = client.post("/admin/customers/note/add/", {"content": SECRET})

    assert response.status_code == 403
    assert "load the page again" in response.content.decode()
    assert is_bare(response)


# --- checks ---------------------------------------------------------------------


def test_the_edge_and_the_forms_are_as_they_should_be():
    assert check_edge() == []
    assert check_forms() == []


@pytest.mark.parametrize("name", EDGE)
def test_a_missing_part_of_the_edge_is_found(settings, name):
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != name]

    [error] = check_edge()
    assert error.id == "config.E001"
    assert name in error.msg


@pytest.mark.parametrize("number", range(len(EDGE) - 1))
def test_a_part_in_the_wrong_place_is_found(settings, number):
    order = list(settings.MIDDLEWARE)
    one, other = order.index(EDGE[number]), order.index(EDGE[number + 1])
    order[one], order[other] = order[other], order[one]
    settings.MIDDLEWARE = order

    assert "config.E002" in {error.id for error in check_edge()}


def test_a_page_that_edits_in_its_list_is_found(monkeypatch):
    page = admin.site._registry[Customer]
    monkeypatch.setattr(page, "list_editable", ("status",))

    assert [error.id for error in check_forms()] == ["config.E003"]


def test_an_editable_key_is_found_in_pages_and_inlines(monkeypatch):
    monkeypatch.setattr(Customer._meta.pk, "editable", True)

    assert {error.id for error in check_forms()} == {"config.E004"}


# --- settings -------------------------------------------------------------------


def production(**changes: str) -> subprocess.CompletedProcess[str]:
    """Print what the settings of production make of these variables."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOLDFAST_NO_BOOTSTRAP": "1",
        "HOLDFAST_SECRET_KEY": "".join(chr(97 + n % 26) for n in range(60)),
        "DATABASE_URL": "sqlite://:memory:",
        **changes,
    }
    script = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SAMESITE, "
        "s.SESSION_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_AGE, "
        "s.SESSION_EXPIRE_AT_BROWSER_CLOSE, s.DEBUG, s.SECURE_PROXY_SSL_HEADER)"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_is_strict_by_default():
    done = production()

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        "__Host-sessionid __Host-csrftoken Lax True True 43200 True False None"
    )


def test_a_proxys_word_on_https_is_believed_only_when_it_is_declared():
    done = production(HOLDFAST_PROXY_HTTPS="true")

    assert done.stdout.splitlines()[-1].endswith("('HTTP_X_FORWARDED_PROTO', 'https')")


def test_every_host_name_at_once_is_refused():
    done = production(HOLDFAST_ALLOWED_HOSTS="*")

    assert done.returncode != 0
    assert "HOLDFAST_ALLOWED_HOSTS allows every name" in done.stderr
