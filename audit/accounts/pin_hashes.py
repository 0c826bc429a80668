"""Hashes of PINs: Argon2id over an HMAC whose pepper lies outside the database."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from audit.crypto import derived_keys

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_VERSION = 16


@sensitive_variables("pin")
def hash_pin(user_id: UUID, pin: str) -> tuple[str, str]:
    """Return the Argon2id hash of a PIN, and the version of the pepper in it."""
    version, pepper = next(iter(_peppers().items()))
    return _HASHER.hash(_mixed(pepper, user_id, pin)), version


@sensitive_variables("pin")
def pin_matches(user_id: UUID, pin: str, *, hashed: str, version: str) -> bool:
    """Tell whether a PIN belongs to a hash; never for a pepper that is gone."""
    pepper = _peppers().get(version)
    if pepper is None:
        return False
    try:
        return _HASHER.verify(hashed, _mixed(pepper, user_id, pin))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(hashed: str, version: str) -> bool:
    """Tell whether a hash was made with other parameters or an earlier pepper."""
    return version != newest_version() or _HASHER.check_needs_rehash(hashed)


def newest_version() -> str:
    """Return the version of the pepper that new hashes have."""
    return next(iter(_peppers()))


def _peppers() -> dict[str, bytes]:
    """Return each pepper by its version, the one for new hashes first."""
    given = [text.encode() for text in settings.PIN_PEPPERS]
    # Last, so that PINs from before a pepper was set go on working.
    keys = [*given, *derived_keys("PIN pepper")]
    return {
        hmac.new(key, b"version", hashlib.sha256).hexdigest()[:_VERSION]: key
        for key in keys
    }


def _mixed(pepper: bytes, user_id: UUID, pin: str) -> str:
    # Sixteen bytes of the id, so that no two pairs of id and PIN are the same bytes.
    return hmac.new(pepper, user_id.bytes + pin.encode(), hashlib.sha256).hexdigest()
