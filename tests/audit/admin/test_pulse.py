"""Whether an open page has changed: a version, for who may see the page."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends.base import SessionBase

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from tests.conftest import signed_in, staff
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    NoteFactory,
    TicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer():
    return CustomerFactory(name="Ana Silva", email="ana@example.org")


def ask(browser, key: object, **headers: str):
    return browser.get(f"/admin/pulse/?p=customer:{key}", headers=headers)


def test_the_version_moves_with_the_page_and_else_stays(customer):
    browser = signed_in(staff(customer.business))

    first = ask(browser, customer.pk)
    assert list(first.json()) == ["version"]
    again = ask(browser, customer.pk, **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")

    NoteFactory(customer=customer)
    moved = ask(browser, customer.pk, **{"If-None-Match": first["ETag"]})
    assert moved.status_code == 200
    services.update_customer(customer, actor=Actor.system("test"), name="Ana S.")
    assert ask(browser, customer.pk)["ETag"] != moved["ETag"]


def test_the_version_is_another_one_in_another_language(customer):
    browser = signed_in(staff(customer.business))

    english = ask(browser, customer.pk, **{"Accept-Language": "en"})
    german = ask(browser, customer.pk, **{"Accept-Language": "de"})
    assert english["ETag"] != german["ETag"]


def test_what_a_role_does_not_see_moves_nothing(customer):
    browser = signed_in(staff(customer.business, "marketing"))

    before = ask(browser, customer.pk)["ETag"]
    NoteFactory(customer=customer)
    assert ask(browser, customer.pk)["ETag"] == before


def test_it_says_nothing_of_the_person_and_writes_no_event(customer):
    browser = signed_in(staff(customer.business))
    before = Event.objects.count()

    answer = ask(browser, customer.pk)
    assert "Ana" not in answer.text
    assert Event.objects.count() == before
    assert "no-store" in answer["Cache-Control"]


def test_missing_and_foreign_pages_look_the_same(customer):
    foreign = signed_in(staff(BusinessFactory()))
    own = signed_in(staff(customer.business))

    assert ask(foreign, customer.pk).status_code == 404
    assert ask(own, "not-a-key").status_code == 404
    assert own.get("/admin/pulse/?p=nothing:1").status_code == 404
    assert own.get("/admin/pulse/").status_code == 404
    assert ask(signed_in(UserFactory()), customer.pk).status_code == 404


def test_it_costs_the_same_for_a_long_story(customer, assert_flat):
    browser = signed_in(staff(customer.business))

    assert_flat(
        call=lambda: ask(browser, customer.pk),
        grow=lambda: TicketFactory.create_batch(30, customer=customer),
    )


def test_asking_by_itself_keeps_no_session_alive(customer, settings, clock):
    settings.SESSION_IDLE_SECONDS = 600
    browser = signed_in(staff(customer.business))
    browser.get("/admin/")
    session: SessionBase = browser.session
    seen = session["seen_at"]

    clock(minutes=5)
    assert ask(browser, customer.pk, **{"X-Background": "1"}).status_code == 200
    assert browser.session["seen_at"] == seen
    clock(minutes=6)
    assert ask(browser, customer.pk, **{"X-Background": "1"}).status_code == 302


def test_a_session_that_only_asks_ends_all_the_same(customer, settings, clock):
    settings.SESSION_IDLE_SECONDS = 600
    browser = signed_in(staff(customer.business))

    for _ in range(3):
        clock(minutes=5)
        answer = ask(browser, customer.pk, **{"X-Background": "1"})
    assert answer.status_code == 302


def test_what_is_sent_counts_as_somebody_there(customer, settings, clock):
    browser = signed_in(staff(customer.business))
    browser.get("/admin/")
    seen = browser.session["seen_at"]

    clock(minutes=5)
    browser.post("/admin/search/", {"q": "ana"}, headers={"X-Background": "1"})
    assert browser.session["seen_at"] > seen
