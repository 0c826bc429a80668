"""How fast a caller may send: one atomic UPDATE for each request, on both engines.

The generic cell rate algorithm (GCRA): a bucket that refills steadily, kept as the
one time at which it would be full again. It is counted in the database, so that
workers share it and a restart does not empty it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router
from django.db.models import F, Max, QuerySet

from audit import clock
from audit.models import RateLimitBucket

_MICRO = 1_000_000
# The uptime is read before the statement, which may wait for the row for so long: what
# the two clocks differ by more is a jump.
_STEP = 2 * _MICRO
# How often a bucket is tried that was just made, mended or changed by others.
_LOOKS = 4
_LONGEST_WAIT = 60
_LIFETIME = timedelta(days=2)


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


def take_units(name: str, rate: Rate, cost: int = 1) -> Budget:
    """Take `cost` units from a caller's bucket, or say when to come back.

    Runs outside of the caller's transaction: a refused request has used its share. One
    statement where the bucket has room, which asks for the time when it has the row, so
    a long wait for it refuses nobody.
    """
    step = _MICRO // rate.per_second
    window = step * rate.burst
    # More than the bucket holds could never pass.
    price = step * min(cost, rate.burst)
    for _ in range(_LOOKS):
        if (ahead := _consume(name, price=price, room=window - price)) is not None:
            return _budget(ahead, rate, is_allowed=True)
        buckets = RateLimitBucket.objects.filter(name=name)
        bucket = buckets.annotate(at_us=clock.NowMicroseconds(), at=clock.Now()).first()
        if bucket is None:
            new = RateLimitBucket(name=name)
            RateLimitBucket.objects.bulk_create([new], ignore_conflicts=True)
        # Unless it was mended, or others made room since, it is used up.
        elif (
            not _mend(bucket, window) and bucket.tat_us + price > bucket.at_us + window
        ):
            ahead = bucket.tat_us - bucket.at_us
            return _budget(ahead, rate, is_allowed=False, price=price)
    # So many others took from it in between that its turn did not come.
    return Budget(rate, is_allowed=False, remaining=0, retry_after=1)


def _consume(name: str, *, price: int, room: int) -> int | None:
    """Move a bucket on by `price`; return how far it is ahead of now, in microseconds.

    None where it has not so much room, is not there, or was left by a clock that was
    ahead. In SQL of its own: Django's update returns nothing of the row, and building
    this one anew for each request takes longer than running it.
    """
    boot, up_us = clock.uptime() or ("", 0)
    database = router.db_for_write(RateLimitBucket)
    sql = _consume_sql(database)
    values: dict[str, str | int] = {
        "name": name,
        "price": price,
        "room": room,
        "boot": boot,
        "up": up_us,
        "step": _STEP,
    }
    with connections[database].cursor() as cursor:
        cursor.execute(sql, values)
        result = cursor.fetchone()
    return None if result is None else int(result[0])


def _consume_sql(database: str) -> str:
    connection = connections[database]
    compiler = (
        RateLimitBucket.objects.using(database).all().query.get_compiler(database)
    )
    now, _ = compiler.compile(clock.Now())
    now_us, _ = compiler.compile(clock.NowMicroseconds())
    later = "MAX" if connection.vendor == "sqlite" else "GREATEST"
    table = connection.ops.quote_name(RateLimitBucket._meta.db_table)
    return f"""
        UPDATE {table}
        SET tat_us = {later}(tat_us, {now_us}) + %(price)s,
            used_at = {now}, boot = %(boot)s, offset_us = {now_us} - %(up)s
        WHERE name = %(name)s
            -- One that was used later than now was used by a clock that was ahead.
            AND (used_at IS NULL OR used_at <= {now})
            AND tat_us <= {now_us} + %(room)s
            AND (boot <> %(boot)s OR offset_us <= {now_us} - %(up)s + %(step)s)
        RETURNING tat_us - {now_us}
    """  # noqa: S608 - names and functions of our own


def last_used(name: str) -> datetime | None:
    """Return when a bucket was used last, None for never or long ago."""
    bucket = RateLimitBucket.objects.filter(name=name).first()
    return bucket.used_at if bucket else None


def old_buckets() -> QuerySet[RateLimitBucket]:
    """Return buckets that have long been full again.

    Those that are called `key:` and an id stay: they tell when a key was used last.
    """
    buckets = RateLimitBucket.objects.filter(used_at__lt=clock.now() - _LIFETIME)
    return buckets.exclude(name__regex=r"^key:[0-9a-f-]{36}$")


def mend_buckets() -> None:
    """Let buckets that a clock ahead of now has filled be full again, used just now.

    Those of callers who come back mend themselves; the others would stay for ever.
    """
    RateLimitBucket.objects.filter(used_at__gt=clock.Now() + clock.SKEW).update(
        tat_us=clock.NowMicroseconds(), boot="", used_at=clock.Now()
    )


def _mend(bucket: Any, window: int) -> bool:
    """Set right a bucket that no clock of now has filled; tell whether it was one.

    How long ago a clock ahead of now has used it nobody knows, so it is full again: a
    caller may send a burst too much, and none waits for an error of the clock. `bucket`
    has the time of its reading as `at` and `at_us`.
    """
    values: dict[str, object] = {"boot": "", "used_at": clock.Now()}
    tat_us, back = bucket.tat_us, _clock_setback(bucket)
    if bucket.used_at is not None and bucket.used_at > bucket.at:
        if bucket.used_at > bucket.at + clock.SKEW:
            # Of all buckets, so that the next one to be mended is no news.
            last = RateLimitBucket.objects.aggregate(last=Max("used_at"))["last"]
            clock.log_ahead(max(last or bucket.used_at, bucket.used_at), bucket.at)
        values["tat_us"] = clock.NowMicroseconds()
    elif back > _STEP:
        # It was used earlier still, and has refilled since as if nothing had been.
        values["tat_us"] = F("tat_us") - back
    elif tat_us > bucket.at_us + window:
        # Its rate was larger before.
        values["tat_us"] = clock.NowMicroseconds() + window
    else:
        return False
    same = RateLimitBucket.objects.filter(name=bucket.name, tat_us=tat_us)
    same.update(**values)
    return True


def _clock_setback(bucket: Any) -> int:
    """Return the microseconds that the clock went back since a bucket was used.

    None are known when that was before the host's last start, or by another host.
    """
    boot, up_us = clock.uptime() or ("", 0)
    return (
        bucket.offset_us - (bucket.at_us - up_us) if boot and bucket.boot == boot else 0
    )


def _budget(ahead: int, rate: Rate, *, is_allowed: bool, price: int = 0) -> Budget:
    step = _MICRO // rate.per_second
    ahead = max(ahead, 0)
    remaining = max((step * rate.burst - ahead) // step, 0)
    wait = ahead + price - step * rate.burst
    retry = min(max(math.ceil(wait / _MICRO), 1), _LONGEST_WAIT)
    full = math.ceil(ahead / _MICRO)
    return Budget(rate, is_allowed, int(remaining), retry, full)
