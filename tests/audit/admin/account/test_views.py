from __future__ import annotations

import base64
import re
import time

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from audit import accounts
from audit.accounts import totp
from audit.accounts.users import factors_of
from audit.admin.account import views
from audit.models import Authenticator, Ceremony, Event, Grant, TokenFamily
from audit.tenancy.actors import Actor, OperationContext
from tests.conftest import signed_in
from tests.factories import (
    AuthenticatorFactory,
    PasskeyFactory,
    PinCredentialFactory,
    TokenFamilyFactory,
    UserFactory,
)
from tests.factories.audit import PIN

PASSWORD = "correct horse battery"
PAGE = "/admin/account/"
FACTOR = "/admin/account/second-factor/"
HERE = OperationContext(via="admin", route="/test")


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", password=PASSWORD)


@pytest.fixture
def browser(ann):
    return signed_in(ann)


@pytest.fixture
def elsewhere(ann):
    return signed_in(ann)


def is_signed_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def act(client: Client, name: str, **values: str):
    return client.post(FACTOR, {"act": name, **values})


def code_of(seed: bytes, steps: int = 0) -> str:
    return totp.code_of(seed, totp.step_at(time.time()) + steps)


def begin(client: Client) -> tuple[bytes, str]:
    """Open the enrolment with the password; return seed and ticket."""
    response = act(client, "begin", password=PASSWORD)
    seed = base64.b32decode(response.context["seed"].replace(" ", ""))
    return seed, response.context["form"]["ticket"].value()


def test_the_page_shows_every_section(browser):
    text = browser.get(PAGE).content.decode()

    for title in ("Password", "Second factor", "Sessions and tokens"):
        assert f"<h2>{title}</h2>" in text
    assert "no-store" in browser.get(PAGE)["Cache-Control"]
    assert f'href="{PAGE}"' in browser.get("/admin/").content.decode()


def test_another_module_adds_a_section(browser, monkeypatch):
    monkeypatch.setattr(views, "_sections", [])
    views.register_section(
        views.Section("Mine", "admin/account/_password.html", lambda request: {"n": 1})
    )

    assert "<h2>Mine</h2>" in browser.get(PAGE).content.decode()


@pytest.mark.parametrize("path", [PAGE, FACTOR])
def test_strangers_are_sent_to_the_door(client, db, path):
    assert "/admin/login/" in client.get(path)["Location"]
    assert "/admin/login/" in client.post(path)["Location"]


# --- setting up -----------------------------------------------------------------


def test_setting_up_takes_password_and_code(browser, elsewhere, ann):
    seed, ticket = begin(browser)
    done = act(browser, "confirm", ticket=ticket, code=code_of(seed))

    assert len(done.context["codes"]) == 10
    assert accounts.has_totp(ann)
    # Here the session goes on; one without a second factor does not.
    assert is_signed_in(browser)
    assert not is_signed_in(elsewhere)


def test_the_picture_holds_the_address_and_no_style(browser):
    text = act(browser, "begin", password=PASSWORD).content.decode()

    assert "style=" not in text
    assert re.search(r'<path d="M\d+ \d+h1v1h-1z', text)
    assert "<img" not in text


def test_without_the_password_nothing_begins(browser):
    response = act(browser, "begin", password="wrong")

    assert "not your password" in response.content.decode()
    assert "seed" not in response.context


def test_a_wrong_first_code_shows_the_same_key_again(browser, ann):
    seed, ticket = begin(browser)
    again = act(browser, "confirm", ticket=ticket, code="abcdef")

    assert base64.b32decode(again.context["seed"].replace(" ", "")) == seed
    assert not accounts.has_totp(ann)
    assert act(browser, "confirm", ticket=ticket, code="").status_code == 200


def test_a_forged_ticket_begins_again(browser, ann):
    _, foreign = begin(signed_in(UserFactory(password=PASSWORD)))

    response = act(browser, "confirm", ticket=foreign, code="482913")

    assert response["Location"] == FACTOR
    assert not accounts.has_totp(ann)


def test_an_opened_page_holds_no_secret(browser, ann):
    row = AuthenticatorFactory(user=ann)
    text = browser.get(FACTOR).content.decode() + browser.get(PAGE).content.decode()

    assert totp.seed_text(row.seed) not in text
    assert row.sealed_seed not in text


# --- removing -------------------------------------------------------------------


def test_removing_takes_password_and_code(browser, elsewhere, ann):
    row = AuthenticatorFactory(user=ann)
    code = code_of(row.seed)

    for values in (
        {"password": PASSWORD, "code": "abcdef"},
        {"password": "wrong", "code": code},
        {"password": PASSWORD},
    ):
        assert act(browser, "remove", **values).status_code == 200
        assert accounts.has_totp(ann)
    done = act(browser, "remove", password=PASSWORD, code=code)

    assert done["Location"] == FACTOR
    assert not accounts.has_totp(ann)
    assert is_signed_in(browser)
    assert not is_signed_in(elsewhere)


def test_whoever_needs_one_keeps_it_and_moves_it_to_another_phone(
    browser, ann, settings
):
    settings.SECOND_FACTOR_ROLES = ["superuser"]
    ann.is_superuser = True
    ann.save()
    row = AuthenticatorFactory(user=ann)
    kept = act(browser, "remove", password=PASSWORD, code=code_of(row.seed))

    assert "Your role needs a second factor" in kept.content.decode()
    assert accounts.has_totp(ann)
    assert act(browser, "replace", password=PASSWORD).status_code == 200
    moved = act(browser, "replace", password=PASSWORD, code=code_of(row.seed, 1))
    seed = base64.b32decode(moved.context["seed"].replace(" ", ""))
    ticket = moved.context["form"]["ticket"].value()
    act(browser, "confirm", ticket=ticket, code=code_of(seed))
    assert browser.get("/admin/").status_code == 200
    assert Authenticator.objects.get().pk != row.pk


def test_new_recovery_codes_take_the_password_and_a_code(browser, ann):
    row = AuthenticatorFactory(user=ann)
    now = code_of(row.seed)
    for sent in ({"password": "wrong", "code": now}, {"password": PASSWORD}):
        assert act(browser, "codes", **sent).status_code == 200
    assert accounts.count_recovery_codes(ann) == 0

    shown = act(browser, "codes", password=PASSWORD, code=now).context["codes"]

    assert accounts.count_recovery_codes(ann) == 10
    assert shown[0] not in browser.get(FACTOR).content.decode()


@pytest.mark.parametrize("name", ["remove", "codes"])
def test_without_an_authenticator_there_is_nothing_to_do(browser, ann, name):
    response = act(browser, name, password=PASSWORD, code="482913")

    assert response.status_code == 200
    assert accounts.count_recovery_codes(ann) == 0


def test_with_an_authenticator_no_other_begins(browser, ann):
    AuthenticatorFactory(user=ann)

    assert "seed" not in act(browser, "begin", password=PASSWORD).context
    assert Authenticator.objects.count() == 1


def test_an_unknown_act_is_refused(browser):
    assert act(browser, "other").status_code == 404
    assert browser.put(FACTOR).status_code == 404


def test_guessing_the_own_password_locks(browser):
    for _ in range(10):
        act(browser, "begin", password="wrong")

    text = act(browser, "begin", password=PASSWORD).content.decode()

    assert "Wait 15 minutes" in text
    # The sign-in is not locked by it.
    response = Client().post("/admin/login/", {"username": "ann", "password": PASSWORD})
    assert response.status_code == 302


# --- whoever has a second secret shows it before another one --------------------

CONFIRM = "Nothing has happened yet"


def answer(client: Client, asked, code: str = PIN):
    """Give a code to the page that asks for one."""
    context = asked.context
    carried = {context["carried_name"]: context["carried"], context["code_name"]: code}
    return client.post(asked.request["PATH_INFO"], carried)


@pytest.mark.parametrize("name", ["begin", "remove_key"])
def test_password_and_session_alone_add_and_remove_no_second_secret(browser, ann, name):
    PinCredentialFactory(user=ann)
    key = PasskeyFactory(user=ann)
    asked = act(browser, name, password=PASSWORD, key=str(key.pk))

    assert CONFIRM in asked.content.decode()
    assert not Ceremony.objects.exists()
    assert factors_of(ann) == {"pin", key.factor}
    assert "Wrong code" in answer(browser, asked, "518364").content.decode()
    assert factors_of(ann) == {"pin", key.factor}


def test_after_a_confirmation_an_authenticator_is_set_up(browser, ann):
    PinCredentialFactory(user=ann)
    begun = answer(browser, act(browser, "begin", password=PASSWORD))
    seed = base64.b32decode(begun.context["seed"].replace(" ", ""))
    ticket = begun.context["form"]["ticket"].value()
    act(browser, "confirm", ticket=ticket, code=code_of(seed))

    assert accounts.has_totp(ann)
    grant = Grant.objects.get()
    assert (grant.scope, grant.method) == ("account", "pin")


def test_a_ticket_of_before_the_first_secret_is_worth_nothing_after_it(browser, ann):
    seed, ticket = begin(browser)
    PinCredentialFactory(user=ann)
    response = act(browser, "confirm", ticket=ticket, code=code_of(seed))

    assert response["Location"] == FACTOR
    assert not accounts.has_totp(ann)


def test_the_page_is_unlocked_before_a_script_asks(browser, ann):
    PinCredentialFactory(user=ann)
    page = browser.get(FACTOR).content.decode()
    assert 'value="unlock"' in page
    assert 'value="add_key"' not in page
    values = {"act": "add_key", "password": PASSWORD, "name": "x", "passkey_ask": "1"}
    refused = browser.post(FACTOR, values)
    assert refused.status_code == 400
    assert "Confirm" in refused.json()["message"]

    assert answer(browser, act(browser, "unlock"))["Location"] == FACTOR
    page = browser.get(FACTOR).content.decode()
    assert 'value="unlock"' not in page
    assert 'value="add_key"' in page
    assert browser.post(FACTOR, values).status_code == 200


def test_whoever_has_no_second_secret_unlocks_nothing(browser):
    assert 'value="unlock"' not in browser.get(FACTOR).content.decode()
    assert act(browser, "unlock")["Location"] == FACTOR
    assert not Grant.objects.exists()


@pytest.mark.parametrize("name", ["begin", "unlock"])
def test_while_a_release_waits_no_other_secret_is_added(browser, ann, clock, name):
    PinCredentialFactory(user=ann)
    owner = Actor.from_user(UserFactory(is_superuser=True), HERE)
    accounts.release_pin(ann, actor=owner)

    asked = act(browser, name, password=PASSWORD).content.decode()
    assert CONFIRM in asked
    assert "Your PIN was released. From" in asked
    clock(hours=24)
    later = act(signed_in(ann), name, password=PASSWORD)
    assert later.status_code == 302 if name == "unlock" else later.context["seed"]


def test_a_recovery_code_confirms_for_whoever_has_lost_the_passkey(browser, ann):
    key = PasskeyFactory(user=ann)
    first, *_ = accounts.make_recovery_codes(ann, actor=Actor.system("test"))
    asked = act(browser, "remove_key", password=PASSWORD, key=str(key.pk))
    assert "Recovery code" in asked.content.decode()

    assert answer(browser, asked, first)["Location"] == FACTOR
    assert factors_of(ann) == set()
    assert Grant.objects.get().method == "recovery"


def test_a_recovery_code_confirms_nothing_else(browser, ann):
    PasskeyFactory(user=ann)
    first, *_ = accounts.make_recovery_codes(ann, actor=Actor.system("test"))
    for scope in ("manage_keys", "reveal"):
        with pytest.raises(ValidationError):
            accounts.verify_step_up(
                ann, first, scope=scope, binding="x", actor=Actor.from_user(ann, HERE)
            )
    assert accounts.count_recovery_codes(ann) == 10


def test_from_level_two_a_pin_replaces_no_stronger_secret(browser, ann, settings):
    settings.ASSURANCE_LEVEL = 2
    PinCredentialFactory(user=ann)
    assert accounts.step_up_methods(ann, "account") == ["pin"]
    PasskeyFactory(user=ann)

    assert accounts.step_up_methods(ann, "account") == ["passkey", "recovery"]


# --- password, sessions, tokens ---------------------------------------------------


def change_password(client: Client, old: str = PASSWORD):
    return client.post(
        "/admin/password_change/",
        {
            "old_password": old,
            "new_password1": "a much better 1",
            "new_password2": "a much better 1",
        },
    )


def test_changing_the_own_password_keeps_this_session_only(browser, elsewhere, ann):
    family = TokenFamilyFactory(user=ann)

    assert change_password(browser).status_code == 302

    assert is_signed_in(browser)
    assert not is_signed_in(elsewhere)
    family.refresh_from_db()
    assert family.revoke_code == "password_changed"
    (changed,) = Event.objects.filter(action="user.changed")
    assert changed.data == {"fields": ["password"]}


def test_the_old_password_is_asked_and_its_tries_counted(browser, elsewhere):
    for _ in range(10):
        assert change_password(browser, "wrong").status_code == 200

    assert change_password(browser).status_code == 200
    assert is_signed_in(elsewhere)


def test_everything_elsewhere_can_be_ended(browser, elsewhere, ann):
    TokenFamilyFactory(user=ann)
    mine = TokenFamilyFactory()

    assert browser.post(f"{PAGE}end-sessions/")["Location"] == PAGE

    assert is_signed_in(browser)
    assert not is_signed_in(elsewhere)
    alive = TokenFamily.objects.filter(revoked_at=None)
    assert [row.pk for row in alive] == [mine.pk]


def test_one_token_can_be_ended(browser, elsewhere, ann):
    first, second = TokenFamilyFactory.create_batch(2, user=ann)

    browser.post(f"{PAGE}end-token/{first.pk}/")

    alive = accounts.list_token_families(ann)
    assert [row.pk for row in alive] == [second.pk]
    assert is_signed_in(elsewhere)
    assert browser.post(f"{PAGE}end-token/{first.pk}/").status_code == 404


def test_somebody_elses_token_does_not_exist(browser):
    family = TokenFamilyFactory()

    assert browser.post(f"{PAGE}end-token/{family.pk}/").status_code == 404
    family.refresh_from_db()
    assert family.revoked_at is None


@pytest.mark.parametrize("path", ["end-sessions/", f"end-token/{'0' * 32}/"])
def test_ends_are_no_links(browser, path):
    assert browser.get(PAGE + path).status_code in {404, 405}
