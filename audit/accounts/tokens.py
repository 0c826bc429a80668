"""Sign-in by token: short access tokens, and refresh tokens of which each works once.

Access tokens are JWTs, but none is believed for its signature alone: each request
looks at its family, so that revoking, disabling and new passwords count at once.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare
from jwt.types import Options

from audit import clock
from audit.accounts.second_factor import lacks_second_factor
from audit.accounts.users import live_families, revoke_token_family
from audit.crypto import hmac_hex
from audit.json_text import JsonObject
from audit.log.recording import record
from audit.models import Outcome, TokenFamily, User
from audit.tenancy.actors import Actor, OperationContext

_ALGORITHM = "HS256"
_ACCESS, _REFRESH = "access", "refresh"
_LONGEST = 2000
_RETENTION = timedelta(days=30)


class TokenError(Exception):
    """An invalid token: forged, expired, spent, revoked, or without a user."""


@dataclass(frozen=True)
class Tokens:
    """What a frontend gets; it can be read only now."""

    access: str
    refresh: str
    expires_in: int
    refresh_expires_in: int


def issue_tokens(user: User) -> Tokens:
    """Begin a family for a user whose sign-in is complete."""
    family = TokenFamily(
        user=user,
        expires_at=clock.now() + _longest(),
        session_hash=user.get_session_auth_hash(),
    )
    secret = secrets.token_urlsafe(24)
    family.refresh_hash = _hash(secret)
    family.save(force_insert=True)
    return _tokens(family, secret)


def refresh_tokens(text: str, *, operation: OperationContext) -> Tokens:
    """Spend a refresh token for the next one and a new access token.

    A token that was spent before was copied by somebody: its whole family ends. Raises
    TokenError. Of two requests with the same token one is served at most, and then
    the family is ended by the other.
    """
    claims = _parse_claims(text, _REFRESH)
    family = _family(claims)
    secret = secrets.token_urlsafe(24)
    mine = live_families().filter(pk=family.pk, refresh_hash=_hash(claims["jti"]))
    now = clock.now()
    # A sign-in under a clock that was ahead goes on, but for no longer than from now.
    family.expires_at = min(family.expires_at, now + _longest())
    if mine.update(
        refresh_hash=_hash(secret),
        session_hash=family.user.get_session_auth_hash(),
        refreshed_at=now,
        expires_at=family.expires_at,
    ):
        return _tokens(family, secret)
    with transaction.atomic():
        _end_reused(family, operation)
    raise TokenError


def revoke_token(text: str, *, operation: OperationContext) -> None:
    """End the family of an access or refresh token; an invalid one is ignored."""
    for kind in (_REFRESH, _ACCESS):
        try:
            family = _family(_parse_claims(text, kind))
        except TokenError:
            continue
        actor = Actor.from_user(family.user, operation)
        revoke_token_family(family, actor=actor, code="signed_out")
        return


def open_token(text: str) -> TokenFamily:
    """Return the living family of an access token, with its user.

    Raises TokenError for everything else.
    """
    return _family(_parse_claims(text, _ACCESS))


def old_families() -> QuerySet[TokenFamily]:
    """Return families that ended long ago; the trail says what became of them."""
    return TokenFamily.objects.filter(expires_at__lt=clock.now() - _RETENTION)


def clamp_families() -> None:
    """Let no sign-in last longer than from now, whatever clock has begun it."""
    clock.clamp(TokenFamily.objects.filter(revoked_at=None), "expires_at", _longest())


def _family(claims: JsonObject) -> TokenFamily:
    """Return the family that claims name, if its user may still come in by it."""
    families = live_families().select_related("user")
    family = families.filter(pk=claims["fam"]).first()
    if family is None or not family.user.is_active or not family.user.is_genuine:
        raise TokenError
    user = family.user
    # Or who writes to the database could put their own family under another user.
    if claims["sub"] != str(user.pk):
        raise TokenError
    expected = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    if not any(constant_time_compare(family.session_hash, e) for e in expected):
        raise TokenError
    if lacks_second_factor(family.user):
        raise TokenError
    return family


def _end_reused(family: TokenFamily, operation: OperationContext) -> None:
    actor = Actor(kind="anonymous", operation=operation)
    if revoke_token_family(family, actor=actor, code="token_reused"):
        record(
            "auth.token_reused",
            family.user,
            actor=actor,
            outcome=Outcome.REFUSED,
            code="token_reused",
            data={"family": str(family.pk)},
        )


def _tokens(family: TokenFamily, secret: str) -> Tokens:
    now = int(clock.now().timestamp())
    end = int(family.expires_at.timestamp())
    until = min(now + int(_access_lasts().total_seconds()), end)
    claims = {"fam": str(family.pk), "sub": str(family.user_id), "iat": now}
    access = claims | {"typ": _ACCESS, "exp": until}
    refresh = claims | {"typ": _REFRESH, "jti": secret, "exp": end}
    return Tokens(
        access=jwt.encode(access, _keys()[0], algorithm=_ALGORITHM),
        refresh=jwt.encode(refresh, _keys()[0], algorithm=_ALGORITHM),
        expires_in=max(until - now, 0),
        refresh_expires_in=max(end - now, 0),
    )


def _parse_claims(text: str, kind: str) -> JsonObject:
    """Return the claims of a token that this hub issued. Raises TokenError.

    An access token that lasts longer than any was made by a clock that was ahead. It is
    refused, because the refresh token that came with it gets the next one.
    """
    if len(text) > _LONGEST or not text.isascii():
        raise TokenError
    try:
        claims = _decoded(text)
        UUID(claims["fam"])
        end = datetime.fromtimestamp(claims["exp"], UTC)
    except (
        jwt.InvalidTokenError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise TokenError from error
    is_access = kind == _ACCESS
    lasts = clock.lasts(end, _access_lasts()) if is_access else clock.now() < end
    if claims["typ"] != kind or not lasts:
        raise TokenError
    return dict(claims)


def _longest() -> timedelta:
    return timedelta(days=settings.REFRESH_TOKEN_DAYS)


def _access_lasts() -> timedelta:
    return timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)


def _keys() -> list[bytes]:
    """Return the key of new tokens, then those of which tokens are still taken."""
    # Another use of SECRET_KEY needs another key.
    return [
        hashlib.sha256(b"tokens\0" + key.encode()).digest()
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def _decoded(text: str) -> JsonObject:
    # The times are looked at by the clock that all stored times meet.
    options: Options = {
        "require": ["exp", "fam", "sub", "typ"],
        "verify_exp": False,
        "verify_iat": False,
    }
    *others, last = _keys()
    for key in others:
        with suppress(jwt.InvalidSignatureError):
            return jwt.decode(text, key, algorithms=[_ALGORITHM], options=options)
    return jwt.decode(text, last, algorithms=[_ALGORITHM], options=options)


def _hash(secret: str) -> str:
    return hmac_hex("refresh token", secret)
