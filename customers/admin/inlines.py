"""What belongs to a customer, on the customer's page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from audit.admin.inlines import TrackedInline
from customers.models import Address, Contact, Preferences


class PreferencesInline(TrackedInline, admin.StackedInline):
    model = Preferences
    template = "admin/edit_inline/stacked.html"
    fields = (
        ("prefer_sms", "prefer_email", "prefer_call"),
        ("do_not_contact", "can_receive_offers", "can_receive_loyalty"),
        ("favorite_products", "preferred_payment"),
        ("average_spend", "best_contact_time"),
    )
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # They are made with the customer.
        return False


class AddressInline(TrackedInline, admin.StackedInline):
    model = Address
    template = "admin/edit_inline/stacked.html"
    fields = (("line1", "kind"), ("postal_code", "city", "country"), "is_primary")


class ContactInline(TrackedInline, admin.StackedInline):
    model = Contact
    template = "admin/edit_inline/stacked.html"
    fields = (("name", "relation", "kind"), ("email", "phone"))
