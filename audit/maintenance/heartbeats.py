"""When the hub last did what it does again and again: for health checks."""

from __future__ import annotations

from datetime import datetime

from audit import clock
from audit.models import Heartbeat

MAINTAINED = "maintained"
CAN_WRITE = "can_write"


def beat(name: str, *, filler: str = "") -> None:
    """Store the present time: one statement, in a transaction of its own."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=clock.now(), filler=filler)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at", "filler"],
    )


def last_beat(name: str) -> datetime | None:
    """Return when it was done last; None when it never was."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
