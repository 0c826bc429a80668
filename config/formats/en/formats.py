"""Dates without a guess at which number is the month: 27 Nov 2026, 14:05."""

from __future__ import annotations

from django.conf.locale.en import formats  # type: ignore[import-untyped]  # not typed

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATE_FORMAT = DATE_FORMAT
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
MONTH_DAY_FORMAT = "j M"
TIME_FORMAT = "H:i"

# Django's, and as a form wrote it that was drawn in another language.
DATE_INPUT_FORMATS = [*formats.DATE_INPUT_FORMATS, "%d.%m.%Y"]
DATETIME_INPUT_FORMATS = [
    *formats.DATETIME_INPUT_FORMATS,
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
]
