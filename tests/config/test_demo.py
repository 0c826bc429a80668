"""The demo shop: where it is shown, and the key that stands in it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from capture.models import ApiKey, Source
from capture.services import find_key
from config.demo import demo_key
from config.management.commands.demo import use_name
from tests.factories import BusinessFactory


@pytest.fixture(autouse=True)
def demo(settings):
    settings.DEMO = True


def key_in(response):
    found = re.search(r'data-key="(pk_\w+)"', response.text)
    return found[1] if found else None


def test_the_page_has_a_key_that_works_from_there(bakery):
    response = Client().get("/demo/", headers={"host": "localhost"})

    key = find_key(key_in(response))
    assert key.kind == "publishable"
    assert key.business == bakery
    assert key.scopes == ["write"]
    assert key.origins == ["http://localhost"]


def test_the_key_stays_and_opens_for_each_address(bakery):
    first, second, third = (
        Client().get("/demo/", headers={"host": host})
        for host in ("localhost:8000", "127.0.0.1", "localhost:8000")
    )

    assert key_in(first) == key_in(second) == key_in(third)
    [key] = ApiKey.objects.all()
    assert key.origins == ["http://localhost:8000", "http://127.0.0.1"]
    assert Source.objects.get().name == "demo page"


def test_a_revoked_key_stays_revoked(bakery, actor):
    key = find_key(key_in(Client().get("/demo/")))
    key.revoked_at = key.created_at
    key.as_actor(actor).save()

    assert Client().get("/demo/").status_code == 200
    assert find_key(demo_key("bakery")) is None


def test_without_a_business_the_page_says_what_to_do(db):
    response = Client().get("/demo/")

    assert "manage.py demo" in response.text
    assert key_in(response) is None


def test_another_business_has_another_key(settings, db):
    BusinessFactory(slug="one")
    keys = {demo_key("one"), demo_key("two")}
    settings.SECRET_KEY = "other"

    assert len(keys | {demo_key("one")}) == 3


def test_the_page_runs_nothing_of_its_own(bakery):
    response = Client().get("/demo/")

    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src)|<style|\son\w+=|style=", response.text)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_only_shows(bakery, method):
    assert getattr(Client(), method)("/demo/").status_code == 405


def test_a_real_hub_has_no_such_page(bakery, settings):
    settings.DEMO = settings.DEBUG = False

    assert Client().get("/demo/").status_code == 404
    assert not ApiKey.objects.exists()


def test_the_command_leads_pages_to_a_name_for_which_passkeys_are_kept(settings, db):
    settings.PASSKEY_DOMAIN = "localhost"
    use_name(8003)
    assert settings.PASSKEY_ORIGINS == ["http://localhost:8003"]

    there = "http://localhost:8003/admin/login/?next=/admin/"
    for host in ("127.0.0.1:8003", "[::1]:8003"):
        page = Client().get("/admin/login/?next=/admin/", headers={"host": host})
        assert page["Location"] == there
    for path in ("/healthz", "/api/docs/"):
        assert Client().get(path, headers={"host": "127.0.0.1:8003"}).status_code == 200
    page = Client().get("/admin/login/", headers={"host": "localhost:8003"})
    assert page.status_code == 200


def test_a_demo_of_another_name_leads_nowhere(settings):
    settings.PASSKEY_DOMAIN = "hub.example.com"
    use_name(8003)

    assert settings.LOCAL_ORIGIN == ""
