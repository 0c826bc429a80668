"""What the pages of captures share: a page that asks for a reason before an act."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NotRequired, TypedDict
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html

from audit.admin.base import Context, readable_columns, render_page
from audit.admin.step_up import require_step_up
from audit.ids import parse_uuid
from audit.json_text import indent_json
from customers.admin.base import HubScopedAdmin, ReadOnlyAdmin

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Beyond these a text stands as it came: the page would be many times as long.
_MOST_LEVELS = 20
_MOST_CHARACTERS = 64 * 1024


class Act(TypedDict):
    """What a page below a row does, who may, and what it asks for."""

    permission: str
    title: _StrOrPromise
    explanation: _StrOrPromise
    # Of each field its label, and whether it is `required` or `is_long`.
    fields: dict[str, dict[str, object]]
    # What is chosen in a field: values and words. It is given the row, and whether the
    # person sees it in clear.
    choices: NotRequired[dict[str, Callable[[Any, bool], list[tuple[str, str]]]]]
    # What the fields hold at first; it is given the row.
    initial: NotRequired[Callable[[Any], dict[str, str]]]
    # The scope of the step-up that a dangerous act needs.
    step_up: NotRequired[str]
    level: NotRequired[int]


def draw_payload(text: str) -> str:
    """Draw what was sent: JSON with one member on each line, anything else as it is."""
    is_short = len(text) <= _MOST_CHARACTERS
    text = indent_json(text, _MOST_LEVELS) if is_short else text
    return format_html("<pre>{}</pre>", text)


class ActPages(HubScopedAdmin):
    """Pages below a row that do one thing to it, after asking for what it needs.

    The method of each name in `acts` does it: it is given the request, the row and
    what was typed, and returns what is said afterwards. The link to each page is above
    the row's own page.
    """

    change_form_template = "admin/capture/change_form.html"
    acts: ClassVar[dict[str, Act]] = {}

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"<uuid:pk>/{name}/",
                self.admin_site.admin_view(self._page(name)),
                name=self.page_name(name),
            )
            for name in self.acts
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        links = [
            (act["title"], self.page_url(name, object_id))
            for name, act in self.acts.items()
            if request.user.has_perm(act["permission"]) and parse_uuid(object_id)
        ]
        extra_context = {**(extra_context or {}), "act_links": links}
        return super().change_view(request, object_id, form_url, extra_context)

    def _page(self, name: str) -> Callable[..., HttpResponse]:
        act = self.acts[name]

        def view(request: HttpRequest, pk: UUID) -> HttpResponse:
            if not request.user.has_perm(act["permission"]):
                raise PermissionDenied
            instance: Model = self.get_or_404(request, pk)
            if not request.user.has_perm(act["permission"], instance):
                raise PermissionDenied
            self.note_access(request, "viewed", [instance], target=instance)
            values = self._values(request, act, instance)
            error = ""
            if request.method == "POST":
                try:
                    return self._done(request, name, instance, values)
                except ValidationError as refused:
                    error = " ".join(refused.messages)
            is_unmasked = self.can_see_unmasked(request, instance)
            choices = {
                name: choices_of(instance, is_unmasked)
                for name, choices_of in act.get("choices", {}).items()
            }
            fields = [
                {
                    "name": name,
                    "value": values[name],
                    "choices": choices.get(name),
                    **spec,
                }
                for name, spec in act["fields"].items()
            ]
            return render_page(
                request,
                "admin/capture/act.html",
                str(act["title"]),
                opts=self.opts,
                original=instance,
                explanation=act["explanation"],
                fields=fields,
                error=error,
            )

        return view

    def _values(
        self, request: HttpRequest, act: Act, instance: Model
    ) -> dict[str, str]:
        if request.method == "POST":
            return {name: request.POST.get(name, "") for name in act["fields"]}
        initial = act["initial"](instance) if "initial" in act else {}
        return {name: initial.get(name, "") for name in act["fields"]}

    def _done(
        self, request: HttpRequest, name: str, instance: Model, values: dict[str, str]
    ) -> HttpResponse:
        act = self.acts[name]
        if "step_up" in act:
            require_step_up(request, act["step_up"], what=f"{act['title']} {instance}")
        message = getattr(self, name)(request, instance, values)
        self.message_user(request, message, act.get("level", messages.SUCCESS))
        return HttpResponseRedirect(self.page_url("change", instance.pk))


class ProjectionAdmin(ReadOnlyAdmin):
    """A page of rows that a rebuild makes again."""

    is_copy = True

    list_select_related: ClassVar[tuple[str, ...]] = ("customer",)
    extra_lookups = ("customer__id__exact",)

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        return readable_columns(self.model, {"id"})
