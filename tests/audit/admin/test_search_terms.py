"""The keys of searches: what they open, for whom, for how long, and what they hide."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from audit.admin.search_terms import LONGEST, MAX_TERMS
from audit.crypto import encrypt
from audit.models import Event
from customers.models import Customer
from tests.conftest import post_confirmed, search, signed_in
from tests.contract.test_forms_once import Browser, token_of
from tests.customers.admin.test_exchange import (
    CUSTOMERS,
    export,
    export_data,
    rows_of,
    take,
)
from tests.factories import BookingFactory, CustomerFactory, UserFactory

BOOKINGS = "/admin/customers/booking/"
TERM = "ana@example.org"
ENDED = "That search has ended"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(business=bakery, name="Ana", email=TERM)


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(business=bakery, name="Jonas")


def key_of(response: Any) -> str:
    """Return the key that a search leads to."""
    [key] = parse_qs(urlsplit(response["Location"]).query)["s"]
    return key


def names_in(page: Any) -> list[str]:
    return sorted(row.name for row in page.context["cl"].result_list)


def attributes_with(text: str, page: Any) -> list[str]:
    """Return the names of the attributes in a page that hold a text."""
    return re.findall(rf'([\w-]+)="[^"]*{re.escape(text)}[^"]*"', page.text)


def said(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def test_a_search_leads_to_a_short_key(alice, ana, jonas):
    response = alice.post(CUSTOMERS, {"q": TERM})

    assert response.status_code == 302
    assert response["Location"] == f"{CUSTOMERS}?s={key_of(response)}"
    assert len(key_of(response)) <= 8
    page = alice.get(response["Location"])
    assert names_in(page) == ["Ana"]
    assert f'name="q" value="{TERM}"' in page.text


def test_filters_stay_and_the_page_number_does_not(alice, ana):
    first = key_of(alice.post(CUSTOMERS, {"q": "x"}))

    response = alice.post(f"{CUSTOMERS}?status=active&o=1&p=7&s={first}", {"q": "ana"})

    query = parse_qs(urlsplit(response["Location"]).query)
    assert query == {"status": ["active"], "o": ["1"], "s": [key_of(response)]}
    assert key_of(response) != first


def test_a_popup_stays_one(alice, ana):
    response = alice.post(f"{CUSTOMERS}?_popup=1&_to_field=id", {"q": "ana"})

    assert "_popup=1" in response["Location"]
    assert alice.get(response["Location"]).context["cl"].is_popup


def test_an_empty_search_ends_it(alice, ana, jonas):
    found = alice.post(CUSTOMERS, {"q": TERM})["Location"]

    for nothing in ("", "   ", "\0"):
        response = alice.post(f"{found}&status=active", {"q": nothing})
        assert response["Location"] == f"{CUSTOMERS}?status=active"


def test_the_list_without_its_search_keeps_its_filters(alice, ana):
    found = alice.post(f"{CUSTOMERS}?status=active", {"q": TERM})["Location"]

    page = alice.get(found)

    assert page.context["cl"].unsearched_url == "?status=active"
    assert '<a class="chip" href="?status=active">search' in page.text


def test_links_of_a_searched_list_carry_the_key_alone(alice, ana):
    for number in range(60):
        BookingFactory(customer=ana, reference=f"ZELDA-{number:02}")
    response = alice.post(BOOKINGS, {"q": "zelda-"})
    key = key_of(response)

    page = alice.get(response["Location"])

    # Not the views, each of which is a list of its own, nor what ends the search.
    listed = re.sub(r'<nav class="chips views".*?</nav>', "", page.text, flags=re.S)
    links = set(re.findall(r'href="(\?[^"]*)"', listed)) - {"?"}
    assert len(links) > 20  # pages, sortings, filters
    assert [link for link in links if f"s={key}" not in link] == []
    assert f"/export/?s={key}" in page.text
    assert f"/?_changelist_filters=s%3D{key}" in page.text
    assert attributes_with("zelda", page) == ["value"]
    second = alice.get(f"{BOOKINGS}?p=2&s={key}").context["cl"].result_list
    assert len(second) == 10


def test_the_form_of_a_row_leads_back_to_the_search(alice, ana):
    key = key_of(alice.post(CUSTOMERS, {"q": TERM}))
    path = f"{CUSTOMERS}{ana.pk}/change/?_changelist_filters=s%3D{key}"

    page = alice.get(path)

    assert attributes_with(TERM, page) == ["value"]  # her own, in the form
    assert f"{CUSTOMERS}?s={key}" in page.text or f"s%3D{key}" in page.text


def test_an_old_address_leads_to_one_without_the_term(alice, ana, jonas):
    response = alice.get(f"{CUSTOMERS}?q={TERM}&status=active")

    assert response["Location"] == f"{CUSTOMERS}?status=active&s={key_of(response)}"
    assert names_in(alice.get(response["Location"])) == ["Ana"]
    assert alice.get(f"{CUSTOMERS}?q=")["Location"] == CUSTOMERS


def test_the_same_search_again_has_the_same_key(alice):
    keys = [key_of(alice.post(CUSTOMERS, {"q": text})) for text in ("a1", "b2", "a1")]

    assert keys[0] == keys[2] != keys[1]


def test_a_key_is_good_for_every_list(alice, ana, jonas):
    BookingFactory(customer=ana)
    BookingFactory(customer=jonas)
    key = key_of(alice.post(CUSTOMERS, {"q": ana.unique_id}))

    bookings = alice.get(f"{BOOKINGS}?s={key}").context["cl"].result_list

    assert [booking.customer for booking in bookings] == [ana]


def test_a_key_of_nothing_shows_the_list_unsearched_and_says_so(alice, ana, jonas):
    response = alice.get(f"{CUSTOMERS}?s=unknown&status=active")
    assert response["Location"] == f"{CUSTOMERS}?status=active"

    page = alice.get(response["Location"])

    assert names_in(page) == ["Ana", "Jonas"]
    assert said(page)[0].startswith(ENDED)


def test_a_key_opens_nothing_for_others_or_in_another_session(alice, bob, ana):
    key = key_of(alice.post(CUSTOMERS, {"q": TERM}))

    for browser in (bob, signed_in(alice.user)):
        page = browser.get(f"{CUSTOMERS}?s={key}", follow=True)
        assert page.context["cl"].query == ""
        assert TERM not in said(page)[0]


def test_the_newest_searches_are_kept(alice):
    keys = [key_of(alice.post(CUSTOMERS, {"q": f"term {n}"})) for n in range(MAX_TERMS)]
    again = alice.post(CUSTOMERS, {"q": "term 0"})  # it is the newest now
    alice.post(CUSTOMERS, {"q": "one more"})

    assert key_of(again) == keys[0]
    assert alice.get(f"{CUSTOMERS}?s={keys[1]}").status_code == 302
    for number in (0, 2, MAX_TERMS - 1):
        page = alice.get(f"{CUSTOMERS}?s={keys[number]}")
        assert page.context["cl"].query == f"term {number}"


def test_a_long_text_is_cut(alice):
    page = search(alice, CUSTOMERS, "x" * 5000)

    assert page.context["cl"].query == "x" * LONGEST


def test_the_table_of_sessions_does_not_tell_the_term(alice, ana):
    alice.post(CUSTOMERS, {"q": TERM})

    stored = [str(session.get_decoded()) for session in Session.objects.all()]
    held = alice.session["search_terms"]

    assert len(held) == 1
    assert TERM not in f"{stored} {held}"


def test_a_term_that_does_not_open_any_more_has_ended(alice, ana):
    key = key_of(alice.post(CUSTOMERS, {"q": TERM}))
    session = alice.session
    [box] = session["search_terms"].values()
    foreign = encrypt(TERM.encode(), purpose="search term", owner=b"somebody else")
    assert len(foreign) == len(box)
    session["search_terms"] = {key: foreign}
    session.save()

    page = alice.get(f"{CUSTOMERS}?s={key}", follow=True)

    assert said(page)[0].startswith(ENDED)


def test_a_search_without_the_token_of_its_form_is_refused(alice, ana):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alice.cookies

    refused = strict.post(CUSTOMERS, {"q": TERM})

    assert refused.status_code == 403
    assert "search_terms" not in alice.session


def test_who_may_not_see_a_list_searches_nothing_in_it(db):
    nobody = signed_in(UserFactory())

    assert nobody.post(CUSTOMERS, {"q": TERM}).status_code == 403
    assert nobody.get(f"{CUSTOMERS}?q={TERM}").status_code == 403
    assert "search_terms" not in nobody.session


# --- acts on what was found -----------------------------------------------------


def archive_all(row: Customer) -> dict[str, Any]:
    """Return what the list posts to archive all that it has found."""
    return {
        "action": "archive",
        "_selected_action": str(row.pk),
        "select_across": "1",
        "index": "0",
        "reason": "x",
    }


def archived() -> list[str | None]:
    archived = Customer.objects.exclude(archived_at=None)
    return sorted(archived.values_list("name", flat=True))


def test_an_act_on_all_is_one_on_all_that_were_searched_for(alice, ana, jonas):
    found = alice.post(CUSTOMERS, {"q": TERM})["Location"]

    done = alice.post(found, archive_all(ana))

    assert done["Location"] == found
    assert archived() == ["Ana"]


def test_after_its_search_has_ended_an_act_does_nothing(alice, ana, jonas):
    done = alice.post(f"{CUSTOMERS}?s=unknown", archive_all(ana), follow=True)

    assert archived() == []
    assert said(done)[0].startswith(f"{ENDED}. Nothing was done")


def test_an_act_at_an_old_address_keeps_to_its_search(alice, ana, jonas):
    alice.post(f"{CUSTOMERS}?q={TERM}", archive_all(ana))

    assert archived() == ["Ana"]


def test_a_search_takes_no_act_away_from_its_page(alice, ana, jonas):
    """One token stands in all forms of a page, and each of them works after another."""
    browser = Browser(alice)
    form = browser.form(CUSTOMERS)
    searched = [browser.client.post(CUSTOMERS, {**form, "q": text}) for text in "ab"]
    assert [page.status_code for page in searched] == [302, 302]
    assert searched[0]["Location"] != searched[1]["Location"]

    browser.client.post(CUSTOMERS, {**form, **archive_all(ana), "select_across": "0"})
    assert archived() == ["Ana"]

    # Nor does an act take the search away.
    page = browser.client.post(CUSTOMERS, {**form, "q": "jonas"}, follow=True)
    assert token_of(page)
    assert names_in(page) == ["Jonas"]


def test_an_export_has_what_was_searched_for(alice, ana, jonas):
    key = key_of(alice.post(CUSTOMERS, {"q": TERM}))
    data = export_data(alice, CUSTOMERS)
    response = post_confirmed(alice, f"{CUSTOMERS}export/?s={key}", data)

    assert [row["name"] for row in rows_of(take(alice, response))] == ["Ana"]
    assert Event.objects.get(action="export.started").query == TERM
    assert len(rows_of(export(alice, CUSTOMERS))) == 2


@pytest.mark.parametrize("method", ["get", "post"])
def test_after_its_search_has_ended_nothing_is_exported(alice, ana, method):
    response = getattr(alice, method)(f"{CUSTOMERS}export/?s=unknown")

    assert response["Location"] == CUSTOMERS
    assert said(alice.get(CUSTOMERS))[0].startswith(ENDED)
