"""The keyboard map: one table for the dialog and the page, by what one may open."""

from __future__ import annotations

import re

from django.test import Client

from tests.conftest import signed_in, staff
from tests.factories import UserFactory

PAGE = "/admin/account/keys/"
JUMP = re.compile(r'<a href="([^"]+)" data-jump="(.)">')


def jumps(client: Client, path: str = PAGE) -> dict[str, str]:
    return {letter: url for url, letter in JUMP.findall(client.get(path).text)}


def test_page_and_dialog_show_the_same(alice):
    assert jumps(alice) == {
        "i": "/admin/",
        "c": "/admin/customers/customer/",
        "t": "/admin/customers/ticket/",
        "q": "/admin/capture/quarantine/",
    }
    assert jumps(alice, "/admin/") == jumps(alice)
    text = alice.get(PAGE).text
    assert "<kbd>Ctrl</kbd> + <kbd>S</kbd>" in text
    assert "<kbd>g</kbd> then <kbd>c</kbd>" in text


def test_nobody_is_led_where_they_may_not_go(bakery):
    marketing = signed_in(staff(bakery, "marketing"))

    assert set(jumps(marketing)) == {"i", "c"}
    for url in jumps(marketing).values():
        assert marketing.get(url).status_code == 200


def test_somebody_who_works_nowhere_has_the_index(db):
    assert jumps(signed_in(UserFactory())) == {"i": "/admin/"}


def test_every_place_it_leads_to_opens(alice):
    for url in jumps(alice).values():
        assert alice.get(url).status_code == 200


def test_it_says_where_to_turn_them_off(alice):
    assert "They can be turned off in" in alice.get(PAGE).text
    alice.post("/admin/account/preferences/", {"density": "comfortable"})
    assert "You have turned them off" in alice.get(PAGE).text


def test_the_page_is_only_read(alice):
    assert alice.post(PAGE).status_code == 405
    assert Client().get(PAGE)["Location"].startswith("/admin/login/")
