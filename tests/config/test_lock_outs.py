"""Nobody is locked out by somebody else's guessing, and whoever guesses is."""

from __future__ import annotations

import pytest
from django.conf import settings as ours
from django.core import signing
from django.test import Client

from audit.models import Event
from tests.conftest import staff
from tests.factories.audit import PASSWORD

LOGIN = "/admin/login/"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


class Browser:
    """A browser at an address; it keeps its cookies between tries."""

    def __init__(self, address: str) -> None:
        self.client, self.address = Client(), address

    def tries(self, username: str, password: str = "wrong") -> int:
        who = {"username": username, "password": password}
        return self.client.post(LOGIN, who, REMOTE_ADDR=self.address).status_code

    def signs_in(self, username: str) -> bool:
        is_in = self.tries(username, PASSWORD) == 302
        if is_in:
            self.client.post("/admin/logout/", REMOTE_ADDR=self.address)
        return is_in


@pytest.fixture(autouse=True)
def no_rates(settings):
    """Guessers are held by the counters of tries alone."""
    settings.STAFF_RATES = dict.fromkeys(settings.STAFF_RATES, (100_000, 100_000))


@pytest.fixture
def people(bakery):
    return [staff(bakery, username=name, password=PASSWORD) for name in ("ann", "ben")]


def test_two_people_of_one_office_come_in_while_two_others_guess(people, clock):
    ann, ben = Browser(OFFICE), Browser(OFFICE)
    assert ann.signs_in("ann")
    assert ben.signs_in("ben")
    inside, outside = Browser(OFFICE), Browser(ELSEWHERE)

    for _ in range(120):
        for guesser in (inside, outside):
            for name in ("ann", "ben", "cleo"):
                guesser.tries(name)
        clock(seconds=20)
        # Within the minute; here at once, each time.
        assert ann.signs_in("ann")
        assert ben.signs_in("ben")
    assert inside.tries("ann") == outside.tries("ben") == 429


def test_a_guesser_uses_up_no_rate_of_known_browsers(people, settings):
    settings.STAFF_RATES = {**settings.STAFF_RATES, "login": (0.001, 5)}
    ann, guesser = Browser(OFFICE), Browser(OFFICE)
    assert ann.signs_in("ann")
    while guesser.tries("nobody") != 429:
        pass

    assert ann.signs_in("ann")
    assert Browser(OFFICE).tries("ben") == 429


def test_a_new_browser_comes_in_elsewhere_than_where_somebody_guesses(people):
    guesser = Browser(ELSEWHERE)
    while guesser.tries("ann") != 429:
        pass

    assert Browser(OFFICE).signs_in("ann")
    assert not Browser(ELSEWHERE).signs_in("ann")


def test_a_new_colleague_comes_in_from_an_address_that_has_no_tries_left(people):
    guesser = Browser(OFFICE)
    for number in range(ours.SIGN_IN_NETWORK_TRIES):
        guesser.tries(f"somebody{number}")
    assert guesser.tries("somebody-else") == 200
    assert guesser.tries("somebody-else") == 200
    assert guesser.tries("somebody-else") == 429

    assert Browser(OFFICE).tries("ben") == 200
    assert Browser(OFFICE).signs_in("ben")


def test_many_addresses_together_get_no_more_tries_than_ten_of_them(people, settings):
    settings.SIGN_IN_ACCOUNT_TRIES = 2
    known = Browser(OFFICE)
    assert known.signs_in("ann")
    tries = [Browser(f"192.0.2.{number}").tries("ann") for number in range(30)]

    assert tries.count(200) == 20
    assert known.signs_in("ann")
    assert Event.objects.filter(action="auth.locked", code="account").count() == 1


def test_a_known_browser_has_a_limit_too(people, clock):
    browser = Browser(OFFICE)
    assert browser.signs_in("ann")
    tries = [browser.tries("ann") for _ in range(30)]

    # Its own, and then those of a browser that nobody knows.
    assert tries.count(200) == 2 * ours.SIGN_IN_ACCOUNT_TRIES
    assert tries[-1] == 429
    clock(minutes=15)
    assert browser.signs_in("ann")


def test_a_browser_is_known_for_those_who_signed_in_there(people):
    browser = Browser(OFFICE)
    assert browser.signs_in("ann")
    while browser.tries("ben") != 429:
        pass

    assert browser.signs_in("ann")
    assert not browser.signs_in("ben")


def test_a_shared_browser_knows_both(people):
    browser = Browser(OFFICE)
    assert browser.signs_in("ann")
    assert browser.signs_in("ben")
    guesser = Browser(OFFICE)
    for name in ("ann", "ben"):
        while guesser.tries(name) != 429:
            pass

    assert browser.signs_in("ann")
    assert browser.signs_in("ben")


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "a:b:c", "x" * 5000, signing.dumps(["me", ["ann"]], salt="another")],
    ids=["none", "word", "parts", "long", "of another purpose"],
)
def test_a_cookie_of_ones_own_making_is_that_of_a_new_browser(people, cookie):
    guesser = Browser(OFFICE)
    guesser.client.cookies[ours.DEVICE_COOKIE_NAME] = cookie
    tries = [guesser.tries("ann") for _ in range(15)]

    assert tries.count(200) == ours.SIGN_IN_ACCOUNT_TRIES


def test_the_cookie_is_for_the_server_alone(people):
    browser = Browser(OFFICE)
    browser.tries("ann", PASSWORD)
    cookie = browser.client.cookies[ours.DEVICE_COOKIE_NAME]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "ann" not in cookie.value


def test_no_lock_is_longer_than_an_hour(people, clock):
    guesser = Browser(ELSEWHERE)
    waits = set()
    for _ in range(8):
        while guesser.tries("ann") != 429:
            pass
        who = {"username": "ann", "password": "wrong"}
        answer = guesser.client.post(LOGIN, who, REMOTE_ADDR=ELSEWHERE)
        waits.add(int(answer["Retry-After"]))
        clock(seconds=int(answer["Retry-After"]))

    assert waits == {900, 1800, 3600}
