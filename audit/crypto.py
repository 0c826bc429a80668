"""What keys outside the database make: names of rows, signatures, and boxes.

LOOKUP_KEY makes hashes under which rows are found again; they stay comparable for
ever. HASH_KEY makes what gives a right, or keeps a secret: each of these begins with
the id of its key, so that the key can be replaced while rows of former ones stand.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12
# Letters of the id of a key, and of a hash beside it: together with the colon as many
# as of a hash alone, 64.
_MARK, _SIGNATURE_LENGTH = 7, 56
_NETWORK_HASH = 32
_IPV6_SITE = 64


def hmac_hex(*parts: str) -> str:
    """Return a keyed hash: comparable for ever, and safe from guessing.

    For names of rows alone: it proves nothing to a holder of the key.
    """
    return _hmac(settings.LOOKUP_KEY, parts)


def signature(*parts: str) -> str:
    """Return the keyed hash of a proof or of a secret, with the id of its key."""
    return signatures(*parts)[0]


def signatures(*parts: str) -> list[str]:
    """Return each text that `signature` may have made: of the newest key first.

    Those of the time before ids are among them.
    """
    candidates = []
    for key in _keys():
        made = _hmac(key, parts)
        candidates += [f"{_mark(key)}{made[:_SIGNATURE_LENGTH]}", made]
    return candidates


def is_signature(text: str, *parts: str) -> bool:
    """Tell whether HASH_KEY, present or former, has signed these parts.

    False for any other text: a writer of the database may store anything there.
    """
    if not isinstance(text, str) or not text.isascii():
        return False
    return any(hmac.compare_digest(text, made) for made in signatures(*parts))


def derived_keys(purpose: str) -> list[bytes]:
    """Return a key for another use, derived from each key, the newest first."""
    return [_hmac(key, (purpose,)).encode() for key in _keys()]


def newest_mark() -> str:
    """Return how every signature and box of the newest key begins."""
    return _mark(settings.HASH_KEY)


def _keys() -> Iterator[str]:
    yield settings.HASH_KEY
    yield from settings.HASH_KEYS_OLD


@cache
def _mark(key: str) -> str:
    return _hmac(key, ("id of a key",))[:_MARK] + ":"


def _hmac(key: str, parts: tuple[str, ...]) -> str:
    text = "\x00".join(parts).encode("utf-8", errors="surrogatepass")
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


def network_hash(ip: str | None) -> str:
    """Return the keyed hash under which what an address does is counted.

    Of IPv6 the /64 counts: the owner of one address there has all of them.
    """
    text = ""
    if ip is not None:
        address = ip_address(ip)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        text = str(address)
        if isinstance(address, IPv6Address):
            text = str(ip_network((int(address), _IPV6_SITE), strict=False))
    return hmac_hex("network", text)[:_NETWORK_HASH]


def encrypt(data: bytes, *, purpose: str, owner: bytes) -> str:
    """Return data encrypted with AES-256-GCM, as the id of the key and base64 text.

    Bound to its owner, the bytes of an id: copied to another row it opens nothing.
    Each purpose has a key of its own, derived from HASH_KEY.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + _cipher(settings.HASH_KEY, purpose).encrypt(nonce, data, owner)
    return newest_mark() + base64.b64encode(sealed).decode()


def decrypt(text: str, *, purpose: str, owner: bytes) -> bytes:
    """Return what `encrypt` made, with the newest key or a former one.

    Raises cryptography's InvalidTag for another owner, purpose or key and for altered
    text, ValueError for text that is no box.
    """
    mark, _, box = text.rpartition(":")
    sealed = base64.b64decode(box, validate=True)
    nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    for key in _keys():
        if not mark or _mark(key) == f"{mark}:":
            with suppress(InvalidTag):
                return _cipher(key, purpose).decrypt(nonce, data, owner)
    raise InvalidTag


def is_outdated(text: str) -> bool:
    """Tell whether a signature or box is of a former key, which is still there."""
    return bool(settings.HASH_KEYS_OLD) and not text.startswith(newest_mark())


def _cipher(key: str, purpose: str) -> AESGCM:
    derived = hashlib.sha256(purpose.encode() + b"\0" + key.encode())
    return AESGCM(derived.digest())
