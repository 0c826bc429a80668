"""How many requests were refused, why and when: nothing disappears without a number."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from audit.keyed import network_hash
from audit.tenancy import reach
from capture.models import ApiKey, RefusalCount

_KEPT = timedelta(days=90)


def old_refusals() -> QuerySet[RefusalCount]:
    """Return counts that nobody asks for any more."""
    return RefusalCount.objects.filter(hour__lt=timezone.now() - _KEPT)


def count_refusal(code: str, *, key: ApiKey | None, address: str | None) -> None:
    """Count one refused request of this hour, by key or by the hash of the address."""
    name = str(key.pk) if key else network_hash(address)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    row = RefusalCount.objects.filter(name=name, code=code, hour=hour)
    new = RefusalCount(
        business_id=key.business_id if key else None,
        source_id=key.source_id if key else None,
        name=name,
        code=code,
        hour=hour,
    )
    # Without a key a count belongs to no business, and is within nobody's reach.
    with reach(None):
        if row.update(count=F("count") + 1):
            return
        RefusalCount.objects.bulk_create([new], ignore_conflicts=True)
        row.update(count=F("count") + 1)
