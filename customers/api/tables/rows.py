"""What the hub's tables answer of each row. Who shows which one beside another."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth import get_user_model

from audit.rest.model_serializers import HubModelSerializer
from customers.api.tables.base import HubRow
from customers.models import (
    Address,
    Booking,
    Business,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    CustomerStats,
    Flag,
    Membership,
    Note,
    Preferences,
    Refund,
    Ticket,
    TicketMessage,
)

_OF_CUSTOMER = ["id", "business_id", "customer_id"]
_TIMES = ["created_at", "updated_at"]
_ARCHIVE = ["archived_at", "archived_by_id", "archive_reason"]
# Columns that are answered and written alike.
LIMITS = [
    "country",
    "consent_mode",
    "occasional_from",
    "regular_from",
    "frequent_from",
    "high_value_purchases",
    "high_value_spent",
    "refund_limit",
    "signup_is_login",
    "settings",
]
PLACE = [
    "kind",
    "label",
    "recipient",
    "line1",
    "line2",
    "city",
    "region",
    "postal_code",
    "country",
    "raw",
    "is_primary",
    "phone",
]
COURSE = [
    "placed_at",
    "starts_at",
    "ends_at",
    "completed_at",
    "cancelled_at",
    "cancelled_by",
    "cancel_reason",
    "rescheduled_from_id",
    "items_count",
    "lines",
    "original_amount",
    "discount_amount",
    "total_amount",
    "paid_amount",
]


class ColleagueRow(HubModelSerializer):
    """Somebody who works on a row: the names and nothing else."""

    class Meta:
        model = get_user_model()
        fields: ClassVar = ["id", "username", "first_name", "last_name"]


class BusinessRow(HubRow):
    """A business, with its limits and settings."""

    amounts = ("high_value_spent", "refund_limit")

    class Meta:
        model = Business
        fields: ClassVar = [
            "id",
            "slug",
            "name",
            "timezone",
            "currency",
            *LIMITS,
            *_TIMES,
        ]


class MembershipRow(HubModelSerializer):
    """What somebody is at a business."""

    class Meta:
        model = Membership
        fields: ClassVar = [
            "id",
            "business_id",
            "user_id",
            "role",
            "is_default",
            "ended_at",
            *_TIMES,
        ]


class CustomerRow(HubRow):
    """A customer."""

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "business_id",
            "unique_id",
            "external_id",
            "name",
            "email",
            "is_email_verified",
            "email_bounced_at",
            "phone",
            "phone_e164",
            "customer_type",
            "status",
            "signup_method",
            "source",
            "location",
            "joined_at",
            "erased_at",
            *_ARCHIVE,
            "rev",
            *_TIMES,
        ]


class StatsRow(HubRow):
    """The figures of a customer; amounts are in the business's currency."""

    amounts = ("total_spent", "avg_transaction_value")

    def currency_of(self, row: Any) -> str:
        currency: str = row.business.currency
        return currency

    class Meta:
        model = CustomerStats
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "total_orders",
            "completed_orders",
            "cancelled_orders",
            "no_show_orders",
            "refunded_orders",
            "total_purchases",
            "total_spent",
            "spent",
            "avg_transaction_value",
            "total_items_bought",
            "first_purchase_date",
            "last_purchase_date",
            "is_repeat_customer",
            "repeat_frequency",
            "is_high_value",
            "login_count",
            "last_login_at",
            "last_active_at",
            "data_capture_complete",
            "open_tickets",
            "urgent_tickets",
            "addresses_count",
            "contacts_count",
            "is_opted_in",
            "updated_at",
        ]


class PreferencesRow(HubRow):
    """How a customer wants to be reached and served."""

    amounts = ("average_spend",)

    def currency_of(self, row: Any) -> str:
        currency: str = row.business.currency
        return currency

    class Meta:
        model = Preferences
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "prefer_sms",
            "prefer_email",
            "prefer_call",
            "favorite_products",
            "favorite_tags",
            "preferred_categories",
            "preferred_payment",
            "average_spend",
            "best_contact_time",
            "do_not_contact",
            "can_receive_offers",
            "can_receive_loyalty",
            *_TIMES,
        ]


class AddressRow(HubRow):
    """A place of a customer."""

    class Meta:
        model = Address
        fields: ClassVar = [
            *_OF_CUSTOMER,
            *PLACE,
            "phone_e164",
            "instructions",
            *_ARCHIVE,
            *_TIMES,
        ]


class ContactRow(HubRow):
    """Another person to reach, or a further e-mail or phone."""

    class Meta:
        model = Contact
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "kind",
            "name",
            "relation",
            "email",
            "phone",
            "phone_e164",
            "is_primary",
            "valid_from",
            "valid_to",
            *_ARCHIVE,
            *_TIMES,
        ]


class NoteRow(HubRow):
    """What staff wrote down about a customer."""

    class Meta:
        model = Note
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "note_type",
            "raw_note_type",
            "content",
            "is_pinned",
            "created_by_id",
            *_ARCHIVE,
            *_TIMES,
        ]


class FlagRow(HubRow):
    """A mark on a customer."""

    class Meta:
        model = Flag
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "code",
            "reason",
            "added_by_id",
            "removed_at",
            "removed_by_id",
            "removed_reason",
            *_TIMES,
        ]


class ConsentRow(HubRow):
    """One answer of a customer about being contacted."""

    class Meta:
        model = ConsentEvent
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "purpose",
            "channel",
            "action",
            "wording_version",
            "wording_hash",
            "method",
            "evidence",
            "occurred_at",
            "recorded_by_id",
            "capture_id",
            "operation_id",
            "created_at",
        ]


class BookingRow(HubRow):
    """One thing bought."""

    amounts = (
        "original_amount",
        "discount_amount",
        "total_amount",
        "paid_amount",
        "credit_used",
    )
    permissions: ClassVar = {"credit_used": "customers.view_credit"}

    class Meta:
        model = Booking
        extra_kwargs: ClassVar = {"credit_used": {"allow_null": True}}
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "kind",
            "reference",
            "status",
            "raw_status",
            *COURSE,
            "credit_used",
            "currency",
            "payment_method",
            "invoice_number",
            "external_id",
            "rev",
            *_TIMES,
        ]


class RefundRow(HubRow):
    """Money that goes back for one booking."""

    amounts = ("amount",)

    class Meta:
        model = Refund
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "booking_id",
            "amount",
            "currency",
            "status",
            "reason_code",
            "reason",
            "requested_by_id",
            "approved_by_id",
            "settled_at",
            "external_id",
            *_TIMES,
        ]


class CreditRow(HubRow):
    """One entry of a customer's credit."""

    amounts = ("amount",)

    class Meta:
        model = Credit
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "kind",
            "amount",
            "currency",
            "reason_code",
            "reason",
            "booking_id",
            "reverses_id",
            "expires_on",
            "created_by_id",
            "operation_id",
            "created_at",
        ]


class TicketRow(HubRow):
    """A request of a customer, with the clocks of its answer."""

    class Meta:
        model = Ticket
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "booking_id",
            "number",
            "subject",
            "status",
            "priority",
            "channel",
            "raw_channel",
            "assignee_id",
            "opened_at",
            "first_response_due_at",
            "first_responded_at",
            "resolution_due_at",
            "resolved_at",
            "closed_at",
            "rev",
            *_TIMES,
        ]


class MessageRow(HubRow):
    """One message of a ticket; internal ones never reach the customer."""

    class Meta:
        model = TicketMessage
        fields: ClassVar = [
            "id",
            "business_id",
            "ticket_id",
            "author_kind",
            "author_id",
            "is_internal",
            "body",
            "sent_at",
            *_TIMES,
        ]
