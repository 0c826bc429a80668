from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from audit import accounts, clock
from audit.accounts import totp
from audit.models import Event, User
from tests.conftest import form_data, post_confirmed, signed_in
from tests.factories import AuthenticatorFactory, UserFactory
from tests.factories.audit import person

LIST = reverse("admin:audit_user_changelist")


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", password="correct horse 1", is_superuser=True)


def form_of(user: User, **changes: object) -> dict[str, object]:
    """Return what the form of an account posts; None for a box without its tick."""
    values = {
        "username": user.username,
        "email": user.email,
        "time_zone": "UTC",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def test_somebody_new_can_sign_in(owner):
    add = reverse("admin:audit_user_add")
    word = "a much better 1"
    sam = {"username": "sam", "email": "sam@example.org"}
    data = form_data(owner, add, **sam, password1=word, password2=word)

    assert post_confirmed(owner, add, data).status_code == 302

    browser = Client()
    browser.post("/admin/login/", {"username": "sam", "password": word})
    assert is_in(browser)


def test_an_address_that_is_taken_is_a_sentence_of_the_form(owner, ann):
    add = reverse("admin:audit_user_add")
    word = "a much better 1"
    sam = {"username": "sam", "email": ann.email.upper()}
    data = form_data(owner, add, **sam, password1=word, password2=word)

    page = post_confirmed(owner, add, data)

    assert "Another account has this e-mail address" in page.text
    assert not User.objects.filter(username="sam").exists()


def test_a_user_name_that_is_taken_is_a_sentence_of_the_form(owner, ann):
    add = reverse("admin:audit_user_add")
    word = "a much better 1"
    sam = {"username": ann.username.upper(), "email": "sam@example.org"}
    data = form_data(owner, add, **sam, password1=word, password2=word)

    page = post_confirmed(owner, add, data)

    assert "username already exists" in page.text
    assert not User.objects.filter(email="sam@example.org").exists()


def test_no_page_names_what_the_hub_does_not_have(owner, ann):
    for path in (
        reverse("admin:audit_user_add"),
        reverse("admin:auth_user_password_change", args=[ann.pk]),
    ):
        assert "LDAP" not in owner.get(path).text


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def act(client: Client, action: str, *users: User):
    chosen = [str(user.pk) for user in users]
    fields = {"action": action, "_selected_action": chosen}
    return post_confirmed(client, LIST, fields)


@pytest.mark.parametrize("flag", ["is_active", "is_staff", "is_superuser"])
def test_the_form_puts_somebody_out(owner, ann, flag):
    browser, token = signed_in(ann), accounts.issue_tokens(ann)
    url = reverse("admin:audit_user_change", args=[ann.pk])

    response = post_confirmed(owner, url, form_of(ann, **{flag: None}))

    assert response.status_code == 302
    assert not is_in(browser)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)
    actions = set(Event.objects.values_list("action", flat=True))
    assert {"auth.sessions_ended", "auth.tokens_revoked", "user.changed"} <= actions


@pytest.mark.parametrize("flag", ["is_active", "is_staff", "is_superuser"])
def test_the_last_owner_is_told_so_by_the_form(owner, flag):
    url = reverse("admin:audit_user_change", args=[owner.user.pk])

    page = post_confirmed(owner, url, form_of(owner.user, **{flag: None}))

    assert "This is the last owner of the platform" in page.text
    assert is_in(owner)


def test_the_form_that_takes_nothing_away_ends_nothing(owner, ann):
    browser = signed_in(ann)
    url = reverse("admin:audit_user_change", args=[ann.pk])

    changed = post_confirmed(owner, url, form_of(ann, first_name="Ann"))
    assert changed.status_code == 302

    assert is_in(browser)


def set_password(client: Client, user: User, **more: str):
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    word = "a much better 1"
    body = {"usable_password": "true", "password1": word, "password2": word, **more}
    return post_confirmed(client, url, body)


def test_a_password_set_by_the_owner_ends_sessions(owner, ann):
    browser, token = signed_in(ann), accounts.issue_tokens(ann)

    assert set_password(owner, ann).status_code == 302

    assert not is_in(browser)
    assert is_in(owner)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)
    ann.refresh_from_db()
    assert ann.check_password("a much better 1")


def test_the_owner_sets_the_own_password_and_stays(owner):
    elsewhere = signed_in(owner.user)

    assert set_password(owner, owner.user).status_code == 302

    assert is_in(owner)
    assert not is_in(elsewhere)


def test_resetting_the_second_factor_ends_sessions(owner, ann):
    AuthenticatorFactory(user=ann)
    browser = signed_in(ann)

    act(owner, "reset_second_factor", ann, owner.user)

    assert not accounts.has_totp(ann)
    assert not is_in(browser)
    # Who had none keeps the session.
    assert is_in(owner)


def test_locks_can_be_cleared(owner, ann):
    client = Client()
    for _ in range(10):
        client.post("/admin/login/", {"username": "ann", "password": "no"})

    act(owner, "clear_locks", ann)

    body = {"username": "ann", "password": "correct horse 1"}
    assert client.post("/admin/login/", body).status_code == 302
    assert Event.objects.filter(action="auth.unlocked", actor_id=owner.user.pk).exists()


def test_every_lock_of_an_account_can_be_cleared(owner, ann):
    row = AuthenticatorFactory(user=ann)
    code = totp.code_of(row.seed, totp.step_at(clock.now().timestamp()))
    for _ in range(5):
        accounts.check_code(ann, "000000", takes_recovery=True)
    assert accounts.check_code(ann, code, takes_recovery=True).retry_after
    for word in ["no"] * 10 + ["correct horse 1"]:
        with pytest.raises(ValidationError) as caught:
            accounts.check_current_password(ann, word, actor=person(ann))
    assert caught.value.code == "too_many"

    act(owner, "clear_locks", ann)

    assert accounts.check_code(ann, code, takes_recovery=True).is_correct
    accounts.check_current_password(ann, "correct horse 1", actor=person(ann))


@pytest.mark.parametrize("action", ["reset_second_factor", "clear_locks"])
def test_only_the_owner_may(alice, ann, action):
    AuthenticatorFactory(user=ann)

    act(alice, action, ann)

    assert accounts.has_totp(ann)
    assert not Event.objects.filter(action="auth.unlocked").exists()
