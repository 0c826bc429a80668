"""The table of roles: names that exist, and the lines that must never move."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.utils import timezone

from audit.history.querysets import view_permission
from audit.models import User
from customers.choices import Role
from customers.models import Membership
from customers.roles import AREAS, PERMISSIONS
from tests.conftest import actor_of, staff
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    MembershipFactory,
    UserFactory,
)


def test_every_right_of_the_table_is_a_permission(db):
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    known = {f"{app}.{codename}" for app, codename in rows}
    # Rights to tables that have no rows of their own.
    known |= {"capture.read_payload"}

    assert set().union(*PERMISSIONS.values()) <= known


def test_each_page_is_for_some_role():
    """A page that no role sees is the owner's alone, which is seldom meant."""
    rights = set().union(*PERMISSIONS.values())
    pages = {view_permission(model) for model in admin.site._registry}

    # How somebody confirms, and what was confirmed.
    assert pages - rights == {"audit.view_pincredential", "audit.view_grant"}, (
        "Name the table in customers/roles.py."
    )


def test_an_auditor_changes_nothing():
    verbs = {name.split(".")[1].split("_")[0] for name in PERMISSIONS[Role.AUDITOR]}

    assert verbs == {"view"}


@pytest.mark.parametrize("role", [r for r in Role if r != Role.ADMIN])
def test_only_admins_export_import_and_change_people(role):
    forbidden = ("export_", "import_", "change_membership", "add_apikey")

    # The rules of consent hold within this one.
    rights = PERMISSIONS[role] - {"customers.export_marketing"}

    assert not [n for n in rights if n.split(".")[1].startswith(forbidden)]


def test_a_right_holds_in_the_business_of_the_role_only(bakery, rival):
    user = staff(bakery, "support")
    MembershipFactory(user=user, business=rival, role="marketing")
    here, there = CustomerFactory(business=bakery), CustomerFactory(business=rival)

    assert user.has_perm("customers.change_customer")
    assert user.has_perm("customers.change_customer", here)
    assert not user.has_perm("customers.change_customer", there)
    assert user.has_perm("customers.view_customer", there)


def test_rights_given_to_an_account_directly_count_for_nothing(db):
    user = UserFactory()
    user.user_permissions.set(Permission.objects.all())

    assert not User.objects.get(pk=user.pk).has_perm("customers.view_customer")


def test_no_role_holds_after_the_end_of_the_membership_or_the_account(bakery, actor):
    user = staff(bakery)
    membership = Membership.objects.get(user=user)
    assert User.objects.get(pk=user.pk).has_perm("customers.view_customer")

    user.is_active = False
    user.save()
    assert not User.objects.get(pk=user.pk).has_perm("customers.view_customer")

    user.is_active = True
    user.save()
    membership.ended_at = timezone.now()
    membership.as_actor(actor).save()
    assert not User.objects.get(pk=user.pk).has_perm("customers.view_customer")


def test_businesses_of_a_right(db):
    one, two = BusinessFactory(), BusinessFactory()
    user = staff(one, "support")
    MembershipFactory(user=user, business=two, role="marketing")

    actor = actor_of(user)

    assert actor.businesses_for("customers.view_note") == {one.pk}
    assert actor.businesses_for("customers.view_customer") == {one.pk, two.pk}
    assert not actor.has_perm("customers.view_note", two.pk)


def test_the_documented_table_is_the_table():
    text = Path("docs/security-model.md").read_text()

    for area in AREAS:
        cells = (area.verbs.get(role, "no").replace(" ", ", ") for role in Role)
        assert f"| {' | '.join((area.title, *cells))} |" in text
