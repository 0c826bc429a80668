"""Make businesses with all that a client needs; one line of JSON for each.

Run by the live tests in the environment of their server: `-m tests.e2e.make_shops 3`.
"""

from __future__ import annotations

import json
import sys

import django

django.setup()

from audit.ids import uuid7  # noqa: E402 - after setup
from audit.tenancy.actors import Actor  # noqa: E402 - the apps must be loaded
from capture import services  # noqa: E402 - after setup
from capture.models import Source, WebhookEndpoint  # noqa: E402 - after setup
from customers import services as customers  # noqa: E402 - after setup

ORIGIN = "http://shop.example"
STRIPE_SECRET = "whsec_" + "0123456789abcdef" * 2


def make(actor: Actor) -> dict[str, str]:
    """Make one business; return its ids, keys and secrets."""
    slug = f"shop-{uuid7().hex[-12:]}"
    business = customers.create_business(slug, actor=actor)
    source = services.get_or_create_source(business, "shop", actor=actor)
    _, secret = services.create_key(
        source, actor=actor, kind="secret", scopes=["write", "read:captures"]
    )
    _, publishable = services.create_key(
        source, actor=actor, kind="publishable", origins=[ORIGIN]
    )
    standard_secret = services.new_standard_secret()
    return {
        "business": str(business.pk),
        "source": str(source.pk),
        "secret": secret,
        "publishable": publishable,
        "stripe": endpoint(source, "stripe", STRIPE_SECRET, actor),
        "stripe_secret": STRIPE_SECRET,
        "standard": endpoint(source, "standard", standard_secret, actor),
        "standard_secret": standard_secret,
    }


def endpoint(source: Source, provider: str, secret: str, actor: Actor) -> str:
    row = WebhookEndpoint(
        business_id=source.business_id, source=source, provider=provider, name=provider
    )
    customers.save_record(row, actor=actor)
    services.add_secret(row, secret, actor=actor)
    return str(row.pk)


if __name__ == "__main__":
    somebody = Actor.system("live tests")
    for _ in range(int(sys.argv[1])):
        sys.stdout.write(json.dumps(make(somebody)) + "\n")
