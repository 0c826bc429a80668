"""How fast a caller may send: the rates of its key, and of its address."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from audit.crypto import network_hash
from audit.rest import rate_limits
from audit.rest.rate_limits import Rate
from capture.choices import KeyKind
from capture.models import ApiKey


def rates_of(key: ApiKey | None, address: str | None) -> list[tuple[str, Rate]]:
    """Return the buckets that a caller takes from: of the key, of the address."""
    hashed = network_hash(address)
    if key is None:
        return [(f"stranger:{hashed}", Rate(*settings.CAPTURE_RATES["stranger"]))]
    name = f"key:{key.pk}"
    if key.kind == KeyKind.SECRET:
        return [(name, Rate(*settings.CAPTURE_RATES["secret"]))]
    return [
        (name, Rate(*settings.CAPTURE_RATES["publishable"])),
        (f"{name}:{hashed}", Rate(*settings.CAPTURE_RATES["address"])),
    ]


def last_used(key: ApiKey) -> datetime | None:
    """Return when a key was used last, None for never or long ago."""
    return rate_limits.last_used(f"key:{key.pk}")
