"""Pages speak the language that a person chose, else the browser's; the API English."""

from __future__ import annotations

import pytest
from django.test import Client

from audit import accounts
from tests.conftest import actor_of
from tests.factories import CustomerFactory

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}
INDEX, LOGIN, LIST = "/admin/", "/admin/login/", "/admin/customers/customer/"


def choose(person, language):
    chosen = {"has_shortcuts": True, "density": "comfortable"}
    accounts.save_preferences(
        person.user, actor=actor_of(person.user), language=language, **chosen
    )


def test_a_stranger_reads_the_language_of_the_browser(db):
    german, other = Client(**GERMAN).get(LOGIN), Client().get(LOGIN)

    assert 'lang="de"' in german.text
    assert "Passwort" in german.text
    assert german["Content-Language"] == "de"
    assert 'lang="en"' in other.text
    assert "Accept-Language" in other["Vary"]


def test_a_language_that_there_is_not_is_english(db):
    page = Client(HTTP_ACCEPT_LANGUAGE="fr").get(LOGIN)

    assert page["Content-Language"] == "en"


def test_the_choice_of_the_person_stands_before_the_browser(alice):
    choose(alice, "de")
    assert alice.get(INDEX, HTTP_ACCEPT_LANGUAGE="en")["Content-Language"] == "de"

    choose(alice, "en")
    assert alice.get(INDEX, **GERMAN)["Content-Language"] == "en"

    choose(alice, "")
    assert alice.get(INDEX, **GERMAN)["Content-Language"] == "de"


def test_the_page_after_the_choice_speaks_it_already(alice):
    page = alice.post(
        "/admin/account/preferences/",
        {"density": "comfortable", "language": "de"},
        follow=True,
    )

    assert 'lang="de"' in page.text


def test_there_is_no_other_language(alice):
    page = alice.post(
        "/admin/account/preferences/", {"density": "comfortable", "language": "fr"}
    )

    assert "language" in page.context["form"].errors


def test_programs_read_english(alice, bakery):
    CustomerFactory(business=bakery)
    choose(alice, "de")

    for path in (
        "/api/v1/customers?limit=x",
        "/api/v1/customers/none",
        "/api/v1/bookings?ordering=none",
    ):
        german, english = alice.get(path, **GERMAN), alice.get(path)
        told, expected = german.json(), english.json()
        told.pop("request_id", None), expected.pop("request_id", None)
        assert told == expected


@pytest.mark.parametrize("path", [INDEX, LIST])
def test_a_language_costs_no_statement(alice, bakery, path, assert_flat):
    CustomerFactory(business=bakery)

    assert_flat(
        call=lambda: alice.get(path), grow=lambda: alice.defaults.update(GERMAN)
    )
