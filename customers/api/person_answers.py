"""What the endpoints about one person, oneself and a business answer, for the schema.

Amounts are texts with the digits of their currency.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from customers.api.contracts.doc003.serializers import (
    HubContactSerializer,
    HubPlaceSerializer,
)
from customers.choices import (
    CustomerType,
    LoyaltyTier,
    Role,
)


class Answer(serializers.Serializer[Any]):
    """Described only: nothing is parsed by it."""


def _maybe_text() -> serializers.CharField:
    return serializers.CharField(allow_null=True)


class TimelineItem(Answer):
    """One thing that happened; `data` differs by kind."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    title = serializers.CharField()
    actor = _maybe_text()
    amount = _maybe_text()
    currency = _maybe_text()

    def get_fields(self) -> Any:
        # `data` is a name of every serializer's own.
        return super().get_fields() | {"data": serializers.DictField()}


class Timeline(Answer):
    """A page of what happened, the newest first."""

    results = TimelineItem(many=True)
    next = _maybe_text()
    kinds = serializers.ListField(child=serializers.CharField())


class PersonMetrics(Answer):
    """Somebody's figures as of a moment."""

    customer_id = serializers.UUIDField()
    as_of = serializers.DateTimeField()
    currency = serializers.CharField()
    total_orders = serializers.IntegerField()
    completed_orders = serializers.IntegerField()
    cancelled_orders = serializers.IntegerField()
    no_show_orders = serializers.IntegerField()
    refunded_orders = serializers.IntegerField()
    total_purchases = serializers.IntegerField()
    total_spent = serializers.CharField()
    spent = serializers.DictField(child=serializers.CharField())
    customer_lifetime_value = serializers.CharField()
    avg_transaction_value = _maybe_text()
    total_items_bought = serializers.CharField()
    first_purchase_date = serializers.DateField(allow_null=True)
    last_purchase_date = serializers.DateField(allow_null=True)
    days_since_last_purchase = serializers.IntegerField(allow_null=True)
    is_repeat_customer = serializers.BooleanField()
    is_high_value = serializers.BooleanField()
    repeat_frequency = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    next_tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    purchases_to_next_tier = serializers.IntegerField(allow_null=True)
    is_new = serializers.BooleanField()
    is_engaged = serializers.BooleanField()
    is_opted_in = serializers.BooleanField()
    login_count = serializers.IntegerField()
    last_login_at = serializers.DateTimeField(allow_null=True)
    last_active_at = serializers.DateTimeField(allow_null=True)
    data_capture_complete = serializers.BooleanField()
    open_tickets = serializers.IntegerField()
    urgent_tickets = serializers.IntegerField()
    addresses_count = serializers.IntegerField()
    contacts_count = serializers.IntegerField()


class SignupsOfWeek(Answer):
    week = serializers.DateField()
    signups = serializers.IntegerField()


class Statistics(Answer):
    """The figures of a business; rates are fractions, null of nothing."""

    business_id = serializers.UUIDField()
    as_of = serializers.DateTimeField()
    currency = serializers.CharField()
    total_customers = serializers.IntegerField()
    active_customers = serializers.IntegerField()
    inactive_customers = serializers.IntegerField()
    new_this_week = serializers.IntegerField()
    new_this_month = serializers.IntegerField()
    marketing_opt_ins = serializers.IntegerField()
    opt_in_rate = _maybe_text()
    total_orders = serializers.IntegerField()
    completed_orders = serializers.IntegerField()
    cancelled_orders = serializers.IntegerField()
    refunded_orders = serializers.IntegerField()
    total_purchases = serializers.IntegerField()
    total_items = serializers.CharField()
    lifetime_value = serializers.DictField(child=serializers.CharField())
    open_tickets = serializers.IntegerField()
    urgent_tickets = serializers.IntegerField()
    buyers = serializers.IntegerField()
    repeat_customers = serializers.IntegerField()
    repeat_share = _maybe_text()
    loyalty = serializers.DictField(child=serializers.IntegerField())
    high_value_customers = serializers.IntegerField()
    logins = serializers.IntegerField()
    signups_per_week = SignupsOfWeek(many=True)
    channels = serializers.DictField(child=serializers.IntegerField())


# Components of their own: on document 003's face the same keys are in camelCase.
class RevealedAddress(HubPlaceSerializer):
    pass


class RevealedContact(HubContactSerializer):
    pass


class Revealed(Answer):
    """Contact data in clear; `until` is when it has to be asked for again."""

    id = serializers.UUIDField()
    unique_id = serializers.CharField()
    name = _maybe_text()
    email = _maybe_text()
    phone = _maybe_text()
    location = _maybe_text()
    addresses = RevealedAddress(many=True)
    contacts = RevealedContact(many=True)
    until = serializers.DateTimeField()


class FoundPerson(Answer):
    id = serializers.UUIDField()
    unique_id = serializers.CharField()
    business_id = serializers.UUIDField()
    name = _maybe_text()
    email = _maybe_text()
    phone = _maybe_text()
    customer_type = serializers.ChoiceField(CustomerType.choices, allow_null=True)
    matched = serializers.ChoiceField(
        ("reference", "external_id", "email", "phone", "name")
    )


class FoundPeople(Answer):
    results = FoundPerson(many=True)


class Workplace(Answer):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    is_default = serializers.BooleanField()
    rights = serializers.ListField(child=serializers.CharField())


class LiveStepUp(Answer):
    scope = serializers.CharField()
    expires_at = serializers.DateTimeField()


class Me(Answer):
    """Who is signed in, where they work, and what they have confirmed here."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    email = serializers.CharField()
    time_zone = serializers.CharField()
    is_platform_owner = serializers.BooleanField()
    has_second_factor = serializers.BooleanField()
    has_pin = serializers.BooleanField()
    step_ups = LiveStepUp(many=True)
    default_business = serializers.UUIDField(allow_null=True)
    businesses = Workplace(many=True)
