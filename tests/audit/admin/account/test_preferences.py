from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Event, UserPreferences
from tests.factories import UserPreferencesFactory

ACCOUNT, PAGE = "/admin/account/", "/admin/account/preferences/"


def test_the_account_page_has_the_form_as_it_was_chosen(alice):
    UserPreferencesFactory(user=alice.user, has_shortcuts=False, density="compact")
    text = alice.get(ACCOUNT).text

    assert "<h2>Preferences</h2>" in text
    assert f'action="{PAGE}"' in text
    [box] = re.findall(r'<input type="checkbox" name="has_shortcuts"[^>]*>', text)
    chosen = re.findall(r'<input type="radio" name="density"[^>]*checked[^>]*>', text)
    assert "checked" not in box
    assert len(chosen) == 1
    assert 'value="compact"' in chosen[0]


def test_a_choice_is_seen_on_every_page_from_then_on(alice, bob):
    assert 'data-shortcuts="on"' in alice.get("/admin/").text

    done = alice.post(PAGE, {"density": "compact"})

    assert done["Location"] == ACCOUNT
    text = alice.get("/admin/").text
    assert 'data-shortcuts="off"' in text
    assert "density-compact" in text
    assert 'data-shortcuts="on"' in bob.get("/admin/").text
    event = Event.objects.get(action="user.changed")
    assert event.actor_id == alice.user.pk
    assert event.data["fields"] == ["preferences.density", "preferences.has_shortcuts"]


def test_a_refused_choice_comes_back(alice):
    page = alice.post(PAGE, {"density": "tiny", "has_shortcuts": "on"})

    assert page.status_code == 200
    assert "density" in page.context["form"].errors
    assert not UserPreferences.objects.exists()


def test_nobody_chooses_for_others(alice, bob):
    alice.post(PAGE, {"density": "compact", "user": bob.user.pk, "id": bob.user.pk})

    assert UserPreferences.objects.get().user_id == alice.user.pk


def test_strangers_are_sent_to_the_sign_in_page(db):
    assert Client().get(PAGE)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["/admin/", "/admin/customers/customer/", ACCOUNT])
def test_a_page_asks_for_them_once(alice, path):
    alice.get(path)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        alice.get(path)

    found = [q for q in queries if "audit_userpreferences" in q["sql"]]
    assert len(found) == 1
