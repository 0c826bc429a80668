"""Where a business's captures come from: sources, their keys, and webhook endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps

from audit.tenancy.actors import Actor, OperationContext
from capture import services as capture
from config.seeding.drafts import REASON, WORDING
from config.seeding.shops import Shop
from customers import services

if TYPE_CHECKING:
    from capture.models import ApiKey, Source, WebhookEndpoint

BROWSER, SERVER, WEBHOOK = "browser", "server", "webhook"


@dataclass(frozen=True)
class Entrance:
    """One way in: a source, and the key or endpoint that its messages come by."""

    source: Source
    opener: ApiKey | WebhookEndpoint
    trust: str

    @property
    def actor(self) -> Actor:
        """What the key opens, as the one who acts."""
        return Actor.from_key(
            self.opener, OperationContext(via="capture", route="seed")
        )

    @property
    def key_id(self) -> object:
        """The id that captures name; webhooks have a signature and no key."""
        return None if self.trust == WEBHOOK else self.opener.pk


def make_entrances(shop: Shop) -> dict[str, Entrance]:
    """Make the sources of a business, and return the way in by its trust."""
    web, server, stripe = (
        _source(shop, name) for name in ("Web shop", "Shop server", "Stripe")
    )
    page_key = _page_key(shop, web)
    server_key, _ = capture.create_key(server, actor=shop.actor, kind="secret",
                                       scopes=["write", "read:captures"])  # fmt: skip
    # As it is after some months: one key was replaced, another one ended.
    former, _ = capture.create_key(server, actor=shop.actor, kind="secret")
    capture.rotate_key(former, actor=shop.actor)
    leaked, _ = capture.create_key(server, actor=shop.actor, kind="secret")
    capture.revoke_key(leaked, actor=shop.actor, reason="stood in a repository")
    endpoint = _endpoint(shop, stripe)
    return {
        BROWSER: Entrance(web, page_key, BROWSER),
        SERVER: Entrance(server, server_key, SERVER),
        WEBHOOK: Entrance(stripe, endpoint, WEBHOOK),
    }


def _source(shop: Shop, name: str) -> Source:
    source = capture.get_or_create_source(shop.business, name, actor=shop.actor)
    source.consent_wording_version = WORDING
    return services.save_record(source, actor=shop.actor, reason=REASON)


def _page_key(shop: Shop, source: Source) -> ApiKey:
    origin = f"https://{shop.business.slug}.example.org"
    key, _ = capture.create_key(
        source, actor=shop.actor, kind="publishable", origins=[origin]
    )
    return key


def _endpoint(shop: Shop, source: Source) -> WebhookEndpoint:
    endpoint: WebhookEndpoint = apps.get_model("capture", "WebhookEndpoint")(
        business=shop.business, source=source, provider="stripe", name="Card payments"
    )
    services.save_record(endpoint, actor=shop.actor, reason=REASON)
    capture.add_secret(endpoint, capture.new_standard_secret(), actor=shop.actor)
    return endpoint
