"""Whoever tries again and again fills no trail that nobody can shorten."""

from __future__ import annotations

import pytest

from audit import accounts
from audit.models import Event
from audit.tenancy.actors import OperationContext


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::{n:x}"])
def test_one_network_cannot_fill_the_trail(settings, transactional_db, address):
    settings.SIGN_IN_NETWORK_TRIES = 1
    for n in range(40):
        place = OperationContext(via="admin", route="/", ip=address.format(n=n))
        with pytest.raises(accounts.SignInRefused):
            accounts.check_password(
                f"nobody{n}", "x", operation=place, needs_staff=True
            )

    assert Event.objects.filter(action="auth.failed").count() <= 12
