"""What HASH_KEY makes: hashes nobody can guess from, boxes nobody can open."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from ipaddress import IPv6Address, ip_address, ip_network

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12
_NETWORK_HASH = 32
_IPV6_SITE = 64


def keyed_hash(*parts: str) -> str:
    """Return a hash that stays comparable for ever and that nobody can guess from."""
    text = "\x00".join(parts).encode("utf-8", errors="surrogatepass")
    return hmac.new(settings.HASH_KEY.encode(), text, hashlib.sha256).hexdigest()


def network_hash(ip: str | None) -> str:
    """Return the keyed hash under which what an address does is counted.

    Of IPv6 the /64 counts: whoever has one address there has all of them.
    """
    text = ""
    if ip is not None:
        address = ip_address(ip)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        text = str(address)
        if isinstance(address, IPv6Address):
            text = str(ip_network((int(address), _IPV6_SITE), strict=False))
    return keyed_hash("network", text)[:_NETWORK_HASH]


def lock_up(data: bytes, *, purpose: str, owner: bytes) -> str:
    """Return data encrypted with AES-256-GCM, as base64 text.

    Bound to its owner, the bytes of an id: copied to another row it opens nothing.
    Each purpose has a key of its own, derived from HASH_KEY.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + _box(purpose).encrypt(nonce, data, owner)
    return base64.b64encode(sealed).decode()


def unlock(text: str, *, purpose: str, owner: bytes) -> bytes:
    """Return what `lock_up` encrypted.

    Raises cryptography's InvalidTag for another owner, purpose or key and for altered
    text, ValueError for text that is no box.
    """
    sealed = base64.b64decode(text, validate=True)
    nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    return _box(purpose).decrypt(nonce, data, owner)


def _box(purpose: str) -> AESGCM:
    derived = hashlib.sha256(purpose.encode() + b"\0" + settings.HASH_KEY.encode())
    return AESGCM(derived.digest())
