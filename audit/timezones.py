"""Time zones by their IANA name, and the second zone of a page.

The first zone of a page is the current one of Django's; the second is that of the
person who reads it, if they want it beside.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import tzinfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_second_zone: ContextVar[tzinfo | None] = ContextVar("second_zone", default=None)


def set_second_zone(zone: tzinfo | None) -> None:
    """Let pages show times in this zone, too."""
    _second_zone.set(zone)


def second_zone() -> tzinfo | None:
    """Return the zone in which times are shown, too; None where in no other."""
    return _second_zone.get()


@contextmanager
def no_second_zone() -> Iterator[None]:
    """Begin the block without a second zone, and end one that was set in it."""
    token = _second_zone.set(None)
    try:
        yield
    finally:
        _second_zone.reset(token)


def check_time_zone(name: str) -> None:
    """Raise ValidationError unless this machine knows the time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        msg = _("This is not a time zone. Write one like Europe/Oslo.")
        raise ValidationError(msg, code="unknown_time_zone") from error
