"""Where a key may stand, what it may do, and what is looked at before it."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import Event, User
from capture import services
from capture.api import views
from capture.models import ApiKey, Capture, RefusalCount
from tests.factories import ApiKeyFactory

PAYMENTS = "/api/data-capture/payment"
PROFILES = "/api/v1/tracking/profiles"
BODY = {"user_email": "a@example.org"}
PAGE = "https://shop.example.com"


@pytest.fixture
def page_key(source):
    return ApiKeyFactory(
        source=source, kind="publishable", prefix="pk_page", origins=[PAGE]
    )


def send(body, method="post", path=PAYMENTS, **headers):
    browser = Client(raise_request_exception=False)
    call = getattr(browser, method)
    return call(path, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("key", ["\ud800", "\0", "x" * 100_000, "Ω"])
def test_an_odd_key_is_an_unknown_one(db, key):
    response = send({**BODY, "api_key": key})

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_key"
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["api_key", "apiKey", "writeKey"])
def test_a_key_in_the_body_is_taken_out_of_it(key, name):
    response = send({**BODY, name: key.prefix})

    assert response.status_code == 200
    assert key.prefix not in Capture.objects.get().payload


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, {"X-Capture-Key": "sk_other"}),
        ({**BODY, "api_key": "sk_other"}, {}),
        ({**BODY, "writeKey": "sk_other"}, {}),
    ],
)
def test_two_different_keys_are_refused(key, body, headers):
    response = send(body, Authorization=f"Bearer {key.prefix}", **headers)

    assert (response.status_code, response.json()["code"]) == (401, "key_mismatch")


def test_a_stranger_is_refused_before_the_body_is_read(db, monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(views, "read_body", never)

    assert send(BODY, Authorization="Bearer sk_nobody").status_code == 401


def test_only_a_secret_key_changes_profiles(page_key, key):
    from_page = {"Authorization": "Bearer pk_page", "Origin": PAGE}

    assert send({"email": "a@b.org"}, "post", PROFILES, **from_page).status_code == 200
    refused = send({"email": "a@b.org"}, "patch", PROFILES, **from_page)
    assert (refused.status_code, refused.json()["code"]) == (403, "secret_key_needed")

    secret = {"Authorization": f"Bearer {key.prefix}"}
    assert send({"email": "a@b.org"}, "patch", PROFILES, **secret).status_code == 200


def test_our_own_fault_is_no_page_either(post, monkeypatch):
    def fail(*_, **__):
        msg = "boom a@example.org"
        raise RuntimeError(msg)

    monkeypatch.setattr(services, "ingest", fail)

    response = post(PAYMENTS, BODY)

    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "internal_error"
    assert "boom" not in response.content.decode()


def test_a_body_that_breaks_off_is_told(post, monkeypatch):
    def broken(*_):
        raise OSError

    monkeypatch.setattr("django.http.request.HttpRequest.read", broken)

    response = post(PAYMENTS, BODY)

    assert (response.status_code, response.json()["code"]) == (400, "incomplete_body")


def test_a_session_opens_no_capture_route(owner):
    assert User.objects.get().is_superuser
    response = owner.post(PAYMENTS, BODY, content_type="application/json")

    assert response.status_code == 401


def test_an_expired_key_and_a_key_of_a_closed_source_are_unknown(post, key, actor):
    key.expires_at = key.created_at
    key.as_actor(actor).save()
    assert post(PAYMENTS, BODY).status_code == 401

    key.expires_at = None
    key.as_actor(actor).save()
    assert post(PAYMENTS, BODY).status_code == 200

    key.source.is_active = False
    key.source.as_actor(actor).save()
    assert post(PAYMENTS, BODY).status_code == 401
    assert ApiKey.objects.count() == 1


# --- in the trail ----------------------------------------------------------------


def test_the_first_wrong_key_of_an_address_is_an_entry_and_each_is_counted(db):
    for _ in range(3):
        send(BODY, **{"X-Capture-Key": "sk_invented"})

    event = Event.objects.get(action="capture.refused")
    assert (event.outcome, event.code) == ("refused", "invalid_key")
    assert (event.actor_kind, event.business_id) == ("anonymous", None)
    assert RefusalCount.objects.get().count == 3


def test_a_key_out_of_place_is_an_entry_of_its_business(db):
    key = ApiKeyFactory(kind="publishable", scopes=["write"])
    response = send(
        BODY, Authorization=f"Bearer {key.prefix}", Origin="https://evil.example"
    )

    assert response.json()["code"] == "origin_not_allowed"
    event = Event.objects.get(action="capture.refused")
    assert (event.business_id, event.key_id) == (key.business_id, key.pk)
    assert (event.code, event.object_id) == ("origin_not_allowed", str(key.pk))
    assert RefusalCount.objects.get().business_id == key.business_id


def test_a_body_that_is_wrong_is_counted_and_no_entry(db):
    key = ApiKeyFactory()
    response = send("{", Authorization=f"Bearer {key.prefix}")

    assert response.status_code == 400
    assert RefusalCount.objects.get().count == 1
    assert not Event.objects.filter(action="capture.refused").exists()
