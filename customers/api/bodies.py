"""The bodies and parameters of customer endpoints: what is taken, in which shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from audit.api.reading import (
    EmailAddressField,
    PageQuery,
    QuerySerializer,
    StrictSerializer,
    camel_case,
    snake_case,
)
from audit.api.rows import without_masked
from customers.choices import AddressKind, CustomerStatus, CustomerType, NoteType

_HUB_ORDERS = (
    "name",
    "email",
    "created_at",
    "total_orders",
    "total_ltv",
    "last_active",
)
_ORDERS = ("created_at", "name", "updated_at", "total_spent", "total_purchases")


class SeenOrMasked(StrictSerializer):
    """A change of what somebody may see masked.

    The context holds `masks`, what is shown in place of the stored values, and
    `is_clear`.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Leave out what comes back masked: it is no change.

        Raises ValidationError for another value in the place of a masked one: what
        somebody does not see, they do not overwrite.
        """
        masks, is_clear = self.context["masks"], self.context["is_clear"]
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        kept, wrong = without_masked(data, masks, is_clear=is_clear)
        if wrong:
            raise ValidationError(wrong)
        sent = {snake_case(str(key)) for key in data.keys() - kept.keys()}
        for name in (sent if is_clear else masks.keys()) & self.fields.keys():
            self.fields[name].required = False
        return super().to_internal_value(kept)


class CreateCustomer(StrictSerializer):
    """`createCustomerSchema` of document 004."""

    business_id = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=255)
    phone = serializers.CharField(max_length=50, allow_null=True, required=False)
    email = EmailAddressField(max_length=254, allow_null=True, required=False)
    address = serializers.CharField(max_length=2000, allow_null=True, required=False)
    customer_type = serializers.ChoiceField(
        CustomerType.choices, allow_null=True, required=False
    )
    is_active = serializers.BooleanField(required=False)
    prefer_sms = serializers.BooleanField(allow_null=True, required=False)
    prefer_email = serializers.BooleanField(allow_null=True, required=False)
    prefer_call = serializers.BooleanField(allow_null=True, required=False)


class UpdateCustomer(SeenOrMasked, CreateCustomer):
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
    name = serializers.CharField(max_length=255, required=False)


class ReplaceCustomer(UpdateCustomer):
    """The same for PUT, which names every column that can be written."""

    phone = serializers.CharField(max_length=50, allow_null=True)
    email = EmailAddressField(max_length=254, allow_null=True)
    address = serializers.CharField(max_length=2000, allow_null=True)
    customer_type = serializers.ChoiceField(CustomerType.choices, allow_null=True)
    is_active = serializers.BooleanField()
    prefer_sms = serializers.BooleanField(allow_null=True)
    prefer_email = serializers.BooleanField(allow_null=True)
    prefer_call = serializers.BooleanField(allow_null=True)
    name = serializers.CharField(max_length=255)


class HubAddress(StrictSerializer):
    """One address of document 003."""

    ignored: ClassVar[frozenset[str]] = frozenset({"id"})
    kind = serializers.ChoiceField(AddressKind.choices, required=False)
    label = serializers.CharField(  # type: ignore[assignment]  # the name of a column
        max_length=100, allow_null=True, required=False
    )
    recipient = serializers.CharField(max_length=200, allow_null=True, required=False)
    line1 = serializers.CharField(max_length=200, allow_null=True, required=False)
    line2 = serializers.CharField(max_length=200, allow_null=True, required=False)
    city = serializers.CharField(max_length=100, allow_null=True, required=False)
    region = serializers.CharField(max_length=100, allow_null=True, required=False)
    postal_code = serializers.CharField(max_length=20, allow_null=True, required=False)
    country = serializers.CharField(max_length=2, allow_null=True, required=False)
    phone = serializers.CharField(max_length=50, allow_null=True, required=False)
    is_primary = serializers.BooleanField(required=False)


class HubCreate(StrictSerializer):
    """A new customer of document 003."""

    name = serializers.CharField(max_length=255)
    email = EmailAddressField(max_length=254, allow_null=True, required=False)
    phone = serializers.CharField(max_length=50, allow_null=True, required=False)
    customer_type = serializers.ChoiceField(
        CustomerType.choices, allow_null=True, required=False
    )
    status = serializers.ChoiceField(CustomerStatus.choices, required=False)
    addresses = HubAddress(many=True, required=False, max_length=20)  # type: ignore[call-arg]  # not in the stubs


class HubUpdate(SeenOrMasked):
    """What document 003 changes; what is not named stays."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "id", "unique_id", "created_at", "updated_at", "stats", "bookings",
            "addresses", "contacts", "support_tickets", "more", "flags", "currency",
            "possible_duplicates",
        }
    )  # fmt: skip
    name = serializers.CharField(max_length=255, required=False)
    email = EmailAddressField(max_length=254, allow_null=True, required=False)
    email_verified = serializers.BooleanField(
        source="is_email_verified", required=False
    )
    phone = serializers.CharField(max_length=50, allow_null=True, required=False)
    customer_type = serializers.ChoiceField(
        CustomerType.choices, allow_null=True, required=False
    )
    status = serializers.ChoiceField(CustomerStatus.choices, required=False)


class HubReplace(HubUpdate):
    """The same for PUT, which names every column that can be written."""

    name = serializers.CharField(max_length=255)
    email = EmailAddressField(max_length=254, allow_null=True)
    email_verified = serializers.BooleanField(source="is_email_verified")
    phone = serializers.CharField(max_length=50, allow_null=True)
    customer_type = serializers.ChoiceField(CustomerType.choices, allow_null=True)
    status = serializers.ChoiceField(CustomerStatus.choices)


class WriteNote(StrictSerializer):
    """`customerNoteSchema`."""

    business_id = serializers.UUIDField(required=False)
    note_type = serializers.ChoiceField(NoteType.choices, default=NoteType.OTHER)
    content = serializers.CharField(max_length=20_000)


class UpdatePreferences(SeenOrMasked):
    """`updatePreferencesSchema`."""

    business_id = serializers.UUIDField(required=False)
    favorite_products = serializers.CharField(
        max_length=5000, allow_null=True, required=False
    )
    preferred_payment = serializers.CharField(
        max_length=50, allow_null=True, required=False
    )
    average_spend = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=0, allow_null=True, required=False
    )
    best_contact_time = serializers.CharField(
        max_length=100, allow_null=True, required=False
    )
    do_not_contact = serializers.BooleanField(required=False)
    can_receive_offers = serializers.BooleanField(required=False)
    can_receive_loyalty = serializers.BooleanField(required=False)


class CustomerList(PageQuery):
    """`customerListSchema`: the parameters of the list."""

    search = serializers.CharField(max_length=200, allow_blank=True, default="")
    customer_type = serializers.ChoiceField(CustomerType.choices, required=False)
    is_active = serializers.BooleanField(allow_null=True, default=None)
    sort_by = serializers.ChoiceField(_ORDERS, default="created_at")
    sort_order = serializers.ChoiceField(("asc", "desc"), default="desc")


class HubOrder(serializers.ChoiceField):
    """A column, asked for in both spellings and read in ours."""

    def to_internal_value(self, data: Any) -> str:
        return snake_case(super().to_internal_value(camel_case(snake_case(str(data)))))

    def to_representation(self, value: Any) -> str:
        return camel_case(value)


class HubList(PageQuery):
    """The parameters of document 003's list."""

    search = serializers.CharField(max_length=200, allow_blank=True, default="")
    status = serializers.ChoiceField(
        (*CustomerStatus.values, "new", "archived"), required=False
    )
    sort_by = HubOrder([camel_case(n) for n in _HUB_ORDERS], default="created_at")
    sort_order = serializers.ChoiceField(("asc", "desc"), default="desc")


class SearchQuery(QuerySerializer):
    """The parameters of a search while somebody types."""

    q = serializers.CharField(max_length=200, allow_blank=True, default="")
    limit = serializers.IntegerField(min_value=1, max_value=50, default=10)


class NoteList(PageQuery):
    """The parameters of a customer's notes."""

    note_type = serializers.ChoiceField(NoteType.choices, required=False)
