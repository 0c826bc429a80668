"""How many tries may begin under one name in a while: one atomic UPDATE for each."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

from django.db.models import Case, DateTimeField, F, IntegerField, Q, QuerySet, When
from django.utils import timezone

from audit.models import StepUpCount
from audit.services.keyed import keyed_hash

WINDOW = timedelta(minutes=15)
_KEPT = timedelta(days=2)


def begin_try(name: str, limit: int) -> bool:
    """Count a try, or tell that `limit` of them were begun in this window.

    The caller commits before it does the work, or parallel tries would not be seen.
    """
    now = timezone.now()
    is_over = Q(opened_at__lte=now - WINDOW)
    rows = StepUpCount.objects.filter(is_over | Q(count__lt=limit), name=name)
    for _ in range(2):
        if rows.update(
            count=Case(
                When(is_over, then=1),
                default=F("count") + 1,
                output_field=IntegerField(),
            ),
            opened_at=Case(
                When(is_over, then=now),
                default=F("opened_at"),
                output_field=DateTimeField(),
            ),
        ):
            return True
        # The first try of a name makes its row; somebody else may be as fast.
        row = StepUpCount(name=name, opened_at=now)
        StepUpCount.objects.bulk_create([row], ignore_conflicts=True)
    return False


def give_back(name: str) -> None:
    """Take one try back that turned out right, so that it costs nothing."""
    rows = StepUpCount.objects.filter(name=name, count__gt=0)
    rows.update(count=F("count") - 1)


def old_counts() -> QuerySet[StepUpCount]:
    """Return counts whose window closed long ago."""
    return StepUpCount.objects.filter(opened_at__lt=timezone.now() - _KEPT)


def address_name(ip: str | None) -> str:
    """Return the name of an address: its keyed hash; an IPv6 network is one caller."""
    text = ip or ""
    if ":" in text:
        text = str(ip_network(f"{text}/64", strict=False))
    return f"address:{keyed_hash('step-up-address', text)[:32]}"
