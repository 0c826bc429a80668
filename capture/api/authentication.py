"""Which key came with a request, and whether it may be used from there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from audit.actors import Actor
from capture.api.answers import Refusal
from capture.choices import SCOPE_WRITE, KeyKind
from capture.services import find_key

_BODY_KEYS = ("api_key", "apiKey", "writeKey")
_UNKNOWN = "The key is missing, unknown or no longer valid. Send it as a Bearer token."


def key_in_headers(request: HttpRequest) -> str | None:
    """Return the key that stands in the headers, if any.

    Raises Refusal when two different ones do. Cookies and sessions are not looked at.
    """
    found = (_authorization(request), request.headers.get("X-Capture-Key"))
    return _one(found)


def take_key(body: dict[str, Any], text: str | None) -> str | None:
    """Take the key out of a body and return it, or the one that came before it.

    It let the message in; it is no part of it and must not be kept.
    """
    found = [body.pop(name, None) for name in _BODY_KEYS]
    return _one((text, *(key for key in found if isinstance(key, str))))


def _one(found: Iterable[str | None]) -> str | None:
    texts = {text for text in found if text}
    if len(texts) > 1:
        raise Refusal(401, "key_mismatch", "Two different keys came. Send one.")
    return texts.pop() if texts else None


def require_key(request: HttpRequest, text: str | None) -> Any:
    """Return the valid key of a text.

    Raises Refusal: 401 without a valid one, 403 for a key that may not write or not
    from this page.
    """
    key = find_key(text) if text else None
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
    if key.kind == KeyKind.PUBLISHABLE and request.method == "PATCH":
        raise Refusal(
            403,
            "secret_key_needed",
            "Change profiles on a server, with a secret key.",
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


def _authorization(request: HttpRequest) -> str | None:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    return _basic(rest.strip()) if scheme.lower() == "basic" else None


def _basic(text: str) -> str | None:
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.partition(":")[0] or None
