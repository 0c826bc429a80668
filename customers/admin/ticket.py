"""Tickets and their messages."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.admin.conflicts import RevisedAdmin
from audit.admin.inlines import TrackedInline
from audit.admin.keyboard import register_jump
from customers.admin.base import CustomerChildAdmin
from customers.admin.exchange import ExchangeChildAdmin
from customers.models import Ticket, TicketMessage


class MessageInline(TrackedInline):
    model = TicketMessage
    fk_name = "ticket"
    fields = ("author_kind", "is_internal", "body", "sent_at")
    readonly_fields = ("sent_at",)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # What was said stays; a correction is a further message.
        return False


@admin.register(Ticket)
class TicketAdmin(RevisedAdmin, ExchangeChildAdmin):
    list_display = (
        "number",
        "subject",
        "customer",
        "status",
        "priority",
        "assignee",
        "opened_at",
    )
    list_filter = ("status", "priority", "channel", "opened_at")
    list_select_related = ("customer", "business", "assignee")
    search_fields = ("number__exact", "subject", "customer__unique_id__istartswith")
    ordering = ("-opened_at", "-id")
    autocomplete_fields = ("customer", "booking", "assignee")
    readonly_fields = (
        "number",
        "first_response_due_at",
        "first_responded_at",
        "resolution_due_at",
        "resolved_at",
        "closed_at",
        "created_at",
        "updated_at",
    )
    inlines = (MessageInline,)

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        # Colleagues are a short list; the page of accounts is not for everybody.
        names = list(super().get_autocomplete_fields(request))
        if request.user.has_perm("audit.view_user"):
            return names
        return [name for name in names if name != "assignee"]


@admin.register(TicketMessage)
class TicketMessageAdmin(CustomerChildAdmin):
    parent_field = "ticket"
    autocomplete_fields = ("ticket",)
    list_display = ("ticket", "author_kind", "is_internal", "sent_at")
    list_filter = ("author_kind", "is_internal")
    list_select_related = ("ticket",)
    search_fields = ("ticket__number__exact",)
    ordering = ("sent_at", "id")
    extra_lookups = ("ticket__id__exact",)
    fixed_fields = ("author_kind", "is_internal")
    readonly_fields = ("sent_at", "created_at", "updated_at")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # What was said stays; the text of an internal note is its author's.
        if isinstance(obj, TicketMessage):
            is_author = obj.author_id == request.user.pk
            if not obj.is_internal or not is_author:
                return False
        return super().has_change_permission(request, obj)


register_jump("t", _("Tickets"), "customers.ticket")
