"""One-time codes of authenticator apps: TOTP (RFC 6238) over HOTP (RFC 4226)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
_SEED_BYTES = 20


def new_seed() -> bytes:
    """Return a fresh secret, as long as the hash that uses it."""
    return secrets.token_bytes(_SEED_BYTES)


def code_of(seed: bytes, step: int, *, digits: int = DIGITS) -> str:
    """Return the code of one step, with its leading zeros."""
    digest = hmac.new(seed, step.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def step_at(seconds: float) -> int:
    """Return the step of a moment, in seconds since 1970."""
    return int(seconds) // STEP_SECONDS


def matching_step(seed: bytes, code: str, seconds: float) -> int | None:
    """Return which step's code this is: the current one or a neighbour, else None.

    Compares all of them in constant time, so that an answer tells nothing by its time.
    """
    now, match = step_at(seconds), None
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(code_of(seed, step).encode(), code.encode()):
            match = step
    return match


def seed_text(seed: bytes) -> str:
    """Return a seed as people type it into an app: base32 in groups of four."""
    text = base64.b32encode(seed).decode()
    return " ".join(text[n : n + 4] for n in range(0, len(text), 4))


def enrolment_uri(seed: bytes, account: str, issuer: str) -> str:
    """Return the address that an authenticator app reads from a picture."""
    label = quote(f"{issuer}:{account}")
    query = urlencode(
        {"secret": base64.b32encode(seed).decode(), "issuer": issuer}, quote_via=quote
    )
    return f"otpauth://totp/{label}?{query}"
