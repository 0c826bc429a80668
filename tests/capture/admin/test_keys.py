"""The forms of sources and keys: lists without JSON."""

from __future__ import annotations

import pytest
from django.urls import reverse

from capture.models import ApiKey, Source
from tests.conftest import confirm, form_data
from tests.factories import ApiKeyFactory, SourceFactory

ADD_KEY = reverse("admin:capture_apikey_add")


def change(instance):
    name = instance._meta.model_name
    return reverse(f"admin:capture_{name}_change", args=[instance.pk])


@pytest.fixture
def shop_key(source):
    return ApiKeyFactory(
        source=source,
        scopes=["read:captures", "write"],
        origins=["https://shop.example.com", "https://*.example.org"],
        networks=["198.51.100.0/24"],
    )


@pytest.fixture
def admin(alice):
    confirm(alice, "manage_keys")
    return alice


def test_a_new_key_takes_boxes_and_lines(admin, source):
    data = {
        "source": source.pk, "kind": "publishable", "requires_origin": "on",
        "scopes": ["write", "read:captures"],
        "origins": "https://Shop.example.com/\r\n\r\nhttps://*.example.org",
        "networks": "",
    }  # fmt: skip

    assert admin.post(ADD_KEY, data).status_code == 302

    key = ApiKey.objects.get()
    assert key.scopes == ["write", "read:captures"]
    assert key.origins == ["https://shop.example.com", "https://*.example.org"]
    assert key.networks == []


def test_the_form_of_a_key_shows_no_json(admin, shop_key):
    page = admin.get(change(shop_key)).text

    assert "https://shop.example.com\nhttps://*.example.org</textarea>" in page
    assert '<div role="group" aria-label="Scopes"><div id="id_scopes"' in page
    assert "Send captures <code>write</code>" in page
    assert "[&quot;" not in page


def test_an_unchanged_key_stays_as_it_was(admin, shop_key):
    before = ApiKey.objects.values().get()
    data = form_data(admin, change(shop_key))

    page = admin.post(change(shop_key), data, follow=True)

    assert "Nothing was different, so nothing of sk_" in page.text
    assert "was changed successfully" not in page.text
    assert ApiKey.objects.values().get() == before
    assert shop_key.history.count() == 1


def test_faults_of_a_key_say_the_fix(admin, shop_key):
    data = form_data(
        admin, change(shop_key),
        scopes=["write", "everything"],
        origins="https://shop.example.com\nhttps://shop.example.com/basket",
        networks='["198.51.100.0/24"]',
    )  # fmt: skip

    errors = admin.post(change(shop_key), data).context["errors"]

    assert [error for errors in errors for error in errors] == [
        "“everything” is not known here. Take its tick away.",
        "Line 2: Write an origin without a path, like https://shop.example.com.",
        "Line 1: Write an address or a network, like 198.51.100.0/24.",
    ]


def test_types_of_events_are_lines(admin, source):
    data = form_data(admin, change(source), event_types="Plan bought = payment\r\n")

    assert admin.post(change(source), data).status_code == 302

    source.refresh_from_db()
    assert source.event_types == {"Plan bought": "payment"}
    assert "Plan bought = payment</textarea>" in admin.get(change(source)).text
    refused = admin.post(
        change(source), {**data, "event_types": "Plan bought: payment"}
    )
    assert "Line 1: Write a name, “=” and a type" in refused.text


def test_names_of_events_are_those_that_can_be_stored(admin, source):
    data = form_data(admin, change(source), event_types="Käufe = payment")

    refused = admin.post(change(source), data)

    assert "Line 1: “Käufe” has letters beyond those of English." in refused.text


def test_types_from_before_a_rule_keep_nobody_from_switching_a_source_off(
    admin, bakery
):
    types = {"Plan": "payment", "plan": "login"}
    source = SourceFactory(business=bakery, event_types=types)
    data = form_data(admin, change(source))
    del data["is_active"]

    assert admin.post(change(source), data).status_code == 302

    assert Source.objects.values_list("is_active", "event_types").get() == (
        False,
        types,
    )


def test_a_form_of_many_faults_names_the_first(admin, shop_key):
    data = form_data(admin, change(shop_key), networks="x\n" * 3000)

    (errors,) = admin.post(change(shop_key), data).context["errors"]

    assert len(errors) == 20


def test_types_that_lines_cannot_hold_stay(admin, bakery):
    source = SourceFactory(business=bakery, event_types={"a\nb": "payment"})
    data = form_data(admin, change(source), name="Renamed")

    assert admin.post(change(source), data).status_code == 302

    assert Source.objects.values_list("name", "event_types").get() == (
        "Renamed",
        {"a\nb": "payment"},
    )


def test_who_may_only_look_sees_the_page(bob, shop_key):
    for instance in (shop_key, shop_key.source):
        page = bob.get(change(instance))
        assert page.status_code == 200
        assert "<textarea" not in page.text
