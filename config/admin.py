"""The admin site: one subclass of Django's, shared by every page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.urls import path


class LabelledChoices(AutocompleteJsonView):
    """Names each choice the way its page says, since `str()` names nobody."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        rows = list(context["object_list"])
        page: Any = self.model_admin
        page.note_shown(self.request, "searched", rows, query=self.term or None)
        return {**context, "object_list": rows}

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        label = getattr(self.model_admin, "autocomplete_label", str)
        return {"id": str(getattr(obj, to_field_name)), "text": label(obj)}


class HoldfastAdminSite(admin.AdminSite):
    """Django's admin under our name."""

    site_header = "Holdfast"
    site_title = "Holdfast"
    index_title = "Customer hub"

    def get_urls(self) -> list[Any]:
        from config import security  # noqa: PLC0415 - pages need the site

        view = self.admin_view
        pages = [
            path("security/", view(security.monitoring_view), name="security"),
            path("access-review/", view(security.review_view), name="access_review"),
        ]
        return [*pages, *super().get_urls()]

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return LabelledChoices.as_view(admin_site=self)(request)
