"""How fast a caller may send: one atomic UPDATE for each request, on both engines.

The generic cell rate algorithm (GCRA): a bucket that refills steadily, kept as the
one time at which it would be full again. It is counted in the database, so that
workers share it and a restart does not empty it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from audit.keyed import network_hash
from capture.choices import KeyKind
from capture.models import Allowance, ApiKey

_MICRO = 1_000_000
_LONGEST_WAIT = 60
_KEPT = timedelta(days=2)


@dataclass(frozen=True)
class Rate:
    """`per_second` units in the long run, and `burst` of them at once."""

    per_second: int
    burst: int


@dataclass(frozen=True)
class Budget:
    """What is left: for the headers of the answer."""

    rate: Rate
    is_allowed: bool
    remaining: int
    retry_after: int
    # Seconds until all of it is there again.
    full_after: int = 0


def take(name: str, rate: Rate, cost: int = 1) -> Budget:
    """Take `cost` units from a caller's bucket, or say when to come back.

    Runs outside of the caller's transaction: a refused request has used its share.
    """
    step = _MICRO // rate.per_second
    window = step * rate.burst
    now = time.time_ns() // 1000
    # More than the bucket holds could never pass.
    price = step * min(cost, rate.burst)
    for _ in range(2):
        row = Allowance.objects.filter(name=name, arrives_us__lte=now + window - price)
        if row.update(
            arrives_us=Greatest(F("arrives_us"), now) + price, used_at=timezone.now()
        ):
            return _budget(name, rate, now, is_allowed=True)
        # Another request may have made the bucket since: look twice before refusing.
        if not Allowance.objects.filter(name=name).exists():
            Allowance.objects.bulk_create([Allowance(name=name)], ignore_conflicts=True)
    return _budget(name, rate, now, is_allowed=False, price=price)


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


def last_used(key: ApiKey) -> object:
    """Return when a key was used last, None for never or long ago."""
    row = Allowance.objects.filter(name=f"key:{key.pk}").first()
    return row.used_at if row else None


def old_allowances() -> QuerySet[Allowance]:
    """Return buckets that have long been full again.

    Those of keys stay: they tell when a key was used last.
    """
    rows = Allowance.objects.filter(used_at__lt=timezone.now() - _KEPT)
    return rows.exclude(name__regex=r"^key:[0-9a-f-]{36}$")


def _budget(
    name: str, rate: Rate, now: int, *, is_allowed: bool, price: int = 0
) -> Budget:
    step = _MICRO // rate.per_second
    row = Allowance.objects.filter(name=name).first()
    ahead = max((row.arrives_us if row else now) - now, 0)
    remaining = max((step * rate.burst - ahead) // step, 0)
    wait = ahead + price - step * rate.burst
    retry = min(max(math.ceil(wait / _MICRO), 1), _LONGEST_WAIT)
    full = math.ceil(ahead / _MICRO)
    return Budget(rate, is_allowed, int(remaining), retry, full)
