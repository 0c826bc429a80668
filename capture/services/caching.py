"""The cache in the database: what is too old stays there until somebody removes it."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import connection
from django.utils import timezone


def forget_cached(*, only_count: bool) -> int:
    """Remove what the cache keeps beyond its time, such as files to import.

    Returns how many entries were, or would be, removed.
    """
    if not isinstance(caches["default"], BaseDatabaseCache):
        return 0
    quote = connection.ops.quote_name
    table = quote(str(settings.CACHES["default"]["LOCATION"]))
    where = f"FROM {table} WHERE {quote('expires')} < %s"
    now = timezone.now().replace(microsecond=0)
    with connection.cursor() as cursor:
        verb = "SELECT COUNT(*)" if only_count else "DELETE"
        cursor.execute(
            f"{verb} {where}", [connection.ops.adapt_datetimefield_value(now)]
        )
        return int(cursor.fetchone()[0]) if only_count else cursor.rowcount
