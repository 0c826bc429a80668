"""Customers: the list, the form with what belongs to them, archive and restore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from audit.admin.base import Context, actor_of
from audit.admin.bulk import BulkAct, BulkActs
from audit.admin.keyboard import register_jump
from audit.admin.once import repeatable
from audit.admin.tracked import TrackedForm
from audit.privacy.invisible import with_visible_bidi
from audit.privacy.masking import SEE_UNMASKED, mask_text
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.customer_page import CustomerPage
from customers.admin.customer_tabs import DUPLICATE_REASONS
from customers.admin.exchange import ExchangeAdmin
from customers.admin.inlines import (
    AddressInline,
    BookingInline,
    ContactInline,
    FlagInline,
    NoteInline,
    PreferencesInline,
    TicketInline,
)
from customers.models import Customer, CustomerQuerySet

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices
    from django.contrib.admin.options import _FieldsetSpec, _ListDisplayT


class CustomerForm(TrackedForm):
    """Refuses to overwrite what somebody else saved since the form was opened."""

    opened_rev = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "opened_rev" in self.fields and not self.instance._state.adding:
            self.fields["opened_rev"].initial = self.instance.rev

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        opened = cleaned.pop("opened_rev", None)
        is_old = opened is not None and opened != self.instance.rev
        if is_old and not self.instance._state.adding:
            msg = (
                "Somebody saved this customer while you were writing. Nothing of yours "
                "was saved. Open the page again, look at the changes, and repeat yours."
            )
            raise ValidationError(msg, code="stale_version")
        return cleaned


class ArchivedFilter(admin.SimpleListFilter):
    """Live customers, unless the archived ones are asked for."""

    title = "archived"
    parameter_name = "archived"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [("yes", "Archived"), ("all", "All")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        if self.value() == "all":
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != "yes")

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        choices = super().choices(changelist)
        for number, choice in enumerate(choices):
            yield {**choice, "display": "Live"} if number == 0 else choice


class LookAlikeFilter(admin.SimpleListFilter):
    """Customers who may be taken for others of their business."""

    title = "possible duplicates"
    parameter_name = "alike"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [("yes", "E-mail or name looks like another's")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        if self.value() != "yes":
            return queryset
        customers = services.list_customers(actor=actor_of(request))
        alike = customers.looking_alike().order_by()
        return queryset.filter(pk__in=alike.values("pk"))


def _check(customers: QuerySet[Customer], actor: Actor) -> None:
    services.check_archivable(customers, actor=actor)


def _archive(ids: list[UUID], actor: Actor, reason: str) -> str:
    done = len(services.archive_customers(ids, actor=actor, reason=reason))
    return f"Archived {done} {'customer' if done == 1 else 'customers'}."


def _restore(ids: list[UUID], actor: Actor, reason: str) -> str:
    done = len(services.restore_customers(ids, actor=actor, reason=reason))
    return f"Restored {done} {'customer' if done == 1 else 'customers'}."


_BACK = "Nothing is deleted; both acts can be taken back."
ARCHIVE = BulkAct(
    "archive", _check, _archive, "customers.tasks.archive_customers", _BACK
)
RESTORE = BulkAct(
    "restore", _check, _restore, "customers.tasks.restore_customers", _BACK
)


@admin.register(Customer)
class CustomerAdmin(BulkActs, CustomerPage, ExchangeAdmin):
    form = CustomerForm
    list_display = (
        "name_or_reference",
        "email",
        "phone",
        "status",
        "orders",
        "spent",
        "tier",
        "open_tickets",
        "joined_at",
    )
    list_filter = (
        ArchivedFilter,
        "status",
        "customer_type",
        "stats__repeat_frequency",
        "stats__is_opted_in",
        LookAlikeFilter,
        "joined_at",
    )
    list_select_related = ("stats", "business")
    search_fields = ("name",)
    search_help_text = "Name, e-mail, phone in any format, reference or external id."
    ordering = ("-joined_at", "-id")
    actions = ("archive", "restore")
    inlines = (
        PreferencesInline,
        AddressInline,
        ContactInline,
        NoteInline,
        FlagInline,
        BookingInline,
        TicketInline,
    )
    autocomplete_fields = ("business",)
    readonly_fields = (
        "unique_id",
        "figures",
        "archived_at",
        "archive_reason",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (None, {"fields": ("business", "name", "email", "phone", "unique_id")}),
        ("Figures", {"fields": ("figures",)}),
        (
            "State",
            {
                "fields": (
                    "status",
                    "customer_type",
                    "is_email_verified",
                    "email_bounced_at",
                    "joined_at",
                )
            },
        ),
        (
            "Origin",
            {
                "classes": ("collapse",),
                "fields": (
                    "external_id",
                    "signup_method",
                    "source",
                    "location",
                    "archived_at",
                    "archive_reason",
                    "created_at",
                    "updated_at",
                ),
            },
        ),
    )

    # --- columns ----------------------------------------------------------------

    @admin.display(description="Name", ordering="order_name")
    def name_or_reference(self, customer: Customer) -> str:
        return customer.name or customer.unique_id

    @admin.display(description="Orders", ordering="stats__total_orders")
    def orders(self, customer: Customer) -> int:
        return customer.stats.total_orders

    @admin.display(description="Spent", ordering="stats__total_spent")
    def spent(self, customer: Customer) -> str:
        return services.format_money(
            customer.stats.total_spent, customer.business.currency
        )

    @admin.display(description="Tier", ordering="stats__repeat_frequency")
    def tier(self, customer: Customer) -> str | None:
        return customer.stats.get_repeat_frequency_display()

    @admin.display(description="Open tickets", ordering="stats__open_tickets")
    def open_tickets(self, customer: Customer) -> int:
        return customer.stats.open_tickets

    @admin.display(description="Figures")
    def figures(self, customer: Customer) -> str:
        if customer._state.adding:
            return "-"
        stats, currency = customer.stats, customer.business.currency
        bookings = reverse("admin:customers_booking_changelist")
        link = f"{bookings}?customer__id__exact={customer.pk}"
        average = stats.avg_transaction_value
        return format_html(
            '<a href="{}">{} orders</a>, {} completed, {} cancelled. '
            "Spent {}, average {}. Tier {}. {} open tickets, {} urgent. "
            "Last purchase {}, last login {}.",
            link,
            stats.total_orders,
            stats.completed_orders,
            stats.cancelled_orders,
            services.format_money(stats.total_spent, currency),
            "–" if average is None else services.format_money(average, currency),
            stats.get_repeat_frequency_display() or "–",
            stats.open_tickets,
            stats.urgent_tickets,
            stats.last_purchase_date or "never",
            stats.last_login_at or "never",
        )

    def autocomplete_label(self, customer: Customer) -> str:
        name = with_visible_bidi(mask_text(customer.name or ""))
        return f"{name} · {customer.unique_id}"

    # --- the list and the form --------------------------------------------------

    def get_list_display(self, request: HttpRequest) -> _ListDisplayT[Customer]:
        # Who works for one business needs no column that names it.
        businesses = services.list_businesses(actor=actor_of(request))[:2]
        more = ("business",) if len(businesses) > 1 else ()
        return (*super().get_list_display(request), *more)

    def get_fieldsets(self, request: HttpRequest, obj: object = None) -> _FieldsetSpec:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None and self.has_change_permission(request, obj):
            fieldsets[-1][1]["fields"] = ("change_reason", "opened_rev")
        return fieldsets

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        customer: Customer | None = context["original"]
        if customer is not None and customer.is_live:
            actor = actor_of(request)
            duplicates = services.find_possible_duplicates(customer, actor=actor)
            context["possible_duplicates"] = [
                (duplicate, DUPLICATE_REASONS[reason])
                for duplicate, reason in duplicates
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def get_visible(self, actor: Actor) -> CustomerQuerySet:
        customers = cast("CustomerQuerySet", super().get_visible(actor))
        return services.with_order_name(customers, actor=actor)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[CustomerQuerySet, bool]:
        if not search_term:
            return queryset, False
        seen_in = actor_of(request).businesses_for(SEE_UNMASKED)
        return queryset.matching(search_term, seen_in=seen_in), False

    # --- acts -------------------------------------------------------------------

    def has_archive_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.ARCHIVE)

    @admin.action(description="Archive…", permissions=["archive"])
    @repeatable
    def archive(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> HttpResponse | None:
        return self.act_on_many(request, queryset, ARCHIVE)

    @admin.action(description="Restore…", permissions=["archive"])
    @repeatable
    def restore(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> HttpResponse | None:
        return self.act_on_many(request, queryset, RESTORE)


register_jump("c", "Customers", "customers.customer")
