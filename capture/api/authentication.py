"""Which key came with a request, and whether it may be used from there."""

from __future__ import annotations

import base64
import binascii
from functools import partial

from django.http import HttpRequest

from audit.rest.exceptions import ApiError
from audit.tenancy.actors import operation_of
from audit.tenancy.scope import set_tenant_scope
from capture.choices import SCOPE_WRITE, KeyKind
from capture.models import ApiKey
from capture.services import BODY_KEYS, find_key, report_exposed_key

_UNKNOWN = "The key is missing, unknown or no longer valid. Send it as a Bearer token."


class KeyUseError(ApiError):
    """A key that is known, and may not do this or not from there."""

    def __init__(self, status: int, code: str, message: str, *, key: ApiKey) -> None:
        super().__init__(status, code, message)
        self.key = key


def key_in_headers(request: HttpRequest) -> str | None:
    """Return the key of the headers, if any.

    Raises ApiError when two different ones do. Cookies and sessions are not looked at.
    """
    return only_key(_authorization(request), request.headers.get("X-Capture-Key"))


def only_key(*keys: str | None) -> str | None:
    """Return the one key among texts, if any. Raises ApiError 401 for several."""
    texts = {key for key in keys if key}
    if len(texts) > 1:
        raise ApiError(401, "key_mismatch", "Two different keys came. Send one.")
    return texts.pop() if texts else None


def take_key(body: dict[str, object]) -> str | None:
    """Remove the key from a body and return it. It must not be stored."""
    values = [body.pop(name, None) for name in BODY_KEYS]
    return only_key(*(value for value in values if isinstance(value, str)))


def require_key(
    request: HttpRequest, text: str | None, scope: str = SCOPE_WRITE
) -> ApiKey:
    """Return the valid key of a text, which must have the scope.

    From here on the request reaches the rows of the key's business. Raises ApiError
    401 without a valid one, KeyUseError 403 for one that may not do this, or not from
    this page or address.
    """
    key = find_key(text) if text else None
    if key is None:
        raise ApiError(401, "invalid_key", _UNKNOWN)
    _check_use(key, request, scope)
    set_tenant_scope({key.business_id})
    return key


def _check_use(key: ApiKey, request: HttpRequest, scope: str) -> None:
    refusal = partial(KeyUseError, 403, key=key)
    if scope not in key.scopes:
        sentence = f"This key lacks the scope {scope}. Use another one."
        raise refusal("scope_missing", sentence)
    origin, operation = request.headers.get("Origin"), operation_of(request)
    if key.kind == KeyKind.SECRET and origin is not None:
        # Anybody can read it in the page: tell the staff of its business.
        report_exposed_key(key, operation)
        sentence = (
            "A secret key came from a web page. Revoke it and use a publishable one."
        )
        raise refusal("secret_key_in_browser", sentence)
    if key.kind == KeyKind.SECRET and not key.allows_address(operation.ip):
        sentence = "This address may not use the key. Add its network to the key."
        raise refusal("address_not_allowed", sentence)
    if key.kind == KeyKind.PUBLISHABLE and not key.allows_origin(origin):
        sentence = "This page may not use the key. Add its origin to the key."
        raise refusal("origin_not_allowed", sentence)
    if key.kind == KeyKind.PUBLISHABLE and request.method == "PATCH":
        sentence = "Change profiles on a server, with a secret key."
        raise refusal("secret_key_needed", sentence)


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
