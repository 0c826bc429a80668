"""An actor in one of their businesses: never more than before, and no less there."""

from __future__ import annotations

from audit.ids import uuid7
from audit.tenancy.actors import Actor
from tests.conftest import actor_of, staff
from tests.factories import MembershipFactory, UserFactory

VIEW, ADD = "customers.view_customer", "customers.add_customer"


def two_roles(bakery, rival):
    """Return somebody who runs the bakery and only looks at the rival."""
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="auditor")
    return user


def test_it_has_the_permissions_of_that_business_alone(bakery, rival):
    actor = actor_of(two_roles(bakery, rival))

    there = actor.narrow_to(rival.pk)

    assert actor.business_ids == {bakery.pk, rival.pk}
    assert there.business_ids == {rival.pk}
    assert there.businesses_for(VIEW) == {rival.pk}
    assert there.businesses_for(ADD) == frozenset()
    assert not there.has_perm(VIEW, bakery.pk)
    assert there.sole_business_id == rival.pk
    assert there.permission_fingerprint != actor.permission_fingerprint


def test_a_foreign_business_is_no_way_out(bakery, rival):
    actor = actor_of(staff(bakery))

    assert actor.narrow_to(rival.pk) is None
    assert actor.narrow_to(bakery.pk).narrow_to(rival.pk) is None
    assert Actor.from_user(UserFactory(), actor.operation).narrow_to(rival.pk) is None


def test_the_owner_may_do_everything_there_and_keeps_the_platform(bakery, rival):
    owner = actor_of(UserFactory(is_superuser=True))

    there = owner.narrow_to(bakery.pk)

    assert there.businesses_for(ADD) == {bakery.pk}
    assert there.has_perm(ADD, bakery.pk)
    assert not there.has_perm(ADD, rival.pk)
    assert there.has_perm("audit.view_user", None)
    assert there.owns_platform
    # What is about no business is not the bakery's now.
    assert there.sole_business_id is None
    marks = {owner.permission_fingerprint, there.permission_fingerprint}
    assert len(marks | {owner.narrow_to(rival.pk).permission_fingerprint}) == 3


def test_nobody_else_owns_the_platform(bakery):
    actor = actor_of(staff(bakery))

    assert not actor.owns_platform
    assert not actor.narrow_to(bakery.pk).owns_platform
    assert not actor.has_perm("audit.view_user", None)
    assert Actor.system("test").owns_platform
    assert Actor.system("test").narrow_to(uuid7()).owns_platform is False
