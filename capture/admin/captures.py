"""Captures: what came, how it was read, whose it is, what was corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of
from audit.admin.display import draw_table, to_second
from audit.json_text import JsonObject, JsonValue
from audit.privacy.masking import mask_fields
from capture import services
from capture.admin.base import Act, ActPages, ProjectionAdmin, draw_payload
from capture.models import Capture, CapturedValue, CaptureLink, Identifier, Sighting
from customers.admin.base import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec

_REASON = {"label": _("Reason"), "required": True}
_LONGEST_CHOICE = 100


def _captured_values(
    capture: Capture,
    is_unmasked: bool,
) -> list[tuple[str, str]]:
    """Return what can be corrected: each key, with its value if that is seen."""
    try:
        values = services.current_payload(capture)
    except ValueError:
        # Not what was captured: somebody wrote past the hub.
        return []
    if not is_unmasked:
        return [(key, key) for key in sorted(values)]
    return [
        (key, f"{key}: {_display_value(values[key])}"[:_LONGEST_CHOICE])
        for key in sorted(values)
    ]


@admin.register(Capture)
class CaptureAdmin(ActPages, ReadOnlyAdmin):
    is_copy = True
    list_display = (
        "received_at",
        "type",
        "source",
        "trust",
        "occurred_at",
        "customer",
        "notes",
    )
    list_filter = (
        "type",
        "trust",
        "received_at",
        ("link__customer", admin.EmptyFieldListFilter),
    )
    list_select_related = ("source", "link__customer")
    list_needs = ("warnings",)
    search_fields = ("message_id__exact", "email__exact", "user_ref__exact")
    search_help_text = _("A message id, an e-mail or a user id, whole.")
    ordering = ("-received_at", "-id")
    extra_lookups = (
        "source__id__exact",
        "link__customer__id__exact",
        "link__review__id__exact",
    )
    acts: ClassVar[dict[str, Act]] = {
        "correct": {
            "permission": "capture.correct_capture",
            "title": _("Correct a value"),
            "explanation": _(
                "What came is never changed. Your correction stands beside it, with "
                "both values, your name and the reason; pages show the new value."
            ),
            "fields": {
                "key": {"label": _("Value that is wrong"), "required": True},
                "value": {"label": _("Right value (JSON or text)"), "required": True},
                "reason": _REASON,
            },
            "choices": {"key": _captured_values},
        },
    }
    _columns = (
        "received_at",
        "occurred_at",
        "time_source",
        "original_timestamp",
        "sent_at",
        "skew_ms",
        "type",
        "event_name",
        "source",
        "adapter",
        "trust",
        "attempt",
        "gpc",
        "message_id",
        "message_id_origin",
    )
    _identity_columns = ("email", "phone", "user_ref", "anonymous_ref", "previous_ref")

    def get_fieldsets(
        self, request: HttpRequest, obj: Model | None = None
    ) -> _FieldsetSpec:
        payload: _FieldsetSpec = []
        if obj is not None and request.user.has_perm("capture.read_payload", obj):
            payload = [(_("As it came"), {"fields": ("raw_payload",)})]
        return [
            (_("What and when"), {"fields": self._columns}),
            (
                _("Whom"),
                {
                    "fields": (
                        "customer",
                        "rule",
                        "unmatched_because",
                        *self._identity_columns,
                    )
                },
            ),
            (_("Understood as"), {"fields": ("normalised", "stored_values", "notes")}),
            (
                _("Corrections and repeats"),
                {"fields": ("corrections", "sightings", "corrects_id", "replay_of_id")},
            ),
            *payload,
        ]

    @admin.display(description=_("Customer"))
    def customer(self, capture: Capture) -> str:
        link = getattr(capture, "link", None)
        if link is None or link.customer_id is None:
            waits = link is not None and link.review_id is not None
            return gettext("waits for a decision") if waits else gettext("unmatched")
        url = reverse("admin:customers_customer_page", args=[link.customer_id])
        return format_html('<a href="{}">{}</a>', url, link.customer)

    @admin.display(description=_("Linked by"))
    def rule(self, capture: Capture) -> str:
        link = getattr(capture, "link", None)
        return str(link.get_rule_display()) if link and link.rule else "–"

    @admin.display(description=_("Waits for"))
    def unmatched_because(self, capture: Capture) -> str:
        link = getattr(capture, "link", None)
        if link is not None and link.customer_id is not None:
            return "–"
        if link is not None and link.review_id is not None:
            text = gettext("A decision: whose is it?")
            return format_html('<a href="{}">{}</a>', _review_url(link), text)
        return gettext("Somebody who identifies with one of the names below.")

    @admin.display(description=pgettext_lazy("remark", "Notes"))
    def notes(self, capture: Capture) -> str:
        codes = sorted({code for code, _ in capture.warnings or ()})
        return ", ".join(code.replace("_", " ") for code in codes) or "–"

    @admin.display(description=_("Fields"))
    def normalised(self, capture: Capture) -> str:
        return _value_table(capture, services.fields_of(capture))

    @admin.display(description=_("Facts"))
    def stored_values(self, capture: Capture) -> str:
        return _value_table(capture, capture.facts or {})

    @admin.display(description=_("Corrections"))
    def corrections(self, capture: Capture) -> str:
        lines = []
        mask = mask_fields if getattr(capture, "is_masked", False) else dict
        for correction in services.corrections_of(capture.pk):
            note = services.correction_note(correction)
            former = mask(note.get("former", {}))
            for key, value in mask(note.get("changed", {})).items():
                before = _display_value(former.get(key))
                text = gettext("%(before)s → %(after)s, because: %(reason)s") % {
                    "before": before,
                    "after": _display_value(value),
                    "reason": note.get("reason"),
                }
                received = localtime(correction.received_at)
                moment = date_format(received, "SHORT_DATETIME_FORMAT")
                lines.append((f"{moment} {key}", text))
        return draw_table(lines) if lines else gettext("none")

    @admin.display(description=_("Came again"))
    def sightings(self, capture: Capture) -> str:
        again = list(services.list_sightings(capture)[:50])
        times = ((to_second(localtime(s.received_at)),) for s in again)
        return format_html_join(", ", "{}", times) if again else gettext("never")

    @admin.display(description=_("Payload"))
    def raw_payload(self, capture: Capture) -> str:
        payload = capture.payload
        return gettext("erased") if payload is None else draw_payload(payload)

    def correct(
        self, request: HttpRequest, capture: Capture, values: dict[str, str]
    ) -> str:
        key = values["key"]
        if key not in services.current_payload(capture):
            msg = gettext(
                "Choose the value that is wrong, of those that the capture has."
            )
            raise ValidationError(msg)
        services.correct_capture(
            capture,
            {key: _value_of(values["value"])},
            actor=actor_of(request),
            reason=values["reason"],
        )
        return gettext("The correction is recorded. What came stands beside it.")


def _review_url(link: CaptureLink) -> str:
    return reverse("admin:capture_identityreview_change", args=[link.review_id])


def _value_of(text: str) -> JsonValue:
    try:
        return services.read_value(text)
    except ValueError:
        return text


def _display_value(value: object) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else services.write_value(value)


def _value_table(capture: Capture, values: JsonObject) -> str:
    if getattr(capture, "is_masked", False):
        values = mask_fields(values)
    return draw_table((name, _display_value(values[name])) for name in sorted(values))


@admin.register(CaptureLink)
class CaptureLinkAdmin(ProjectionAdmin):
    list_display = ("linked_at", "customer", "rule", "capture")
    list_filter = ("rule", ("customer", admin.EmptyFieldListFilter))
    list_select_related = ("customer", "capture")
    search_fields = ("customer__unique_id__istartswith",)
    ordering = ("-linked_at", "-id")


@admin.register(Sighting)
class SightingAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "source", "message_id", "attempt")
    list_filter = ("received_at",)
    list_select_related = ("source",)
    search_fields = ("message_id__exact",)
    ordering = ("-received_at", "-id")
    extra_lookups = ("capture__id__exact", "quarantine__id__exact")


@admin.register(Identifier)
class IdentifierAdmin(ProjectionAdmin):
    list_display = ("created_at", "customer", "kind")
    list_filter = ("kind",)
    search_fields = ("value__exact",)
    ordering = ("-created_at", "-id")


@admin.register(CapturedValue)
class CapturedValueAdmin(ProjectionAdmin):
    list_display = ("occurred_at", "customer", "field", "trust")
    list_filter = ("field", "trust")
    search_fields = ("customer__unique_id__istartswith",)
    ordering = ("-occurred_at", "-id")
