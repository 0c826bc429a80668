"""Nobody is locked out by somebody else's guessing, and whoever guesses is."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as ours
from django.core import mail, signing
from django.test import Client

from audit import accounts
from audit.accounts import alarms, ceremonies
from audit.models import Event
from audit.tenancy.actors import Actor
from tests.authenticator import Device
from tests.conftest import staff
from tests.factories import AuthenticatorFactory, UserFactory
from tests.factories.audit import PASSWORD, enrolled

LOGIN = "/admin/login/"
CODE = "/admin/login/code/"
KEY = "/admin/login/passkey/"
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

    for _ in range(20):
        for guesser in (inside, outside):
            for name in ("ann", "ben", "cleo"):
                guesser.tries(name)
        clock(seconds=60)
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
    locked = Event.objects.filter(action="auth.locked").order_by("id")
    assert list(locked.values_list("code", flat=True)) == ["device", "account"]
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


# --- the alarm ------------------------------------------------------------------


@pytest.fixture
def mails_of(django_capture_on_commit_callbacks):
    """Return a function that does something, and returns the mails it sends."""

    def run(act: Any) -> list[Any]:
        before = len(mail.outbox)
        with django_capture_on_commit_callbacks(execute=True):
            act()
        return mail.outbox[before:]

    return run


def guess(name: str, address: str = ELSEWHERE) -> None:
    guesser = Browser(address)
    while guesser.tries(name) != 429:
        pass


def test_a_lock_is_told_once_to_its_person_and_the_owners(people, mails_of, clock):
    UserFactory(username="olga", is_superuser=True)
    UserFactory(username="gone", is_superuser=True, is_active=False)
    first = mails_of(lambda: guess("ann"))
    assert {(m.to[0], m.subject) for m in first} == {
        ("ann@example.org", "Holdfast: Your sign-in is locked"),
        ("olga@example.org", "Holdfast: A sign-in is locked"),
    }
    by_name = {m.to[0]: m.body for m in first}
    assert "of ann is locked" in by_name["olga@example.org"]
    assert "/login/known/" not in by_name["olga@example.org"]
    assert Event.objects.get(action="auth.locked").object_id == str(people[0].pk)

    # While it lasts, and from wherever else; then again.
    again = mails_of(lambda: [guess("ann", f"192.0.2.{n}") for n in range(5)])
    assert again == []
    clock(minutes=61)
    assert len(mails_of(lambda: guess("ann"))) == 2


def test_names_that_nobody_has_are_told_to_nobody(people, mails_of, monkeypatch):
    monkeypatch.setattr(alarms, "_MOST", 2)
    UserFactory(username="olga", is_superuser=True)
    names = [f"nobody{number}" for number in range(4)]
    assert mails_of(lambda: [guess(name) for name in names]) == []
    # Nor do they use up the mails about others; other letters are the same name.
    assert len(mails_of(lambda: guess("ANN"))) == 2


def test_owners_get_so_many_mails_in_an_hour(bakery, mails_of, monkeypatch):
    monkeypatch.setattr(alarms, "_MOST", 2)
    UserFactory(username="olga", is_superuser=True)
    for number in range(4):
        staff(bakery, username=f"p{number}")
    sent = mails_of(lambda: [guess(f"p{n}", f"192.0.2.{n}") for n in range(4)])

    olgas = [m.body for m in sent if m.to == ["olga@example.org"]]
    assert len(olgas) == 2
    assert "no more of these" in olgas[-1]
    assert len(sent) == 6


def test_wrong_codes_after_the_right_password_are_another_alarm(people, mails_of):
    AuthenticatorFactory(user=people[0])
    assert len(mails_of(lambda: guess("ann"))) == 1
    browser = Browser(OFFICE)
    browser.tries("ann", PASSWORD)

    def codes() -> None:
        for _ in range(5):
            browser.client.post(CODE, {"code": "000000"}, REMOTE_ADDR=OFFICE)

    (told,) = mails_of(codes)
    assert "somebody knows your password" in told.body


def test_a_lock_that_the_owner_has_cleared_is_told_again(people, mails_of):
    mails_of(lambda: guess("ann"))
    accounts.clear_sign_in_locks(people[0], actor=Actor.system("test"))

    assert len(mails_of(lambda: guess("ann"))) == 1


# --- a new browser where somebody guesses ---------------------------------------


def link_in(told: list[Any]) -> str:
    (found,) = [re.search(r"https?://\S+/login/known/\S+", m.body) for m in told]
    return urlsplit(found[0]).path  # type: ignore[index]  # fails where none is


def test_new_browsers_come_in_within_a_minute_beside_one_who_guesses(
    people, mails_of, clock
):
    inside, outside = Browser(OFFICE), Browser(ELSEWHERE)
    told = {name: mails_of(lambda n=name: guess(n, OFFICE)) for name in ("ann", "ben")}
    for name in ("ann", "ben"):
        # In a browser of their own, at the address of whoever guesses all the time.
        own = Browser(OFFICE)
        assert not own.signs_in(name)
        begun = 0
        page = own.client.get(link_in(told[name]), follow=True, REMOTE_ADDR=OFFICE)
        assert "This browser is known now" in page.text
        while not own.signs_in(name):
            begun += 10
            clock(seconds=10)
        assert begun < 60
        for _ in range(20):
            assert Browser(OFFICE).tries(name) == inside.tries(name) == 429
            outside.tries(name)
            clock(seconds=3)
        assert own.signs_in(name)


def test_the_link_of_a_mail_opens_nothing_and_gives_few_tries(people, mails_of):
    link = link_in(mails_of(lambda: guess("ann", OFFICE)))
    tries = []
    for _ in range(3):
        thief = Browser(OFFICE)
        thief.client.get(link, REMOTE_ADDR=OFFICE)
        assert thief.client.get("/admin/", REMOTE_ADDR=OFFICE).status_code == 302
        tries += [thief.tries("ann") for _ in range(15)]

    assert tries.count(200) == ours.SIGN_IN_ACCOUNT_TRIES


def test_the_link_gives_few_tries_to_browsers_that_are_known_too(
    people, mails_of, settings
):
    settings.SIGN_IN_ACCOUNT_TRIES = 3
    link = link_in(mails_of(lambda: guess("ann", OFFICE)))
    tries = []
    for _ in range(6):
        # Whoever has an account makes as many known browsers as he likes.
        own = Browser(OFFICE)
        assert own.signs_in("ben")
        own.client.get(link, REMOTE_ADDR=OFFICE)
        tries += [own.tries("ann") for _ in range(5)]
        assert own.signs_in("ben")

    assert tries.count(200) == 3 * 3


@pytest.mark.parametrize("host", ["localhost", "testserver:8443", "127.0.0.1"])
def test_the_link_leads_to_this_site_whatever_host_was_sent(
    people, mails_of, settings, host
):
    settings.PASSKEY_ORIGINS = ["https://above.example", "https://testserver"]

    def guess_at_another_name() -> None:
        client = Client(headers={"Host": host})
        for _ in range(ours.SIGN_IN_ACCOUNT_TRIES):
            client.post(LOGIN, {"username": "ann", "password": "no"})

    (told,) = mails_of(guess_at_another_name)
    assert re.findall(r"https?://[^/]+", told.body) == ["https://testserver"]


def test_the_link_is_for_its_account_and_two_hours(people, mails_of, clock):
    link = link_in(mails_of(lambda: guess("ann", OFFICE)))
    browser = Browser(OFFICE)
    guess("ben", OFFICE)
    browser.client.get(link, REMOTE_ADDR=OFFICE)
    assert not browser.signs_in("ben")
    assert browser.client.post(link).status_code == 405

    clock(hours=2, seconds=1)
    for old in (link, "/admin/login/known/x/", f"/admin/login/known/{'x' * 2000}/"):
        fresh = Browser(OFFICE)
        page = fresh.client.get(old, follow=True)
        assert "too old" in page.text
        assert ours.DEVICE_COOKIE_NAME not in fresh.client.cookies


def test_a_known_browser_that_opens_the_link_stays_known(people, mails_of):
    browser = Browser(OFFICE)
    assert browser.signs_in("ben")
    link = link_in(mails_of(lambda: guess("ann", OFFICE)))
    guess("ben", OFFICE)
    browser.client.get(link, REMOTE_ADDR=OFFICE)

    assert browser.signs_in("ann")
    assert browser.signs_in("ben")


# --- the other doors ------------------------------------------------------------


def token_of(browser: Browser, headers: Any = None, **values: Any) -> Any:
    body = {"username": "ann", "password": PASSWORD, **values}
    sent = {"REMOTE_ADDR": browser.address, "HTTP_ORIGIN": "http://testserver"}
    return browser.client.post(
        "/api/v1/auth/token",
        json.dumps(body),
        "application/json",
        **(sent | (headers or {})),
    )


def test_a_browser_is_known_at_the_door_of_tokens(people):
    page, program = Browser(OFFICE), Browser(OFFICE)
    assert token_of(page, cookie=True).status_code == 200
    assert token_of(program).status_code == 200
    assert ours.DEVICE_COOKIE_NAME not in program.client.cookies
    guess("ann", OFFICE)

    assert token_of(program).status_code == 429
    assert token_of(page, cookie=True).status_code == 200
    assert token_of(page).status_code == 200
    assert page.signs_in("ann")


def test_a_browser_that_signed_in_is_known_when_it_asks_for_tokens(people):
    browser = Browser(OFFICE)
    assert browser.signs_in("ann")
    guess("ann", OFFICE)

    answer = token_of(browser)
    assert answer.status_code == 200
    assert ours.DEVICE_COOKIE_NAME in answer.cookies
    elsewhere = {"HTTP_ORIGIN": "https://app.example.net"}
    answer = token_of(browser, headers=elsewhere)
    assert answer.status_code == 200
    assert ours.DEVICE_COOKIE_NAME not in answer.cookies


def passkey_signs_in(browser: Browser, device: Any) -> bool:
    client, here = browser.client, {"REMOTE_ADDR": browser.address}
    asked = client.post(KEY, {"passkey_ask": "1"}, **here)
    if asked.status_code != 200:
        return False
    answer = json.dumps(device.get(asked.json()))
    is_in = client.post(KEY, {"passkey": answer}, **here).status_code == 302
    client.post("/admin/logout/", **here)
    return is_in


def test_a_passkey_comes_in_where_others_have_used_up_every_try(people, settings):
    settings.SIGN_IN_NETWORK_TRIES = 3
    device = enrolled(people[0])
    known = Browser(OFFICE)
    assert passkey_signs_in(known, device)
    guesser, wrong = Browser(OFFICE), Device()
    while (
        guesser.client.post(
            KEY, {"passkey": json.dumps(wrong.get(ask(guesser)))}, REMOTE_ADDR=OFFICE
        ).status_code
        != 429
    ):
        pass

    assert not passkey_signs_in(Browser(OFFICE), device)
    assert passkey_signs_in(known, device)


def test_a_passkey_comes_in_where_its_account_has_no_tries_left(people):
    device = enrolled(people[0])
    guess("ann", OFFICE)

    assert not Browser(OFFICE).signs_in("ann")
    assert passkey_signs_in(Browser(OFFICE), device)


def test_a_known_browser_asks_for_a_passkey_where_nobody_else_can(people, monkeypatch):
    device = enrolled(people[0])
    known = Browser(OFFICE)
    assert passkey_signs_in(known, device)
    monkeypatch.setattr(ceremonies, "_OPEN", 2)
    for _ in range(2):
        ask(Browser(OFFICE))

    assert not passkey_signs_in(Browser(OFFICE), device)
    assert passkey_signs_in(known, device)


def ask(browser: Browser) -> Any:
    here = {"REMOTE_ADDR": browser.address}
    return browser.client.post(KEY, {"passkey_ask": "1"}, **here).json()
