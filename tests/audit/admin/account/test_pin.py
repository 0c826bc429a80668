"""The page on which a person sets the own PIN."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from django.urls import reverse
from django.utils import timezone

from audit import accounts
from audit.accounts.users import factors_of
from audit.models import Event, PinCredential
from tests.conftest import actor_of, signed_in, staff
from tests.factories import PasskeyFactory, PinCredentialFactory
from tests.factories.audit import PASSWORD, PIN, enrolled

PATH = "/admin/account/pin/"


def send(client, **changes):
    return client.post(
        PATH, {"password": PASSWORD, "pin": PIN, "again": PIN} | changes, follow=True
    )


def test_a_pin_is_set_and_changed(alice):
    assert reverse("admin:account_pin") == PATH
    assert "Set the PIN" in alice.get(PATH).text
    assert "Your PIN is set." in send(alice).text
    assert "Change the PIN" in alice.get(PATH).text
    first = PinCredential.objects.get().hash
    page = send(alice, pin="905318", again="905318")
    assert "This field is required." in page.text
    page = send(alice, pin="905318", again="905318", code="111222")
    assert "Wrong code." in page.text
    assert PinCredential.objects.get().hash == first
    assert (
        "Your PIN is set." in send(alice, pin="905318", again="905318", code=PIN).text
    )

    assert PinCredential.objects.get().hash != first
    assert Event.objects.filter(action="step_up.enrolled").count() == 2


def test_the_first_pin_takes_the_passkey_of_whoever_has_one(bakery):
    user = staff(bakery)
    device = enrolled(user)
    alice = signed_in(user)
    data = {"password": PASSWORD, "pin": PIN, "again": PIN}
    asked = alice.post(PATH, data)
    assert "Nothing has happened yet" in asked.text
    assert not PinCredential.objects.exclude(hash="").exists()

    carried = {asked.context["carried_name"]: asked.context["carried"]}
    question = alice.post(PATH, {**carried, "passkey_ask": "1"}).json()
    answer = json.dumps(device.get(question))
    page = alice.post(PATH, {**carried, "passkey": answer}, follow=True)
    assert "Your PIN is set." in page.text
    assert "pin" in factors_of(alice.user)


def test_a_passkey_stands_for_a_pin_that_was_forgotten(alice):
    PinCredentialFactory(user=alice.user)
    PasskeyFactory(user=alice.user)

    page = send(alice, pin="905318", again="905318")
    assert "Nothing has happened yet" in page.text
    assert "Confirm with a passkey" in page.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"password": "no"}, "This is not your password."),
        ({"again": "905318"}, "The two PINs differ."),
        ({"pin": "272727", "again": "272727"}, "guessed"),
        ({"pin": "12ab", "again": "12ab"}, "6 to 12 digits"),
        ({"pin": ""}, "This field is required."),
    ],
)
def test_nothing_is_set_and_the_page_says_why(alice, changes, sentence):
    page = send(alice, **changes)

    assert sentence in page.text
    assert not PinCredential.objects.exists()


def test_the_first_pin_leads_back_to_what_asked_for_it(alice):
    page = "/admin/customers/customer/?status=active"
    data = {"password": PASSWORD, "pin": PIN, "again": PIN}

    done = alice.post(f"{PATH}?next={quote_plus(page)}", data, follow=True)

    assert done.redirect_chain == [(page, 302)]
    assert "Your PIN is set. Now begin again." in done.text


def test_whoever_is_released_is_told_from_when_on_a_pin_can_be_set(alice, owner):
    locked = timezone.now() + timedelta(minutes=10)
    PinCredentialFactory(user=alice.user, locked_until=locked)
    accounts.release_pin(alice.user, actor=actor_of(owner.user))

    for page in (
        alice.get(PATH),
        alice.get("/admin/account/"),
        alice.post("/admin/customers/membership/add/", {}),
    ):
        assert "released. From" in page.text
        assert "locked until" not in page.text


def test_what_was_typed_comes_back_nowhere(alice, caplog):
    with caplog.at_level(logging.DEBUG):
        page = send(alice, password="not the right one", pin="905318", again="905318")

    for typed in ("not the right one", "905318"):
        assert typed not in page.text
        assert typed not in caplog.text
    assert "no-store" in page["Cache-Control"]


def test_strangers_are_sent_to_the_door(client, db):
    response = client.get(PATH)

    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]
