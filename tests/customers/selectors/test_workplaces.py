"""Who works where, as colleagues see it."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from customers import services
from tests.conftest import actor_of, staff
from tests.factories import MembershipFactory, UserFactory


def test_colleagues_are_those_whose_role_may_do_it_now(bakery, rival):
    support = staff(bakery, "support", username="b")
    admin = staff(bakery, "admin", username="a")
    staff(bakery, "auditor")
    staff(bakery, "support", is_active=False)
    staff(rival, "support")
    MembershipFactory(
        user=UserFactory(), business=bakery, role="support", ended_at=timezone.now()
    )

    def names(permission: str) -> list[str]:
        colleagues = services.list_colleagues(
            actor=actor_of(support), business_id=bakery.pk, permission=permission
        )
        return [one.username for one in colleagues]

    assert names("customers.change_ticket") == [admin.username, support.username]
    assert names(services.EXCEED_LIMIT) == [admin.username]


def test_a_stranger_is_told_nobody(bakery, rival):
    actor = actor_of(staff(rival))

    with pytest.raises(PermissionDenied):
        services.list_colleagues(
            actor=actor, business_id=bakery.pk, permission="customers.change_ticket"
        )
