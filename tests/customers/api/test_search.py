"""`/api/v1/customers/search`: who was meant, over the businesses of whoever asks."""

from __future__ import annotations

from functools import partial

from audit.models import Event
from tests.conftest import signed_in, staff
from tests.factories import CustomerFactory, MembershipFactory

BASE = "/api/v1/customers"


def found(browser, text: str, **headers: str) -> list[tuple[str, str]]:
    answer = browser.get(f"{BASE}/search", {"q": text}, headers=headers)
    assert answer.status_code == 200, answer.json()
    return [(row["id"], row["matched"]) for row in answer.json()["results"]]


def test_the_search_masks_and_says_what_matched(alice, jonas):
    body = alice.get(f"{BASE}/search/", {"q": "jonas@example.net"}).json()

    [row] = body["results"]
    assert (row["matched"], row["email"]) == ("email", "j…@e….net")
    assert row["phone"].endswith("55")
    assert "22 11" not in row["phone"]
    assert row["business_id"] == str(jonas.business_id)


def test_the_search_goes_over_the_own_businesses_and_no_others(bakery, rival, jonas):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="support")
    there = CustomerFactory(business=rival, name="Jonas Dahl")
    CustomerFactory(name="Jonas Elsewhere")
    browser = signed_in(user)

    assert {pk for pk, _ in found(browser, "jonas")} == {str(jonas.pk), str(there.pk)}
    assert found(browser, "jonas", **{"X-Business": "rival"}) == [
        (str(there.pk), "name")
    ]


def test_too_little_finds_nobody(alice, jonas):
    assert found(alice, "j") == []
    assert found(alice, " ") == []


def test_a_search_is_an_access_event_with_what_was_looked_for(alice, jonas):
    found(alice, "berg")

    event = Event.objects.latest("occurred_at")
    assert (event.action, event.query) == ("customer.searched", "berg")
    assert event.subjects == [str(jonas.pk)]


def test_search_queries_do_not_grow(alice, bakery, jonas, assert_flat):
    grow = partial(CustomerFactory.create_batch, 20, business=bakery, name="Jon Dal")

    call = partial(alice.get, f"{BASE}/search", {"q": "jon", "limit": 50})
    assert_flat(call=call, grow=grow)
