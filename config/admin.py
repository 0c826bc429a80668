"""The admin site: one subclass of Django's, shared by every page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest


class LabelledChoices(AutocompleteJsonView):
    """Names each choice the way its page says, since `str()` names nobody."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        label = getattr(self.model_admin, "autocomplete_label", str)
        return {"id": str(getattr(obj, to_field_name)), "text": label(obj)}


class HoldfastAdminSite(admin.AdminSite):
    """Django's admin under our name."""

    site_header = "Holdfast"
    site_title = "Holdfast"
    index_title = "Customer hub"

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return LabelledChoices.as_view(admin_site=self)(request)
