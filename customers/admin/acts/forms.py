"""What the forms of acts share: who acts on whom, and fields that several have."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.translation import gettext_lazy as _

from audit.admin.base import Context, LabelsAbove
from audit.admin.zoned_times import offer_offsets, which_select
from audit.datetimes import parse_day, to_moment
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, Customer
from customers.models.fields import AmountFormField

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

CHOOSE = ("", _("Choose…"))
_REASON, _AMOUNT = _("Reason"), _("Amount")
_MOMENT = "%Y-%m-%dT%H:%M"
_LOCAL_DAY = re.compile(r"[0-9]{1,2}([./])[0-9]{1,2}\1[0-9]{4}")


class ActForm(LabelsAbove, forms.Form):
    """A form about one customer. Its fields are called as the service calls them."""

    required_css_class = "required"
    # The field in which typing begins; the first one if unsaid.
    focus: ClassVar[str] = ""
    # Which field a refusal of the service is about, by its code.
    field_of_code: ClassVar[dict[str, str]] = {}
    # What there is to know before one acts.
    remark = ""

    def __init__(
        self,
        *args: Any,
        customer: Customer,
        actor: Actor,
        is_unmasked: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.customer, self.actor, self.is_unmasked = customer, actor, is_unmasked
        self.prepare()
        if not self.is_bound and self.fields:
            field = self.fields[self.focus or next(iter(self.fields))]
            field.widget.attrs["autofocus"] = True

    def prepare(self) -> None:
        """Set what depends on the customer, such as choices."""

    def refuse(self, error: ValidationError) -> None:
        """Say what the service refused, at the field that it is about."""
        if hasattr(error, "error_dict"):
            for name, errors in error.error_dict.items():
                self.add_error(name if name in self.fields else None, errors)
            return
        for each in error.error_list:
            self.add_error(self.field_of_code.get(each.code or ""), each)


def text_field(label: _StrOrPromise, **options: Any) -> forms.CharField:
    """Return a field for one line."""
    widget = forms.TextInput(attrs={"class": "vTextField"})
    return forms.CharField(label=label, widget=widget, **options)


def long_text_field(
    label: _StrOrPromise, *, height: int = 5, **options: Any
) -> forms.CharField:
    """Return a field for a text of several lines, of the length that the API takes."""
    widget = forms.Textarea(attrs={"class": "vLargeTextField", "rows": height})
    return forms.CharField(label=label, max_length=20_000, widget=widget, **options)


def reason_field(label: _StrOrPromise = _REASON, **options: Any) -> forms.CharField:
    """Return the field for why something is done; it stands in the trail."""
    options.setdefault("help_text", _("Kept in the history and the trail."))
    return text_field(label, max_length=500, **options)


class AmountField(AmountFormField):
    """Takes a number as its reader writes it, in groups of thousands, too.

    Django leaves the sign of a group where it is, and reads a German 1.500 as 1,50.
    """

    def to_python(self, value: object) -> Any:
        if isinstance(value, str) and _grouped().fullmatch(value.strip()):
            value = value.strip().replace(get_format("THOUSAND_SEPARATOR"), "")
        return super().to_python(value)


def _grouped() -> re.Pattern[str]:
    group, point = (
        re.escape(get_format(name))
        for name in ("THOUSAND_SEPARATOR", "DECIMAL_SEPARATOR")
    )
    return re.compile(rf"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{point}[0-9]*)?")


def amount_field(label: _StrOrPromise = _AMOUNT, **options: Any) -> forms.DecimalField:
    """Return a field for an amount, typed as the reader writes numbers.

    Its currency says how many decimals it has.
    """
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return AmountField(
        label=label,
        max_digits=15,
        decimal_places=3,
        min_value=Decimal("0.001"),
        widget=widget,
        localize=True,
        **options,
    )


def choice_field(
    label: _StrOrPromise, choices: Any, *, widget: Any = None, **options: Any
) -> forms.ChoiceField:
    """Return a field in which something has to be chosen."""
    return forms.ChoiceField(label=label, choices=choices, widget=widget, **options)


class ChosenField(forms.TypedChoiceField):
    """A choice among objects that an act can be done with; its value is one of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=(), **options)

    def offer(self, offered: dict[str, tuple[Any, str]], chosen: str = "") -> None:
        """Set each value and its words by key; the only one, or `chosen`, is chosen."""
        self.coerce = lambda key: offered[key][0]
        first = [] if len(offered) == 1 else [CHOOSE]
        self.choices = [*first, *((key, words) for key, (_, words) in offered.items())]
        if chosen in offered:
            self.initial = chosen


class BookingField(forms.TypedChoiceField):
    """A choice among bookings; its value is the booking."""

    def offer(self, bookings: dict[Booking, str]) -> None:
        """Set the bookings, each with what stands beside its reference."""
        by_key = {str(booking.pk): booking for booking in bookings}
        self.coerce = by_key.get
        self.choices = [
            CHOOSE,
            *((str(b.pk), f"{b.reference}, {words}") for b, words in bookings.items()),
        ]
        if len(bookings) == 1:
            [self.initial] = by_key


def booking_words(booking: Booking) -> str:
    """Return the day and the total of a booking."""
    day = booking.business.local_day(booking.placed_at)
    total = services.format_money(booking.total_amount, booking.currency)
    return f"{date_format(day, 'SHORT_DATE_FORMAT')}, {total}"


class BusinessTimeInput(forms.MultiWidget):
    """A day and a time in one input, and where there is one, the choice which."""

    template_name = "admin/widgets/business_time.html"
    use_fieldset = False
    zone: ZoneInfo | None = None

    def __init__(self) -> None:
        attrs = {"type": "datetime-local"}
        moment = forms.DateTimeInput(attrs=attrs, format=_MOMENT)
        super().__init__({"": moment, "offset": which_select()})

    def decompress(self, value: Any) -> list[Any]:
        return [value, ""]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else ""

    def get_context(self, name: str, value: Any, attrs: Any) -> Context:
        parts = value if isinstance(value, list) else self.decompress(value)
        select: Any = self.widgets[1]
        has_choice = offer_offsets(select, _typed(parts[0]), self.zone)
        context: Context = super().get_context(name, parts, attrs)
        if not has_choice:
            del context["widget"]["subwidgets"][1]
        return context


class BusinessTimeField(forms.DateTimeField):
    """A day and a time in the zone of a business, set before it is drawn or read."""

    zone: ZoneInfo | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=BusinessTimeInput(), **options)

    def use_zone(self, zone: ZoneInfo) -> None:
        """Let what is typed be of this zone."""
        self.zone = self.widget.zone = zone

    def to_python(self, value: Any) -> datetime | None:
        text, offset = value if isinstance(value, list) else (value, "")
        # Every clock of UTC is there once; the zone is asked below.
        with timezone.override(UTC):
            moment = super().to_python(text)
        zone = self.zone or timezone.get_current_timezone()
        if moment is None:
            return None
        return to_moment(moment.replace(tzinfo=None), zone, offset or "")


def _typed(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text), _MOMENT)  # noqa: DTZ007 - of a clock
    except ValueError:
        return None


class DayField(forms.DateField):
    """A day, with the calendar of the browser."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, **options)

    def to_python(self, value: Any) -> date | None:
        text = str(value or "").strip()
        if _LOCAL_DAY.fullmatch(text):
            # Typed where the browser has no calendar, as the language writes it.
            text = str(super().to_python(text))
        return parse_day(text) if text else None
