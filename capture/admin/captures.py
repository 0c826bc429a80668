"""Captures and what was read from them, to be read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from audit.admin.base import readable_columns
from capture.models import Capture, CaptureLink, Login, Signup
from customers.admin.base import ReadOnlyAdmin


@admin.register(Capture)
class CaptureAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "type", "source", "trust", "occurred_at", "customer")
    list_filter = ("type", "trust", "received_at")
    list_select_related = ("source", "link__customer")
    search_fields = ("message_id__exact", "email__exact", "user_ref__exact")
    search_help_text = "A message id, an e-mail or a user id, whole."
    ordering = ("-received_at", "-id")
    extra_lookups = ("source__id__exact",)

    @admin.display(description="Customer")
    def customer(self, row: Capture) -> str:
        link = getattr(row, "link", None)
        return str(link.customer) if link and link.customer_id else "–"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return readable_columns(Capture, {"salt", "commitment", "raw", "fingerprint"})


class CustomerRowAdmin(ReadOnlyAdmin):
    """A projection of a customer's captures."""

    list_select_related: ClassVar[tuple[str, ...]] = ("customer",)
    extra_lookups = ("customer__id__exact",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return readable_columns(self.model, {"id"})


@admin.register(CaptureLink)
class CaptureLinkAdmin(CustomerRowAdmin):
    list_display = ("linked_at", "customer", "rule", "capture")
    list_filter = ("rule", ("customer", admin.EmptyFieldListFilter))
    list_select_related = ("customer", "capture")
    search_fields = ("customer__unique_id__istartswith",)
    ordering = ("-linked_at", "-id")


@admin.register(Signup)
class SignupAdmin(CustomerRowAdmin):
    list_display = ("signup_date", "customer", "plan", "signup_source", "trust")
    list_filter = ("trust", "signup_date")
    search_fields = ("email__exact", "customer__unique_id__istartswith")
    ordering = ("-occurred_at", "-id")


@admin.register(Login)
class LoginAdmin(CustomerRowAdmin):
    list_display = ("login_time", "customer", "login_method", "success", "trust")
    list_filter = ("success", "trust")
    search_fields = ("email__exact", "customer__unique_id__istartswith")
    ordering = ("-occurred_at", "-id")
