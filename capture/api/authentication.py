"""Which key came with a request, and whether it may be used from there."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.http import HttpRequest

from audit.actors import Actor
from capture.api.answers import Refusal
from capture.choices import SCOPE_WRITE, KeyKind
from capture.services import find_key

_UNKNOWN = "The key is missing, unknown or no longer valid. Send it as a Bearer token."


def require_key(request: HttpRequest, body: dict[str, Any]) -> Any:
    """Return the valid key of a request. Cookies and sessions are not looked at.

    Raises Refusal: 401 without a valid key or with two different ones, 403 for a key
    that may not write or not from this page.
    """
    texts = {text for text in (_header_key(request), _body_key(body)) if text}
    if len(texts) > 1:
        raise Refusal(401, "key_mismatch", "Two different keys came. Send one.")
    key = find_key(texts.pop()) if texts else None
    if key is None:
        raise Refusal(401, "invalid_key", _UNKNOWN)
    if SCOPE_WRITE not in key.scopes:
        raise Refusal(403, "scope_missing", "This key may not write. Use another one.")
    origin = request.headers.get("Origin")
    if key.kind == KeyKind.SECRET and origin is not None:
        raise Refusal(
            403,
            "secret_key_in_browser",
            "A secret key came from a web page. Revoke it and use a publishable one.",
        )
    if key.kind == KeyKind.PUBLISHABLE and origin not in key.origins:
        raise Refusal(
            403,
            "origin_not_allowed",
            "This page may not use the key. Add its origin to the key.",
        )
    return key


def actor_of(key: Any, request: HttpRequest) -> Actor:
    """Return the actor of a key: it acts for its own business and no other."""
    operation = request.operation  # type: ignore[attr-defined]
    return Actor(
        kind="key",
        operation=operation,
        key_id=key.pk,
        business_ids=frozenset({key.business_id}),
    )


def _header_key(request: HttpRequest) -> str | None:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        return _basic(rest.strip())
    return request.headers.get("X-Capture-Key")


def _basic(text: str) -> str | None:
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.partition(":")[0] or None


def _body_key(body: dict[str, Any]) -> str | None:
    key = body.get("api_key")
    return key if isinstance(key, str) and key else None
