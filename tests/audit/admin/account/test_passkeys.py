"""The pages of passkeys: adding and removing them, signing in, confirming."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from audit import accounts
from audit.models import Event, Passkey
from tests.authenticator import Device
from tests.conftest import confirm, post_confirmed, signed_in, staff
from tests.factories import AuthenticatorFactory, MembershipFactory, UserFactory
from tests.factories.audit import PASSWORD, enrolled

FACTOR = "/admin/account/second-factor/"
LOGIN = "/admin/login/"
SIGN_IN = "/admin/login/passkey/"
ASK = {"passkey_ask": "1"}


@pytest.fixture
def ann(db):
    return UserFactory(username="ann")


@pytest.fixture
def browser(ann):
    return signed_in(ann)


def is_in(client: Client) -> bool:
    return client.get("/admin/account/").status_code == 200


def add(client: Client, device: Device, **values: str) -> Any:
    values = {"act": "add_key", "password": PASSWORD, "name": "My phone"} | values
    asked = client.post(FACTOR, {**values, **ASK})
    if asked.status_code != 200:
        return asked
    answer = json.dumps(device.create(asked.json()))
    return client.post(FACTOR, {**values, "password": "", "passkey": answer})


def sign_in(client: Client, device: Device, **values: str) -> Any:
    asked = client.post(SIGN_IN, ASK).json()
    answer = json.dumps(device.get(asked))
    return client.post(SIGN_IN, {"passkey": answer, **values})


# --- adding and removing --------------------------------------------------------


def test_a_passkey_is_added_after_the_password(browser, ann):
    elsewhere, device = signed_in(ann), Device()
    response = add(browser, device)

    assert len(response.context["codes"]) == 10
    row = Passkey.objects.get()
    assert (row.user, row.name) == (ann, "My phone")
    page = browser.get(FACTOR)
    assert "My phone" in page.content.decode()
    assert "never" in page.content.decode()
    assert not is_in(elsewhere)
    # Those who have codes keep them; and show another second secret first.
    assert add(browser, Device()).status_code == 400
    confirm(browser, "account")
    assert add(browser, Device())["Location"] == FACTOR


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"password": "wrong"}, "This is not your password"),
        ({"password": ""}, "required"),
        ({"name": ""}, "required"),
    ],
)
def test_without_the_password_nothing_is_asked(browser, values, said):
    refused = add(browser, Device(), **values)

    assert refused.status_code == 400
    assert said in refused.json()["message"]
    assert not Passkey.objects.exists()


def test_an_answer_that_nobody_asked_for_adds_nothing(browser):
    for answer in ("", "{", "[]", json.dumps({"ceremony": "x"}), "x" * 30_000):
        data = {"act": "add_key", "name": "x", "passkey": answer}
        page = browser.post(FACTOR, data, follow=True)
        assert "took too long" in page.content.decode()
    assert not Passkey.objects.exists()


def test_removing_takes_the_password(browser, ann):
    add(browser, Device())
    key = str(Passkey.objects.get().pk)
    data = {"act": "remove_key", "key": key}
    wrong = browser.post(FACTOR, {**data, "password": "wrong"})
    assert "not your password" in wrong.content.decode()
    for other in ("", "x", str(ann.pk)):
        browser.post(FACTOR, {**data, "key": other, "password": PASSWORD})
    assert Passkey.objects.exists()

    right = {**data, "password": PASSWORD}
    assert post_confirmed(browser, FACTOR, right)["Location"] == FACTOR
    assert not Passkey.objects.exists()
    assert is_in(browser)


def test_nobody_removes_somebody_elses(browser):
    enrolled(UserFactory())
    key = str(Passkey.objects.get().pk)
    browser.post(FACTOR, {"act": "remove_key", "key": key, "password": PASSWORD})

    assert Passkey.objects.exists()


def test_a_role_that_needs_one_is_led_here_and_keeps_the_last(bakery, settings):
    settings.SECOND_FACTOR_ROLES = ["admin"]
    ann = staff(bakery)
    browser = signed_in(ann)
    assert browser.get("/admin/")["Location"] == FACTOR
    add(browser, Device())
    assert browser.get("/admin/").status_code == 200

    key = str(Passkey.objects.get().pk)
    data = {"act": "remove_key", "key": key, "password": PASSWORD}
    page = post_confirmed(browser, FACTOR, data, follow=True)
    assert "Your role needs a second factor" in page.content.decode()
    assert Passkey.objects.exists()


def test_a_site_without_a_name_offers_none(browser, settings):
    settings.PASSKEY_DOMAIN = ""

    assert 'data-domain=""' in browser.get(FACTOR).content.decode()
    assert "no name" in add(browser, Device()).json()["message"]


# --- signing in -----------------------------------------------------------------


def test_a_passkey_alone_signs_in(ann):
    device, client = enrolled(ann), Client()
    response = sign_in(client, device, next="/admin/account/")

    assert response["Location"] == "/admin/account/"
    assert is_in(client)
    event = Event.objects.get(action="auth.signed_in")
    assert event.data == {"method": "session", "factor": "passkey"}


def test_the_session_of_before_is_gone(ann):
    device, client = enrolled(ann), Client()
    asked = client.post(SIGN_IN, ASK).json()
    before = client.session.session_key
    client.post(SIGN_IN, {"passkey": json.dumps(device.get(asked))})

    assert client.session.session_key != before


def test_nobody_is_led_away_after_it(ann):
    device = enrolled(ann)

    assert sign_in(Client(), device, next="https://evil.example")["Location"] == (
        "/admin/"
    )


def test_a_wrong_one_is_told_on_the_page(ann):
    device, client = enrolled(ann), Client()
    device.is_verifying = False
    response = sign_in(client, device)

    text = response.content.decode()
    assert "does not open anything here" in text
    assert 'name="username"' in text
    assert not is_in(client)
    assert client.get(SIGN_IN)["Location"] == LOGIN
    assert "too long" in client.post(SIGN_IN).content.decode()


def test_an_answer_opens_one_session(ann):
    device, client, other = enrolled(ann), Client(), Client()
    answer = json.dumps(device.get(client.post(SIGN_IN, ASK).json()))
    other.post(SIGN_IN, ASK)

    assert other.post(SIGN_IN, {"passkey": answer}).status_code == 200
    assert not is_in(other)
    client.post(SIGN_IN, {"passkey": answer})
    assert not is_in(client)


def test_a_locked_network_is_told_to_wait(ann, settings):
    settings.SIGN_IN_NETWORK_TRIES = 1
    device = enrolled(ann)
    device.is_verifying = False
    sign_in(Client(), device)
    locked = sign_in(Client(), device)

    assert locked.status_code == 429
    assert int(locked["Retry-After"]) > 0


def test_a_password_alone_opens_nothing_for_whoever_has_one(ann):
    device, client = enrolled(ann), Client()
    response = client.post(LOGIN, {"username": "ann", "password": PASSWORD})

    assert response["Location"].startswith("/admin/login/code/")
    page = client.get(response["Location"]).content.decode()
    assert "Use your passkey, or" in page
    # It comes first, and no field takes the keyboard before it.
    assert page.index("Sign in with a passkey") < page.index("Recovery code")
    assert "autofocus" not in page
    assert not is_in(client)
    sign_in(client, device)
    assert is_in(client)


def test_who_has_lost_it_has_a_recovery_code(browser):
    codes = add(browser, Device()).context["codes"]
    client = Client()
    client.post(LOGIN, {"username": "ann", "password": PASSWORD})
    client.post("/admin/login/code/", {"code": codes[0]})

    assert is_in(client)


def test_tokens_ask_for_the_second_factor(ann):
    enrolled(ann)
    data = {"username": "ann", "password": PASSWORD}
    response = Client().post(
        "/api/v1/auth/token", data, content_type="application/json"
    )

    assert response.json()["code"] == "second_factor_required"


# --- confirming -----------------------------------------------------------------


def asked_page(client: Client, path: str, data: dict[str, Any]) -> dict[str, str]:
    """Begin an act that needs a confirmation; return what the page carries."""
    context = client.post(path, data).context
    assert context["methods"] == ["passkey"]
    return {context["carried_name"]: context["carried"]}


@pytest.fixture
def act(bakery):
    """Take somebody's PIN away, which an owner confirms."""
    from tests.factories import PinCredentialFactory  # noqa: PLC0415 - for this test alone

    user = UserFactory(is_superuser=True)
    MembershipFactory(user=user, business=bakery)
    pin = PinCredentialFactory()
    data = {"action": "release", "_selected_action": [str(pin.pk)]}
    return signed_in(user), enrolled(user), "/admin/audit/pincredential/", data, pin


def test_a_passkey_confirms_and_the_act_runs(act):
    client, device, path, data, pin = act
    client.force_login(client.user)
    carried = asked_page(client, path, data)
    asked = client.post(path, {**carried, **ASK})
    assert "no-store" in asked["Cache-Control"]
    answer = json.dumps(device.get(asked.json()))
    key = client.session.session_key
    client.post(path, {**carried, "passkey": answer})

    pin.refresh_from_db()
    assert pin.hash == ""
    assert client.session.session_key != key
    event = Event.objects.get(action="step_up.confirmed")
    assert event.data == {"scope": "manage_roles", "method": "passkey"}


def test_a_wrong_answer_asks_again_and_nothing_happens(act):
    client, device, path, data, pin = act
    client.force_login(client.user)
    carried = asked_page(client, path, data)
    asked = client.post(path, {**carried, **ASK}).json()
    device.is_verifying = False
    page = client.post(path, {**carried, "passkey": json.dumps(device.get(asked))})

    assert "not accepted" in page.content.decode()
    assert "4 tries left" in page.content.decode()
    pin.refresh_from_db()
    assert pin.hash


def test_a_page_of_elsewhere_is_not_asked_for(act):
    client, _, path, data, _ = act
    client.force_login(client.user)
    carried = asked_page(client, path, data)

    for other, sent in (
        ("/admin/audit/grant/", carried),
        (path, {"step_up_request": "x"}),
    ):
        refused = client.post(other, {**sent, **ASK})
        assert refused.status_code == 400
        assert "Begin again" in refused.json()["message"]


def test_with_an_app_the_code_serves_without_script(act):
    client, _, path, data, _ = act
    AuthenticatorFactory(user=client.user)
    client.force_login(client.user)
    text = client.post(path, data).content.decode()

    assert "Confirm with a passkey" in text
    assert "Authenticator code" in text
    assert "Confirming lasts 5 minutes" in text
    assert accounts.step_up_methods(client.user, "erase") == ["totp", "passkey"]
