"""Counts of refused requests, by hour, code and key or address."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit import log, maintenance
from audit.crypto import network_hash
from audit.tenancy.actors import Actor, OperationContext
from audit.tenancy.scope import tenant_scope
from capture.models import ApiKey, RefusalCount

_RETENTION = timedelta(days=90)
# Refusals that concern a key: misused, or guessed.
_OF_KEYS = frozenset(
    {
        "invalid_key",
        "key_mismatch",
        "scope_missing",
        "secret_key_in_browser",
        "secret_key_needed",
        "address_not_allowed",
        "origin_not_allowed",
    }
)


def forget_old_refusal_counts(*, only_count: bool) -> dict[str, int]:
    """Remove counts past their retention; return how many."""
    old = RefusalCount.objects.filter(hour__lt=timezone.now() - _RETENTION)
    return maintenance.remove_old({"counts of refusals": old}, only_count=only_count)


def count_refusal(
    code: str, *, key: ApiKey | None, operation: OperationContext
) -> None:
    """Count one refused request of this hour, by key or by the hash of the address.

    The first refused key of each is an entry of the trail too; not every one, or a
    stranger could fill it. Writes at once: call it when no transaction is open.
    """
    name = str(key.pk) if key else network_hash(operation.ip)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    counts = RefusalCount.objects.filter(name=name, code=code, hour=hour)
    new = RefusalCount(
        business_id=key.business_id if key else None,
        source_id=key.source_id if key else None,
        name=name,
        code=code,
        hour=hour,
    )
    # Without a key a count belongs to no business, so no tenant scope includes it.
    with tenant_scope(None):
        if counts.update(count=F("count") + 1):
            return
        RefusalCount.objects.bulk_create([new], ignore_conflicts=True)
        counts.update(count=F("count") + 1)
        if code in _OF_KEYS:
            _record_key_misuse(code, key, operation)


def _record_key_misuse(
    code: str, key: ApiKey | None, operation: OperationContext
) -> None:
    actor = Actor(
        kind="key" if key else "anonymous",
        operation=operation,
        key_id=key.pk if key else None,
    )
    with transaction.atomic():
        log.record("capture.refused", key, actor=actor, outcome="refused", code=code)
