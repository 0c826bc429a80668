"""Device cookies (OWASP): known browsers have attempt counters of their own.

So guesses from elsewhere do not lock a person out of a browser used before. The cookie
is no credential: it only says which counter an attempt belongs to, and that counter has
a limit, too.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.core import signing

from audit.accounts.login_attempts import reserve
from audit.crypto import hmac_hex

_LIFETIME = timedelta(days=180)
# People who share one browser.
_MOST_ACCOUNTS = 5
_SALT = "audit.devices"
_INVITATION = "audit.devices.invitation"
_INVITED = timedelta(hours=2)
# Browsers that one invitation makes known: an attacker may own several.
_MOST_PER_INVITATION = 3
_LONGEST = 1000
_HASH_LENGTH = 32


def counter_of_device(cookie: str, account: str) -> str | None:
    """Return the name under which tries of a known browser count; None for others.

    `account` is the keyed hash of a user name.
    """
    device, accounts = _open_cookie(cookie)
    if account not in accounts:
        return None
    return f"device:{account}:{hmac_hex('device', device)[:_HASH_LENGTH]}"


def device_hash(cookie: str) -> str | None:
    """Return a keyed hash of a browser that is known for whomever; None for others."""
    device, accounts = _open_cookie(cookie)
    return hmac_hex("device", device)[:_HASH_LENGTH] if accounts else None


def remember_device(cookie: str, account: str) -> str:
    """Return the cookie of a browser in which an account has just signed in."""
    device, accounts = _open_cookie(cookie)
    newest = [account, *(other for other in accounts if other != account)]
    return signing.dumps([device, newest[:_MOST_ACCOUNTS]], salt=_SALT)


def invitation(account: str) -> str:
    """Return a code that makes a browser known for an account: its person gets it.

    For a person who shares an attacker's address, in a new browser. All that
    are opened with one code share a counter, so it gives no more tries than one; those
    that are known already keep their own, and so only a few of them take it.
    """
    code = [secrets.token_urlsafe(16), account]
    return signing.dumps(code, salt=_INVITATION)


def accept_invitation(code: str, cookie: str) -> str | None:
    """Return the cookie of a browser that has opened a code; None for an old code.

    None for a known browser, too, when a few of them have opened it. Call it outside of
    any transaction.
    """
    try:
        if len(code) > _LONGEST:
            raise signing.BadSignature
        device, account = signing.loads(code, salt=_INVITATION, max_age=_INVITED)
    except signing.BadSignature:
        return None
    if device_hash(cookie) is not None:
        name = f"invitation:{hmac_hex('device', device)[:_HASH_LENGTH]}"
        is_allowed = reserve(name, _MOST_PER_INVITATION, _INVITED).is_allowed
        return remember_device(cookie, account) if is_allowed else None
    return signing.dumps([device, [account]], salt=_SALT)


def _open_cookie(cookie: str) -> tuple[str, list[str]]:
    """Return the name of a browser and whose it is; a new name for a new browser."""
    try:
        if len(cookie) > _LONGEST:
            raise signing.BadSignature
        device, accounts = signing.loads(cookie, salt=_SALT, max_age=_LIFETIME)
    except signing.BadSignature:
        return secrets.token_urlsafe(16), []
    return device, accounts
