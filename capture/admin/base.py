"""What the pages of captures share: a page that asks for a reason before an act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path

from audit.admin.base import readable_columns
from audit.admin.step_up import require_step_up
from audit.ids import parse_uuid
from customers.admin.base import HubScopedAdmin, ReadOnlyAdmin

__all__ = ["ActPages", "ProjectionAdmin", "ReadOnlyAdmin", "readable_columns"]

Act = Callable[[HttpRequest, Any, dict[str, str]], str]


class ActPages(HubScopedAdmin):
    """Pages below a row that do one thing to it, after asking for what it needs.

    `acts` names for each page its permission, title, method and fields, and for a
    dangerous act the `step_up` that it needs. The link to a page is above the row's
    own page.
    """

    change_form_template: ClassVar[Any] = "admin/capture/change_form.html"
    acts: ClassVar[dict[str, dict[str, Any]]] = {}

    def get_urls(self) -> list[Any]:
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
        extra: Any = None,
    ) -> Any:
        links = [
            (act["title"], self.page_url(name, object_id))
            for name, act in self.acts.items()
            if request.user.has_perm(act["permission"]) and parse_uuid(object_id)
        ]
        extra = {**(extra or {}), "act_links": links}
        return super().change_view(request, object_id, form_url, extra)

    def _page(self, name: str) -> Callable[..., HttpResponse]:
        act = self.acts[name]

        def view(request: HttpRequest, pk: UUID) -> HttpResponse:
            if not request.user.has_perm(act["permission"]):
                raise PermissionDenied
            instance = self.get_object(request, str(pk))
            if instance is None:
                raise Http404
            if not request.user.has_perm(act["permission"], instance):
                raise PermissionDenied
            self.note_access(request, "viewed", [instance], target=instance)
            values = self._values(request, act, instance)
            error = ""
            if request.method == "POST":
                try:
                    return self._done(request, act, instance, values)
                except ValidationError as refused:
                    error = " ".join(refused.messages)
            return self._ask(request, act, instance, values, error)

        return view

    def _values(self, request: HttpRequest, act: Any, instance: Any) -> dict[str, str]:
        if request.method == "POST":
            return {name: request.POST.get(name, "") for name in act["fields"]}
        start = act.get("initial")
        given = start(instance) if start else {}
        return {name: given.get(name, "") for name in act["fields"]}

    def _done(
        self, request: HttpRequest, act: Any, instance: Any, values: dict[str, str]
    ) -> HttpResponse:
        if "step_up" in act:
            require_step_up(request, act["step_up"], what=f"{act['title']} {instance}")
        message = getattr(self, act["method"])(request, instance, values)
        self.message_user(request, message, act.get("level", messages.SUCCESS))
        return HttpResponseRedirect(self.page_url("change", instance.pk))

    def _ask(
        self,
        request: HttpRequest,
        act: Any,
        instance: Any,
        values: dict[str, str],
        error: str,
    ) -> HttpResponse:
        fields = [
            {"name": name, "value": values[name], **spec}
            for name, spec in act["fields"].items()
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": act["title"],
            "opts": self.opts,
            "original": instance,
            "explanation": act["explanation"],
            "fields": fields,
            "error": error,
        }
        response = TemplateResponse(request, "admin/capture/act.html", context)
        response["Cache-Control"] = "no-store"
        return response


class ProjectionAdmin(ReadOnlyAdmin):
    """A page of rows that a rebuild makes again."""

    is_copy = True

    list_select_related: ClassVar[Any] = ("customer",)
    extra_lookups = ("customer__id__exact",)

    def get_fields(self, request: HttpRequest, obj: object = None) -> Any:
        return readable_columns(self.model, {"id"})
