"""What belongs to a customer, on the customer's page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from audit.admin.inlines import ReadOnlyInline, TrackedInline
from customers.admin.base import money_column
from customers.models import Address, Booking, Contact, Flag, Note, Preferences, Ticket


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


class AddressInline(TrackedInline):
    model = Address
    fields = ("kind", "line1", "city", "postal_code", "country", "is_primary")


class ContactInline(TrackedInline):
    model = Contact
    fields = ("kind", "name", "relation", "email", "phone")


class NoteInline(TrackedInline):
    model = Note
    fields = ("note_type", "content", "is_pinned")


class FlagInline(TrackedInline):
    model = Flag
    fields = ("code", "reason", "removed_at")
    readonly_fields = ("removed_at",)


class BookingInline(ReadOnlyInline):
    model = Booking
    fields = ("reference", "kind", "status", "total", "placed_at")
    readonly_fields = fields
    verbose_name_plural = "newest bookings"

    total = money_column("total_amount", "Total")


class TicketInline(ReadOnlyInline):
    model = Ticket
    fields = ("number", "subject", "status", "priority", "opened_at")
    readonly_fields = fields
    verbose_name_plural = "newest tickets"
