"""Fill a hub with the demo's people, and print how an admin of the bakery gets in.

Run by the live tests in the environment of their server: `-m tests.e2e.make_office 9`.
"""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402 - the apps must be loaded

from audit import accounts  # noqa: E402 - after setup
from audit.tenancy.actors import Actor  # noqa: E402 - after setup
from capture import services as capture  # noqa: E402 - after setup
from capture.choices import SCOPES  # noqa: E402 - after setup
from config import seeding  # noqa: E402 - after setup
from tests.e2e.make_hostile import session_of  # noqa: E402 - after setup
from tests.factories import (  # noqa: E402 - after setup
    MembershipFactory,
    PinCredentialFactory,
    UserFactory,
)


def make(count: int) -> dict[str, str]:
    """Make the office; return its business, the ways in, and an address of somebody."""
    actor = Actor.system("live tests")
    bakery, rival = seeding.make_businesses(actor)
    seeding.make_named_customers(bakery, rival, actor)
    for _ in seeding.make_customers(bakery, count, 1, actor):
        pass
    user = UserFactory(username="office")
    MembershipFactory(user=user, business=bakery, role="admin")
    PinCredentialFactory(user=user)
    source = capture.get_or_create_source(bakery, "shop", actor=actor)
    _, key = capture.create_key(source, actor=actor, kind="secret", scopes=list(SCOPES))
    _, page_key = capture.create_key(
        source, actor=actor, kind="publishable", origins=["https://shop.example.org"]
    )
    return {
        "business": str(bakery.pk),
        "slug": bakery.slug,
        "token": accounts.issue_tokens(user).access,
        "session": session_of(user),
        "session_cookie": settings.SESSION_COOKIE_NAME,
        "key": key,
        "page_key": page_key,
        "email": seeding.NAMED[0]["email"],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make(int(sys.argv[1]))))
