"""What the endpoints of documents 003 and 004 answer, for the schema.

`customers.api.shown` fills these shapes; a contract test compares the two.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from customers.choices import (
    AddressKind,
    AuthorKind,
    BookingKind,
    BookingStatus,
    ContactKind,
    CustomerType,
    LoyaltyTier,
    NoteType,
    TicketPriority,
    TicketStatus,
)


class Answer(serializers.Serializer[Any]):
    """Described only: nothing is parsed by it."""


def _number(**kwargs: Any) -> serializers.DecimalField:
    # A JSON number with all its digits.
    return serializers.DecimalField(
        max_digits=15, decimal_places=3, coerce_to_string=False, **kwargs
    )


def _maybe_text() -> serializers.CharField:
    return serializers.CharField(allow_null=True)


class Pagination(Answer):
    """Where in a list a page is; the count stops at 10,001."""

    page = serializers.IntegerField()
    limit = serializers.IntegerField()
    total = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    total_is_capped = serializers.BooleanField()


class PreferenceFacts(Answer):
    favorite_products = _maybe_text()
    preferred_payment = _maybe_text()
    average_spend = _number(allow_null=True)
    best_contact_time = _maybe_text()
    do_not_contact = serializers.BooleanField()
    can_receive_offers = serializers.BooleanField()
    can_receive_loyalty = serializers.BooleanField()


class Preferences(PreferenceFacts):
    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    business_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PurchaseFigures(Answer):
    total_purchases = serializers.IntegerField()
    total_spent = _number()
    total_items_bought = _number()
    avg_transaction_value = _number()
    first_purchase_date = serializers.DateField(allow_null=True)
    last_purchase_date = serializers.DateField(allow_null=True)
    days_since_last_purchase = serializers.IntegerField(allow_null=True)
    is_repeat_customer = serializers.BooleanField()
    repeat_frequency = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    customer_lifetime_value = _number()


class PurchaseSummary(PurchaseFigures):
    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    business_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class FoundCustomer(Answer):
    id = serializers.UUIDField()
    unique_id = serializers.CharField()
    name = _maybe_text()
    phone = _maybe_text()
    email = _maybe_text()
    customer_type = serializers.ChoiceField(CustomerType.choices, allow_null=True)


class Found(Answer):
    customers = FoundCustomer(many=True)


class ListedCustomer(FoundCustomer):
    business_id = serializers.UUIDField()
    address = _maybe_text()
    is_active = serializers.BooleanField()
    prefer_sms = serializers.BooleanField()
    prefer_email = serializers.BooleanField()
    prefer_call = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CustomerPage(Answer):
    customers = ListedCustomer(many=True)
    pagination = Pagination()


class RepeatCustomer(ListedCustomer):
    purchase_history = PurchaseFigures()


class RepeatPage(Answer):
    customers = RepeatCustomer(many=True)
    pagination = Pagination()


class Author(Answer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class OneNote(Answer):
    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    business_id = serializers.UUIDField()
    note_type = serializers.ChoiceField(NoteType.choices)
    content = _maybe_text()
    created_by = Author(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NotePage(Answer):
    notes = OneNote(many=True)
    pagination = Pagination()


class OneCustomer(RepeatCustomer):
    preferences = PreferenceFacts()
    recent_notes = OneNote(many=True)


class Purchase(Answer):
    id = serializers.UUIDField()
    reference = serializers.CharField()
    kind = serializers.ChoiceField(BookingKind.choices)
    status = serializers.ChoiceField(BookingStatus.choices)
    total_amount = _number()
    refunded_amount = _number(allow_null=True)
    items_count = _number()
    currency = serializers.CharField()
    purchased_at = serializers.DateTimeField()


class PurchasePage(Answer):
    purchases = Purchase(many=True)
    summary = PurchaseSummary()
    pagination = Pagination()


class MeasuredCustomer(Answer):
    id = serializers.UUIDField()
    name = _maybe_text()
    customer_type = serializers.ChoiceField(CustomerType.choices, allow_null=True)
    is_active = serializers.BooleanField()


class Loyalty(Answer):
    tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    next_tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    purchases_to_next_tier = serializers.IntegerField(allow_null=True)


class Metrics(Answer):
    customer = MeasuredCustomer()
    metrics = PurchaseFigures()
    loyalty = Loyalty()
    currency = serializers.CharField()


# --- document 003 -------------------------------------------------------------------


class HubStats(Answer):
    total_orders = serializers.IntegerField()
    completed_orders = serializers.IntegerField()
    cancelled_orders = serializers.IntegerField()
    total_ltv = _number()
    open_tickets = serializers.IntegerField()
    urgent_tickets = serializers.IntegerField()
    addresses_count = serializers.IntegerField()
    contacts_count = serializers.IntegerField()


class HubRow(Answer):
    id = serializers.UUIDField()
    unique_id = serializers.CharField()
    name = _maybe_text()
    email = _maybe_text()
    phone = _maybe_text()
    created_at = serializers.DateTimeField()
    email_verified = serializers.BooleanField()
    customer_type = serializers.ChoiceField(CustomerType.choices, allow_null=True)
    status = serializers.CharField()
    stats = HubStats()


class HubPagination(Pagination):
    """The same in camelCase."""


class HubSummary(Answer):
    total_customers = serializers.IntegerField()
    total_ltv = _number()
    total_orders = serializers.IntegerField()
    total_cancellations = serializers.IntegerField()
    currency = serializers.CharField()


class HubPage(Answer):
    customers = HubRow(many=True)
    pagination = HubPagination()
    summary = HubSummary()


class HubBooking(Answer):
    id = serializers.UUIDField()
    reference = serializers.CharField()
    kind = serializers.ChoiceField(BookingKind.choices)
    status = serializers.ChoiceField(BookingStatus.choices)
    total_amount = _number()
    paid_amount = _number()
    refunded_amount = _number(allow_null=True)
    currency = serializers.CharField()
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class HubPlace(Answer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(AddressKind.choices)
    recipient = _maybe_text()
    line1 = _maybe_text()
    line2 = _maybe_text()
    city = _maybe_text()
    region = _maybe_text()
    postal_code = _maybe_text()
    country = _maybe_text()
    raw = _maybe_text()
    phone = _maybe_text()
    is_primary = serializers.BooleanField()

    def get_fields(self) -> Any:
        # `label` is a name of every serializer's own.
        return super().get_fields() | {"label": _maybe_text()}


class HubContact(Answer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ContactKind.choices)
    name = _maybe_text()
    relation = _maybe_text()
    email = _maybe_text()
    phone = _maybe_text()


class HubResponse(Answer):
    author = serializers.ChoiceField(AuthorKind.choices)
    body = _maybe_text()
    created_at = serializers.DateTimeField()


class HubTicket(Answer):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    subject = _maybe_text()
    status = serializers.ChoiceField(TicketStatus.choices)
    priority = serializers.ChoiceField(TicketPriority.choices)
    created_at = serializers.DateTimeField()
    responses = HubResponse(many=True)


class HubDetail(HubRow):
    flags = serializers.ListField(child=serializers.CharField())
    currency = serializers.CharField()
    bookings = HubBooking(many=True)
    addresses = HubPlace(many=True)
    contacts = HubContact(many=True)
    support_tickets = HubTicket(many=True)
    more = serializers.DictField(child=serializers.BooleanField())


class Duplicate(Answer):
    id = serializers.UUIDField()
    reason = serializers.CharField()


class HubCreated(HubDetail):
    possible_duplicates = Duplicate(many=True)
