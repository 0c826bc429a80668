"""Bodies and parameters of document 004."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.rest.serializers import PageQuery, StrictSerializer
from customers.api.fields import AnswerField, NumberInput, SortOrderField
from customers.api.inputs import CustomerInput, MaskedUpdateSerializer
from customers.choices import CustomerType, NoteType

_ORDERS = ("created_at", "name", "updated_at", "total_spent", "total_purchases")


class CreateCustomer(CustomerInput):
    """`createCustomerSchema` of document 004."""

    business_id = serializers.UUIDField(required=False)
    address = serializers.CharField(max_length=2000, allow_null=True, required=False)
    is_active = AnswerField(required=False)
    prefer_sms = AnswerField(allow_null=True, required=False)
    prefer_email = AnswerField(allow_null=True, required=False)
    prefer_call = AnswerField(allow_null=True, required=False)


class UpdateCustomer(MaskedUpdateSerializer, CreateCustomer):
    """`updateCustomerSchema`: what is not named stays."""

    # What an answer carries beside them; sent back, it is no mistake and no change.
    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "id",
            "unique_id",
            "created_at",
            "updated_at",
            "preferences",
            "purchase_history",
            "recent_notes",
        }
    )


class ReplaceCustomer(UpdateCustomer):
    """The same for PUT, which names every column that can be written."""

    is_replacement = True
    optional: ClassVar[frozenset[str]] = frozenset({"business_id"})


class WriteNote(StrictSerializer):
    """`customerNoteSchema`."""

    business_id = serializers.UUIDField(required=False)
    note_type = serializers.ChoiceField(NoteType.choices, default=NoteType.OTHER)
    content = serializers.CharField(max_length=20_000)


class UpdatePreferences(MaskedUpdateSerializer):
    """`updatePreferencesSchema`."""

    business_id = serializers.UUIDField()
    favorite_products = serializers.CharField(max_length=5000, allow_null=True)
    preferred_payment = serializers.CharField(max_length=50, allow_null=True)
    average_spend = NumberInput(
        max_digits=12, decimal_places=2, min_value=0, allow_null=True
    )
    best_contact_time = serializers.CharField(max_length=100, allow_null=True)
    do_not_contact = AnswerField()
    can_receive_offers = AnswerField()
    can_receive_loyalty = AnswerField()


class CustomerList(PageQuery):
    """`customerListSchema`: the parameters of the list."""

    search = serializers.CharField(max_length=200, allow_blank=True, default="")
    customer_type = serializers.ChoiceField(CustomerType.choices, required=False)
    is_active = AnswerField(allow_null=True, default=None)
    sort_by = serializers.ChoiceField(_ORDERS, default="created_at")
    sort_order = SortOrderField()


class NoteList(PageQuery):
    """The parameters of a customer's notes."""

    note_type = serializers.ChoiceField(NoteType.choices, required=False)
