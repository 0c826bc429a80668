"""The catalogue of the database, as `migrate` left it and as it is."""

from __future__ import annotations

import hashlib

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone

from audit.crypto import is_outdated, is_signature, signature
from audit.database.guards import catalogue, compare, missing_migrations
from audit.log.recording import record
from audit.models import KeptCatalogue, Operation
from audit.tenancy.actors import Actor

# What an event repeats of the differences that it cannot explain.
_NAMED = 20
_PURPOSE = "catalogue"
_MISSING = "what `migrate` wrote of the catalogue is gone."
_FORGED = (
    "what `migrate` wrote of the catalogue was changed, or with another "
    "HOLDFAST_HASH_KEY."
)
_FIX = (
    "Look what changed it (`check --database default` names all); then restore a copy, "
    "or run `python3 manage.py migrate` as the owner, which accepts it."
)


def keep_catalogue(
    *, actor: Actor, using: str = DEFAULT_DB_ALIAS, faults_before: list[str] | None
) -> None:
    """Write what the catalogue is now, and an event if it is or was another.

    `faults_before` are the differences that stood before the act, which it does not
    explain; it may have mended them, such as a guard that was gone. Does nothing
    half-way through the migrations. A database with an empty trail is new, and has
    nobody to tell.
    """
    if missing_migrations(using):
        return
    with transaction.atomic(using=using):
        lines = catalogue(using)
        stored = KeptCatalogue.objects.using(using).first()
        text = "\n".join(lines)
        is_equal = stored is not None and _is_ours(stored) and stored.lines == text
        if is_equal and not faults_before:
            if stored is not None and is_outdated(stored.mac):
                stored.mac = signature(_PURPOSE, text)
                stored.save(using=using, update_fields=["mac"])
            return
        KeptCatalogue.objects.using(using).update_or_create(
            pk=1,
            defaults={
                "lines": text,
                "mac": signature(_PURPOSE, text),
                "written_at": timezone.now(),
            },
        )
        if Operation.objects.using(using).exists():
            before = stored.lines.split("\n") if stored is not None else []
            record(
                "schema.changed",
                actor=actor,
                data={
                    "sha256": hashlib.sha256(text.encode()).hexdigest(),
                    "came": len(set(lines) - set(before)),
                    "went": len(set(before) - set(lines)),
                    "unexplained": len(faults_before or ()),
                    "examples": (faults_before or [])[:_NAMED],
                },
            )


def catalogue_faults(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return one sentence for each way the catalogue is not as `migrate` left it."""
    tables = connections[using].introspection.table_names()
    if KeptCatalogue._meta.db_table not in tables:
        # Older than this table; without a missing migration it was dropped.
        return [] if missing_migrations(using) else [_MISSING]
    stored = KeptCatalogue.objects.using(using).first()
    if stored is None:
        return [_MISSING]
    if not _is_ours(stored):
        return [_FORGED]
    return compare(stored.lines.split("\n"), catalogue(using))


def require_catalogue(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured unless the catalogue is as `migrate` left it."""
    if faults := catalogue_faults(using):
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        msg = f"The database is not as `migrate` left it: {faults[0]}{more} {_FIX}"
        raise ImproperlyConfigured(msg)


def _is_ours(stored: KeptCatalogue) -> bool:
    return is_signature(stored.mac, _PURPOSE, stored.lines)
