"""Advisory locks: one message at a time about a person, visitor or payment."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from capture.choices import CaptureType
from capture.ingest.payments import references_of
from capture.models import Capture

_KEY = "hashtextextended(%s, 0)"
# Times the threads of a server, this stays below what PostgreSQL has room for.
_MAX_LOCKS = 300


def lock_names(captures: Iterable[Capture]) -> None:
    """Let messages about one person, visitor or payment pass one after the other.

    Until the commit, so that each sees what the one before has written: who an id
    belongs to, what a payment consists of. Many names at once take the business as a
    whole, because a server has room for some thousand locks. SQLite has one writer
    anyway.
    """
    captures = list(captures)
    if connection.vendor != "postgresql" or not captures:
        return
    names = {f"{c.business_id}:{name}" for c in captures for name in _names_of(c)}
    business = str(captures[0].business_id)
    with connection.cursor() as cursor:
        if len(names) > _MAX_LOCKS:
            cursor.execute(f"SELECT pg_advisory_xact_lock({_KEY})", [business])
        elif names:
            cursor.execute(f"SELECT pg_advisory_xact_lock_shared({_KEY})", [business])
            cursor.execute(
                "SELECT pg_advisory_xact_lock(n) FROM (SELECT DISTINCT "
                "hashtextextended(name, 0) AS n FROM unnest(%s::text[]) AS name "
                "ORDER BY 1) AS keys",
                [sorted(names)],
            )


def _names_of(capture: Capture) -> set[str]:
    # A former id may be a user id or an anonymous one: both are locked alike.
    ids = (capture.user_ref, capture.anonymous_ref, capture.previous_ref)
    names = {f"i:{name}" for name in ids if name}
    if capture.email:
        names.add(f"e:{capture.email}")
    if capture.type == CaptureType.PAYMENT:
        names |= references_of(capture)
    return names
