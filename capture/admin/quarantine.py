"""What could not be taken: look at it, repair it, replay it, or discard it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of
from audit.admin.bulk import BulkAct, BulkActs
from audit.admin.keyboard import register_jump
from audit.admin.once import repeatable
from audit.tenancy.actors import Actor
from capture import services
from capture.admin.base import Act, ActPages, draw_payload
from capture.choices import Decision, IngestStatus
from capture.models import Quarantine, QuarantineDecision, RefusalCount
from customers.admin.base import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from capture.models.quarantine import QuarantineQuerySet


class StateFilter(admin.SimpleListFilter):
    """Open items first: those are the work."""

    title = _("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, _StrOrPromise]]:
        return [("open", gettext("Open")), *Decision.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Quarantine]
    ) -> QuerySet[Quarantine]:
        if self.value() == "open":
            return queryset.filter(decisions=None)
        if self.value():
            return queryset.filter(decisions__decision=self.value())
        return queryset


def _check(items: QuarantineQuerySet, actor: Actor) -> None:
    if items.visible_to(actor, "capture.replay_quarantine").count() < items.count():
        msg = gettext("Some of these items are not yours to replay.")
        raise ValidationError(msg, code="not_found")


def _replay(ids: list[UUID], actor: Actor, reason: str) -> str:
    items = services.list_quarantined(actor=actor).filter(pk__in=ids).order_by("pk")
    taken = services.replay_all(items, actor=actor, reason=reason or None)
    return ngettext(
        "%(taken)s of %(count)s items are captures now.",
        "%(taken)s of %(count)s items are captures now.",
        len(ids),
    ) % {"taken": taken, "count": len(ids)}


REPLAY = BulkAct(
    _("replay"),
    _check,
    _replay,
    "capture.tasks.replay_quarantine",
    _("What is still wrong stays in quarantine."),
    needs_reason=False,
    # Each item in a transaction of its own; what was taken is not taken again.
    is_repeatable=True,
)


@admin.register(Quarantine)
class QuarantineAdmin(BulkActs, ActPages, ReadOnlyAdmin):
    is_copy = True
    event_prefix = "quarantine"
    list_display = ("received_at", "code", "source", "type", "times_seen", "state")
    list_filter = (StateFilter, "code", "type", "received_at")
    list_select_related = ("source",)
    search_fields = ("message_id__exact",)
    ordering = ("-received_at", "-id")
    actions = ("replay_all",)
    acts: ClassVar[dict[str, Act]] = {
        "replay": {
            "permission": "capture.replay_quarantine",
            "title": _("Replay"),
            "explanation": _(
                "Take the item after all, as it is or as you correct it here. The "
                "original stays as it came."
            ),
            "initial": lambda quarantined: {"item": quarantined.item or ""},
            "fields": {
                "item": {"label": _("Item (JSON)"), "is_long": True},
                "reason": {"label": _("Reason")},
            },
        },
        "discard": {
            "permission": "capture.discard_quarantine",
            "title": _("Discard"),
            "explanation": _("Say that the item is not to be taken. It stays here."),
            "fields": {"reason": {"label": _("Reason"), "required": True}},
        },
    }
    _columns = (
        "received_at",
        "code",
        "message",
        "pointer",
        "stage",
        "source",
        "adapter",
        "type",
        "trust",
        "message_id",
        "times_seen",
        "state",
    )

    def get_visible(self, actor: Actor) -> QuarantineQuerySet:
        items = cast("QuarantineQuerySet", super().get_visible(actor))
        return items.with_outcome()

    def get_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        if obj is not None and request.user.has_perm("capture.read_payload", obj):
            return (*self._columns, "what_came")
        return self._columns

    @admin.display(description=_("Seen"))
    def times_seen(self, item: Quarantine) -> int:
        return item.times_seen  # type: ignore[attr-defined]  # by `with_outcome`

    @admin.display(description=_("State"))
    def state(self, item: Quarantine) -> str:
        decision = item.newest_decision
        return str(decision.get_decision_display()) if decision else gettext("Open")

    @admin.display(description=_("What came"))
    def what_came(self, item: Quarantine) -> str:
        return draw_payload(item.item) if item.item else gettext("not kept")

    def replay(
        self, request: HttpRequest, quarantined: Quarantine, values: dict[str, str]
    ) -> str:
        text = values["item"].strip()
        changed = text if text != (quarantined.item or "").strip() else None
        result = services.replay_quarantined(
            quarantined,
            actor=actor_of(request),
            text=changed,
            reason=values["reason"] or None,
        )
        if result.status in (IngestStatus.QUARANTINED, IngestStatus.CONFLICT):
            place = result.pointer or gettext("The item")
            msg = f"{place}: {result.detail}"
            raise ValidationError(msg, code=result.code or "invalid")
        if not result.items:
            return gettext("Replayed: the item is a capture now.")
        wrong = sum(item.quarantine_id is not None for item in result.items)
        return gettext(
            "Replayed: %(taken)s of %(count)s items are captures now; %(wrong)s are in "
            "quarantine by themselves."
        ) % {
            "taken": len(result.items) - wrong,
            "count": len(result.items),
            "wrong": wrong,
        }

    def discard(
        self, request: HttpRequest, quarantined: Quarantine, values: dict[str, str]
    ) -> str:
        services.discard_quarantined(
            quarantined, actor=actor_of(request), reason=values["reason"]
        )
        return gettext("Discarded. The item stays here for the record.")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("capture.replay_quarantine")

    @admin.action(description=_("Replay…"), permissions=["replay"])
    @repeatable
    def replay_all(
        self, request: HttpRequest, queryset: QuarantineQuerySet
    ) -> HttpResponse | None:
        return self.act_on_many(request, queryset, REPLAY)


@admin.register(QuarantineDecision)
class QuarantineDecisionAdmin(ReadOnlyAdmin):
    list_display = ("decided_at", "decision", "quarantine")
    list_filter = ("decision", "decided_at")
    list_select_related = ("quarantine",)
    ordering = ("-decided_at", "-id")
    extra_lookups = ("quarantine__id__exact",)


@admin.register(RefusalCount)
class RefusalCountAdmin(ReadOnlyAdmin):
    list_display = ("hour", "code", "count", "source")
    fields = list_display
    list_filter = ("code", "hour")
    list_select_related = ("source",)
    ordering = ("-hour", "-id")
    extra_lookups = ("source__id__exact",)


register_jump("q", _("Quarantine"), "capture.quarantine")
