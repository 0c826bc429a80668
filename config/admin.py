"""The admin site: one subclass of Django's, shared by every page."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.urls import path
from django.utils.functional import SimpleLazyObject


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

    def admin_view(self, view: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the page as people open it: any of them may ask for a PIN."""
        # Imported late: the pages of the apps need this site first.
        from audit.admin.step_up import guarded  # noqa: PLC0415

        return super().admin_view(guarded(view), *args, **kwargs)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from audit.admin.step_up import state_of  # noqa: PLC0415

        # Asked for by whichever template shows it.
        state = SimpleLazyObject(partial(state_of, request))
        return {**super().each_context(request), "step_up": state}

    def get_urls(self) -> list[Any]:
        from audit.admin.step_up import end_view  # noqa: PLC0415
        from config.pin import pin_view  # noqa: PLC0415

        return [
            path("step-up/end/", self.admin_view(end_view), name="step_up_end"),
            path("account/pin/", self.admin_view(pin_view), name="account_pin"),
            *super().get_urls(),
        ]
