"""Inputs of a day and a time: where clocks had a time twice, they ask which it is.

A time is that of the zone of the page. A value that is stored in such an hour is drawn
with its choice, and comes back as it was.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from django import forms
from django.contrib.admin.widgets import (
    AdminSplitDateTime,
    BaseAdminDateWidget,
    BaseAdminTimeWidget,
)
from django.core.exceptions import ValidationError
from django.forms.utils import to_current_timezone
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.datetimes import offset_text, offsets_at, to_moment

_WHICH = _("Which of the two")


def which_select() -> forms.Select:
    """Return the input that asks which of two times is meant."""
    return forms.Select(attrs={"aria-label": _WHICH, "class": "which"})


def offer_offsets(
    select: forms.Select, local: datetime | None, zone: tzinfo | None = None
) -> bool:
    """Fill the input for a time, and tell whether there is something to choose."""
    zone = zone or timezone.get_current_timezone()
    offsets = offsets_at(local, zone) if local is not None else []
    if len(offsets) < 2:  # noqa: PLR2004 - a time there is once, or not at all
        return False
    before, after = map(offset_text, offsets)
    select.choices = [
        ("", gettext("Choose…")),
        (before, gettext("%(offset)s, before they were put back") % {"offset": before}),
        (after, gettext("%(offset)s, after they were put back") % {"offset": after}),
    ]
    return True


def offset_of(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return what was chosen for a stored moment; empty where there was no choice."""
    local = timezone.localtime(moment, zone or timezone.get_current_timezone())
    offsets = offsets_at(local.replace(tzinfo=None, fold=0), local.tzinfo or UTC)
    return offset_text(local.utcoffset() or offsets[0]) if len(offsets) > 1 else ""


class _SplitZoned(forms.MultiWidget):
    """A day, a time, and which of the two times is meant."""

    supports_microseconds = False

    def decompress(self, value: Any) -> list[Any]:
        if not value:
            return ["", "", ""]
        local = to_current_timezone(value)
        return [local.date(), local.time(), offset_of(value)]


class HiddenZonedDateTime(_SplitZoned):
    """What a form was drawn with."""

    def __init__(self, attrs: Any = None) -> None:
        parts = [forms.DateInput(attrs), forms.TimeInput(attrs), forms.HiddenInput()]
        for part in parts:
            part.input_type = "hidden"
        super().__init__(parts, attrs)


class ZonedDateTime(_SplitZoned):
    """A day, a time, and where there is one, the choice which of the two."""

    template_name = AdminSplitDateTime.template_name

    def __init__(self, attrs: Any = None) -> None:
        widgets = (BaseAdminDateWidget, BaseAdminTimeWidget, which_select())
        super().__init__(widgets, attrs)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        parts = value if isinstance(value, list) else self.decompress(value)
        select: Any = self.widgets[2]
        has_choice = offer_offsets(select, _local_of(parts))
        context: dict[str, Any] = super().get_context(name, parts, attrs)
        if not has_choice:
            del context["widget"]["subwidgets"][2]
        labels = {"date_label": gettext("Date:"), "time_label": gettext("Time:")}
        return context | labels | {"which_label": _WHICH}


class ZonedDateTimeField(forms.SplitDateTimeField):
    """A day and a time in the zone of the page."""

    widget: Any = ZonedDateTime
    hidden_widget = HiddenZonedDateTime

    def clean(self, value: Any) -> Any:
        if not isinstance(value, list):
            value = self.widget.decompress(value)
        *parts, offset = (*value, "", "", "")[:3]
        moment = super().clean(parts)
        if moment is None:
            return None
        zone = timezone.get_current_timezone()
        return to_moment(moment.replace(tzinfo=None), zone, offset or "")

    def compress(self, data_list: Any) -> Any:
        # Every clock of UTC is there once; `clean` asks the zone of the page.
        with timezone.override(UTC):
            return super().compress(data_list)

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        if initial is not None and not isinstance(initial, list):
            initial = self.widget.decompress(initial)
        if super().has_changed(initial[:2] if initial else None, data[:2]):
            return True
        before, now = ((*(part or ()), "", "", "")[2] or "" for part in (initial, data))
        return bool(now) and before != now


# For `formfield_overrides`.
MOMENT = {"form_class": ZonedDateTimeField, "widget": ZonedDateTime}


def _local_of(parts: list[Any]) -> datetime | None:
    """Return the time of an input, as it was typed or is stored."""
    try:
        day = forms.DateField(required=False).to_python(parts[0])
        clock = forms.TimeField(required=False).to_python(parts[1])
    except ValidationError:
        return None
    return datetime.combine(day, clock) if day and clock is not None else None
