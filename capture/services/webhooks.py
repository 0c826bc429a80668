"""Webhook endpoints: their secrets, and the signatures of what arrives there."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import maintenance
from audit.crypto import decrypt, encrypt
from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope
from capture.adapters import (
    SignatureError,
    verify_paypal,
    verify_standard,
    verify_stripe,
)
from capture.choices import Provider
from capture.models import WebhookEndpoint
from capture.services.paypal import paypal_certificate
from customers import services as customers

_MAX_SECRETS = 5
_STANDARD_BYTES = 32
_PURPOSE = "webhook secrets"
# What a new HASH_KEY encrypts again.
KEYED_SECRETS = maintenance.sealed_column(
    WebhookEndpoint.objects.all, "sealed_secrets", purpose=_PURPOSE
)


def find_endpoint(provider: str, endpoint_id: UUID) -> WebhookEndpoint | None:
    """Return the active endpoint of an address; None for unknown and switched off.

    Searches all businesses: the endpoint identifies the business.
    """
    endpoints = WebhookEndpoint.objects.select_related("source", "source__business")
    with tenant_scope(None):
        return endpoints.filter(
            pk=endpoint_id, provider=provider, is_active=True, source__is_active=True
        ).first()


def secrets_of(endpoint: WebhookEndpoint) -> list[str]:
    """Return the secrets of an endpoint, the newest first."""
    if not endpoint.sealed_secrets:
        return []
    text = endpoint.sealed_secrets
    return list(json.loads(decrypt(text, purpose=_PURPOSE, owner=endpoint.pk.bytes)))


@transaction.atomic
def add_secret(endpoint: WebhookEndpoint, secret: str, *, actor: Actor) -> None:
    """Add a secret; older ones stay valid until they are retired.

    Raises ValidationError for an empty one, and for more than five.
    """
    secret = secret.strip()
    all_secrets = [secret, *(s for s in secrets_of(endpoint) if s != secret)]
    if not secret or len(all_secrets) > _MAX_SECRETS:
        msg = _("Give a secret, and keep at most %(limit)s. Retire the old ones.") % {
            "limit": _MAX_SECRETS
        }
        raise ValidationError(msg, code="invalid")
    _seal(endpoint, all_secrets)
    customers.save_record(endpoint, actor=actor, reason="secret added")


@transaction.atomic
def retire_old_secrets(endpoint: WebhookEndpoint, *, actor: Actor) -> None:
    """Keep the newest secret only."""
    _seal(endpoint, secrets_of(endpoint)[:1])
    customers.save_record(endpoint, actor=actor, reason="old secrets retired")


def new_standard_secret() -> str:
    """Return a secret for Standard Webhooks: `whsec_` and base64."""
    data = secrets.token_bytes(_STANDARD_BYTES)
    return f"whsec_{base64.b64encode(data).decode()}"


def verify(
    endpoint: WebhookEndpoint, raw: bytes, headers: Mapping[str, str], now: datetime
) -> tuple[str, str | None]:
    """Check the signature of a delivery; return it, and the webhook id if there is one.

    Raises SignatureError when none of the endpoint's secrets made it, or when it is
    older or newer than five minutes.
    """
    if endpoint.provider == Provider.STRIPE:
        signature = headers.get("Stripe-Signature", "")
        verify_stripe(raw, signature, secrets_of(endpoint), now=now)
        return signature, None
    if endpoint.provider == Provider.STANDARD:
        webhook_id = verify_standard(raw, headers, secrets_of(endpoint), now=now)
        return headers.get("webhook-signature", ""), webhook_id
    certificate = paypal_certificate(endpoint, headers.get("PayPal-Cert-Url", ""))
    if certificate is None or not endpoint.paypal_webhook_id:
        msg = "There is no certificate of PayPal to check the signature with."
        raise SignatureError("bad_signature", msg)
    verify_paypal(raw, headers, endpoint.paypal_webhook_id, certificate, now=now)
    return headers.get("PayPal-Transmission-Sig", ""), None


def _seal(endpoint: WebhookEndpoint, all_secrets: list[str]) -> None:
    endpoint.sealed_secrets = encrypt(
        json.dumps(all_secrets).encode(), purpose=_PURPOSE, owner=endpoint.pk.bytes
    )
