"""Customers: the list, and the form with what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of
from audit.admin.keyboard import register_jump
from audit.admin.paging import CappedPaginator
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.bulk_acts import CustomerBulkActs
from customers.admin.columns import (
    DEFAULT_COLUMNS,
    SEE_TICKETS,
    CustomerColumns,
    with_flags,
)
from customers.admin.customer_acts import CustomerActs
from customers.admin.customer_form import CustomerForms, label_of
from customers.admin.customer_page import CustomerPage
from customers.admin.exchange import ExchangeAdmin
from customers.admin.filters import EXTRA_LOOKUPS, FILTERS, TicketsFilter
from customers.admin.inlines import AddressInline, ContactInline, PreferencesInline
from customers.admin.links import customer_url
from customers.admin.list_choices import CustomizedChangeList, ListChoices
from customers.admin.saved_views import SavedViewPages
from customers.models import Customer, CustomerQuerySet

if TYPE_CHECKING:
    from django.contrib.admin.options import _ListDisplayT


class CustomerChangeList(CustomizedChangeList):
    """Customers with their flags; each row leads to the page of the customer."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = with_flags(self.result_list, request)

    def url_for_result(self, result: Model) -> str:
        return customer_url(result.pk)


@admin.register(Customer)
class CustomerAdmin(
    CustomerColumns,
    SavedViewPages,
    CustomerBulkActs,
    CustomerActs,
    CustomerForms,
    CustomerPage,
    ExchangeAdmin,
):
    import_export_change_list_template = "admin/customers/customer/change_list.html"
    list_display = ("who", *DEFAULT_COLUMNS, "quick_links")
    list_display_links = ("who",)
    list_filter = FILTERS
    extra_lookups = EXTRA_LOOKUPS
    show_facets = admin.ShowFacets.ALLOW
    paginator = CappedPaginator
    list_select_related = ("stats", "business", "preferences")
    search_fields = ("name",)
    search_help_text = _("Name, e-mail, phone in any format, reference or external id.")
    ordering = ("-joined_at", "-id")
    inlines = (PreferencesInline, AddressInline, ContactInline)
    autocomplete_fields = ("business",)
    readonly_fields = (
        "unique_id",
        "archived_at",
        "archive_reason",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (
            _("Who, and how to reach them"),
            {"fields": ("business", "name", "email", "phone", "unique_id")},
        ),
        (
            _("State"),
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
            _("Origin"),
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

    def autocomplete_label(self, customer: Customer) -> str:
        return label_of(customer)

    # --- the list and the form --------------------------------------------------

    def get_list_display(self, request: HttpRequest) -> _ListDisplayT[Customer]:
        return ("who", *ListChoices.of(request).columns, "quick_links")

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        left_out = set() if request.user.has_perm(SEE_TICKETS) else {TicketsFilter}
        return [each for each in self.list_filter if each not in left_out]

    def get_changelist(
        self, request: HttpRequest, **kwargs: object
    ) -> type[ChangeList]:
        return CustomerChangeList

    def get_visible(self, actor: Actor) -> CustomerQuerySet:
        customers = cast("CustomerQuerySet", super().get_visible(actor))
        return services.with_order_name(customers, actor=actor)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[CustomerQuerySet, bool]:
        if not search_term:
            return queryset, False
        actor = actor_of(request)
        return services.match_customers(queryset, search_term, actor=actor), False


register_jump("c", _("Customers"), "customers.customer")
