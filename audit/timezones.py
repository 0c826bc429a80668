"""Time zones by their IANA name."""

from __future__ import annotations

import zoneinfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def check_time_zone(name: str) -> None:
    """Raise ValidationError unless this machine knows the time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        msg = _("This is not a time zone. Write one like Europe/Oslo.")
        raise ValidationError(msg, code="unknown_time_zone") from error
