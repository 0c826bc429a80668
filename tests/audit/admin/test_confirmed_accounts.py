"""Accounts, passwords and PINs of others change after a confirmation, not before."""

from __future__ import annotations

from django.urls import reverse

from audit.models import Event, Grant, PinCredential
from tests.conftest import confirm, enrol, post_confirmed
from tests.factories import UserFactory
from tests.factories.audit import PASSWORD


def test_accounts_are_changed_after_a_confirmation(owner):
    user = UserFactory(username="ana")
    change = reverse("admin:audit_user_change", args=[user.pk])
    data = {
        "username": "ana",
        "email": "ana@example.org",
        "time_zone": "UTC",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
    }
    enrol(owner)
    assert "This will happen" in owner.post(change, data).text
    user.refresh_from_db()
    assert not user.is_superuser

    assert post_confirmed(owner, change, data).status_code == 302
    user.refresh_from_db()
    assert user.is_superuser
    assert Event.objects.get(action="user.changed").grant_id == Grant.objects.get().pk


def test_passwords_of_others_are_set_after_a_confirmation(owner):
    user = UserFactory(username="ana")
    path = reverse("admin:auth_user_password_change", args=[user.pk])
    data = {
        "usable_password": "true",
        "password1": "another long one 99",
        "password2": "another long one 99",
        "set-password": "x",
    }
    enrol(owner)
    assert "This will happen" in owner.post(path, data).text
    user.refresh_from_db()
    assert user.check_password(PASSWORD)

    assert post_confirmed(owner, path, data).status_code == 302
    user.refresh_from_db()
    assert user.check_password("another long one 99")


def test_a_pin_is_released_by_the_owner_alone(owner, alice):
    enrol(alice)
    row = PinCredential.objects.get(user=alice.user)
    path = reverse("admin:audit_pincredential_changelist")
    data = {"action": "release", "_selected_action": [str(row.pk)]}

    alice.post(path, data)
    row.refresh_from_db()
    assert row.hash

    done = post_confirmed(owner, path, data, follow=True)
    assert "1 PIN is released." in done.text
    row.refresh_from_db()
    assert not row.hash
    released = Event.objects.get(action="step_up.released")
    assert released.actor_id == owner.user.pk
    assert released.grant_id == Grant.objects.get(user=owner.user).pk


def test_pages_of_pins_and_grants_show_no_secret(owner):
    confirm(owner, "manage_keys")
    pin, grant = PinCredential.objects.get(), Grant.objects.get()

    for row in (pin, grant):
        name = f"admin:audit_{row._meta.model_name}"
        for text in (
            owner.get(reverse(f"{name}_changelist")).text,
            owner.get(reverse(f"{name}_change", args=[row.pk])).text,
        ):
            for secret in (pin.hash, pin.pepper_version, grant.mac, grant.binding):
                assert secret not in text
