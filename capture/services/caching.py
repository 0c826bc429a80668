"""The cache in the database: what is too old stays there until somebody removes it."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import connection
from django.utils import timezone

from audit.batches import give_way

_BATCH = 50


def forget_cached(*, only_count: bool) -> int:
    """Remove what the cache keeps beyond its time, such as files to import.

    Returns how many entries were, or would be, removed. A few at a time, for they can
    be large; each statement is a transaction of its own.
    """
    if not isinstance(caches["default"], BaseDatabaseCache):
        return 0
    quote = connection.ops.quote_name
    table = quote(str(settings.CACHES["default"]["LOCATION"]))
    key = quote("cache_key")
    old = f"FROM {table} WHERE {quote('expires')} < %s"
    now = timezone.now().replace(microsecond=0)
    moment = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        if only_count:
            cursor.execute(f"SELECT COUNT(*) {old}", [moment])
            return int(cursor.fetchone()[0])
        removed = 0
        while True:
            started = time.monotonic()
            cursor.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT {key} {old} LIMIT %s)",  # noqa: S608
                [moment, _BATCH],
            )
            if cursor.rowcount <= 0:
                return removed
            removed += cursor.rowcount
            give_way(time.monotonic() - started)
