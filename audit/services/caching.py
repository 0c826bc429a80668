"""The cache in the database: what is too old stays there until somebody removes it."""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import connection

from audit import clock
from audit.batches import give_way

# Longer than what anybody puts there; beyond it only a clock that was ahead can come.
_LONGEST = timedelta(days=2)
_BATCH = 500


def forget_cached(*, only_count: bool) -> int:
    """Remove what the cache keeps beyond its time, a few hundred entries at a time.

    Returns how many entries were, or would be, removed.
    """
    if not isinstance(caches["default"], BaseDatabaseCache):
        return 0
    quote = connection.ops.quote_name
    table = quote(str(settings.CACHES["default"]["LOCATION"]))
    key, expires = quote("cache_key"), quote("expires")
    old = f"FROM {table} WHERE {expires} < %s OR {expires} > %s"
    now = clock.now().replace(microsecond=0)
    ends = [connection.ops.adapt_datetimefield_value(t) for t in (now, now + _LONGEST)]
    with connection.cursor() as cursor:
        if only_count:
            cursor.execute(f"SELECT COUNT(*) {old}", ends)
            return int(cursor.fetchone()[0])
        removed = 0
        while True:
            started = time.monotonic()
            cursor.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT {key} {old} LIMIT %s)",  # noqa: S608 - quoted names from the settings
                [*ends, _BATCH],
            )
            if cursor.rowcount <= 0:
                return removed
            removed += cursor.rowcount
            give_way(time.monotonic() - started)
