"""How pages draw what they share: badges, filters, how long ago something was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django.contrib.admin.views.main import ChangeList
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.timezones import second_zone

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Up to how long a unit is told, with its length and its words.
_UNITS = (
    (timedelta(hours=1), timedelta(minutes=1), _("%(n)s min ago")),
    (timedelta(days=1), timedelta(hours=1), _("%(n)s h ago")),
    (timedelta(days=60), timedelta(days=1), _("%(n)s d ago")),
    (timedelta(days=730), timedelta(days=30.4), _("%(n)s mo ago")),
)
_YEAR = timedelta(days=365.25)
# Of a number; more only where they say something.
_DECIMALS = 2
# Of a table that is made of JSON.
_MOST_CELLS = 2000


class Badge(NamedTuple):
    """A mark: its words say all, its colour repeats them.

    `colour` is one of `ok`, `warn`, `bad`, `info`, `brand`, or nothing.
    """

    words: _StrOrPromise
    colour: str = ""


def short_decimal(value: Decimal) -> Decimal:
    """Return a number without zeros that only fill its column: 42.00, not 42.000."""
    short = round(value, _DECIMALS)
    return short if short == value else value


def yes_or_no(value: bool) -> str:
    """Return the word of a truth value."""
    return gettext("Yes") if value else gettext("No")


def json_text(value: object) -> str:
    """Return a value as JSON that a person can read."""
    return json.dumps(value, ensure_ascii=False)


def draw_json(value: object) -> str:
    """Draw a list or an object as people read it: words in a row, or a table."""
    if value in ([], {}):
        return "–"
    if isinstance(value, dict):
        return draw_table((name, _cell_text(one)) for name, one in value.items())
    if not isinstance(value, list):
        return _cell_text(value)
    if not all(isinstance(one, dict) for one in value):
        return ", ".join(map(_cell_text, value))
    names = list(dict.fromkeys(name for one in value for name in one))
    if len(names) * len(value) > _MOST_CELLS:
        return _cell_text(value)
    lines = [[_cell_text(one.get(name)) for name in names] for one in value]
    head = format_html_join("", '<th scope="col">{}</th>', ((n,) for n in names))
    cells = (
        format_html_join("", "<td>{}</td>", ((c,) for c in line)) for line in lines
    )
    body = format_html_join("", "<tr>{}</tr>", ((line,) for line in cells))
    return format_html("<table><tr>{}</tr>{}</table>", head, body)


def draw_table(lines: Iterable[tuple[str, str]]) -> SafeString:
    """Draw names and values as a table of two columns."""
    line = '<tr><th scope="row">{}</th><td>{}</td></tr>'
    return format_html("<table>{}</table>", format_html_join("", line, lines))


def _cell_text(value: object) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json_text(value)


def render_badges(badges: Iterable[Badge]) -> SafeString:
    """Draw marks side by side."""
    return format_html_join(
        " ", '<span class="badge {}">{}</span>', ((b.colour, b.words) for b in badges)
    )


def ago(moment: datetime | None) -> SafeString | str:
    """Draw how long ago something was, with the exact time for whoever asks."""
    if moment is None:
        return gettext("never")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        _exact(timezone.localtime(moment)),
        elapsed(clock.now() - moment),
    )


def in_second_zone(
    moment: datetime | None, *, has_day: bool = True
) -> SafeString | str:
    """Draw a moment in the zone of the person, smaller; empty where it says no more.

    With its day where that is another one; without `has_day` its weekday.
    """
    zone = second_zone()
    if moment is None or zone is None:
        return ""
    first, second = timezone.localtime(moment), timezone.localtime(moment, zone)
    if first.utcoffset() == second.utcoffset():
        return ""
    text = date_format(second, "TIME_FORMAT")
    if first.date() != second.date():
        weekday = f"{date_format(second, 'D')} {text}"
        text = date_format(second, "SHORT_DATETIME_FORMAT") if has_day else weekday
    return format_html('<small class="also" title="{}">{}</small>', str(zone), text)


def moment(value: datetime | None, layout: str = "SHORT_DATETIME_FORMAT") -> str:
    """Draw a moment in the zone of the page, and smaller in that of the person."""
    if value is None:
        return ""
    first = date_format(timezone.localtime(value), layout)
    also = in_second_zone(value, has_day=layout != "TIME_FORMAT")
    return format_html("{} {}", first, also) if also else first


def _exact(moment: datetime) -> str:
    return f"{date_format(moment, 'SHORT_DATETIME_FORMAT')} {moment:%Z}"


def elapsed(time: timedelta) -> str:
    """Return a time that has passed in one unit: 5 min, 2 h, 3 d, 4 mo, 5 y ago."""
    if time < timedelta(minutes=1):
        return gettext("now")
    for limit, length, words in _UNITS:
        if time < limit:
            return words % {"n": time // length}
    return gettext("%(n)s y ago") % {"n": time // _YEAR}


def count_text(number: int) -> str:
    """Return a number of things as its reader writes it: 1,234."""
    return number_format(number, force_grouping=True)


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
                "value": ", ".join(map(str, chosen)) or gettext("chosen"),
                "url": changelist.get_query_string(remove=names),
            }
        )
    return chips
