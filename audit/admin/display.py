"""How pages draw what they share: badges, filters, how long ago something was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.admin.views.main import ChangeList
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit import clock

# Up to how long a unit is told, with its length and its sign.
_UNITS = (
    (timedelta(hours=1), timedelta(minutes=1), "min"),
    (timedelta(days=1), timedelta(hours=1), "h"),
    (timedelta(days=60), timedelta(days=1), "d"),
    (timedelta(days=730), timedelta(days=30.4), "mo"),
)
_YEAR = timedelta(days=365.25)


class Badge(NamedTuple):
    """A mark: its words say all, its colour repeats them.

    `colour` is one of `ok`, `warn`, `bad`, `info`, `brand`, or nothing.
    """

    words: str
    colour: str = ""


def render_badges(badges: Iterable[Badge]) -> SafeString:
    """Draw marks side by side."""
    return format_html_join(
        " ", '<span class="badge {}">{}</span>', ((b.colour, b.words) for b in badges)
    )


def ago(moment: datetime | None) -> SafeString | str:
    """Draw how long ago something was, with the exact time for whoever asks."""
    if moment is None:
        return "never"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        timezone.localtime(moment).strftime("%Y-%m-%d %H:%M %Z"),
        elapsed(clock.now() - moment),
    )


def elapsed(time: timedelta) -> str:
    """Return a time that has passed in one unit: 5 min, 2 h, 3 d, 4 mo, 5 y ago."""
    if time < timedelta(minutes=1):
        return "now"
    for limit, length, sign in _UNITS:
        if time < limit:
            return f"{time // length} {sign} ago"
    return f"{time // _YEAR} y ago"


def to_second(moment: datetime | None) -> str:
    """Return a local moment to the second, as the reader writes dates."""
    if moment is None:
        return ""
    day = date_format(moment, "SHORT_DATE_FORMAT")
    return f"{day}, {date_format(moment, 'H:i:s')}"


def active_filters(changelist: ChangeList) -> list[dict[str, str]]:
    """Return what a list is narrowed by, each with the address without it."""
    chips = []
    for spec in changelist.filter_specs:
        names = [n for n in spec.expected_parameters() if n in changelist.params]
        if not names:
            continue
        chosen = [c["display"] for c in spec.choices(changelist) if c.get("selected")]
        chips.append(
            {
                "name": str(spec.title),
                "value": ", ".join(map(str, chosen)) or "chosen",
                "url": changelist.get_query_string(remove=names),
            }
        )
    return chips
