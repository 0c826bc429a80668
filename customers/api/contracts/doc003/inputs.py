"""Bodies and parameters of document 003."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from audit.rest.serializers import (
    PageQuery,
    StrictSerializer,
    camel_case,
    snake_case,
)
from customers.api.fields import AnswerField, SortOrderField
from customers.api.inputs import CustomerInput, MaskedUpdateSerializer
from customers.api.serializers.money import (
    amount_input,
    currency_input,
    reason_input,
)
from customers.choices import (
    AddressKind,
    CreditReason,
    CustomerStatus,
    RefundReason,
)

_HUB_ORDERS = (
    "name",
    "email",
    "created_at",
    "total_orders",
    "total_ltv",
    "last_active",
)


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
    country = serializers.CharField(max_length=10, allow_null=True, required=False)
    phone = serializers.CharField(max_length=50, allow_null=True, required=False)
    is_primary = AnswerField(required=False)


class HubCreate(CustomerInput):
    """A new customer of document 003."""

    status = serializers.ChoiceField(CustomerStatus.choices, required=False)
    addresses = HubAddress(many=True, required=False, max_length=20)  # type: ignore[call-arg]  # not in the stubs


class HubUpdate(MaskedUpdateSerializer, CustomerInput):
    """What document 003 changes; what is not named stays."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "id", "unique_id", "created_at", "updated_at", "stats", "bookings",
            "addresses", "contacts", "support_tickets", "more", "flags", "currency",
            "possible_duplicates",
        }
    )  # fmt: skip
    email_verified = AnswerField(source="is_email_verified")
    status = serializers.ChoiceField(CustomerStatus.choices)


class HubReplace(HubUpdate):
    """The same for PUT, which names every column that can be written."""

    is_replacement = True


class HubOrder(serializers.ChoiceField):
    """A column, asked for in both spellings and read in ours."""

    def to_internal_value(self, data: object) -> str:
        return snake_case(super().to_internal_value(camel_case(snake_case(str(data)))))

    def to_representation(self, value: str) -> str:
        return camel_case(value)


class HubList(PageQuery):
    """The parameters of document 003's list."""

    search = serializers.CharField(max_length=200, allow_blank=True, default="")
    status = serializers.ChoiceField(
        (*CustomerStatus.values, "new", "archived"), required=False
    )
    sort_by = HubOrder([camel_case(n) for n in _HUB_ORDERS], default="created_at")
    sort_order = SortOrderField()


# The keys that each action requires, and those that it takes besides.
ACTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "issue_refund": (
        frozenset({"booking_id", "reason_code"}),
        frozenset({"amount", "currency", "reason"}),
    ),
    "issue_credit": (
        frozenset({"amount"}),
        frozenset({"currency", "reason_code", "reason"}),
    ),
    "add_flag": (frozenset({"flag", "reason"}), frozenset()),
    "remove_flag": (frozenset({"flag", "reason"}), frozenset()),
    "export_data": (frozenset({"reason"}), frozenset()),
    "resend_invoices": (frozenset({"booking_ids"}), frozenset()),
}
_REASON_CODES = {
    "issue_refund": RefundReason.values,
    "issue_credit": CreditReason.values,
}


class Act(StrictSerializer):
    """One action of document 003 on a customer; the keys depend on the action."""

    action = serializers.ChoiceField(sorted({*ACTS, *map(camel_case, ACTS)}))
    booking_id = serializers.UUIDField(required=False)
    booking_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=50, required=False
    )
    amount = amount_input(required=False)
    currency = currency_input()
    reason_code = serializers.ChoiceField(
        sorted({*RefundReason.values, *CreditReason.values}), required=False
    )
    reason = reason_input(required=False)
    flag = serializers.SlugField(max_length=50, required=False)

    def validate_action(self, value: str) -> str:
        """Take both spellings of a name."""
        return snake_case(value)

    def validate(self, attrs: JsonObject) -> JsonObject:
        """Refuse keys that the action lacks, and those that it does not take."""
        required, optional = ACTS[attrs["action"]]
        given = attrs.keys() - {"action"}
        missing = serializers.ErrorDetail("This act needs it.", "required")
        unexpected = serializers.ErrorDetail(
            "This act does not take it.", "unknown_field"
        )
        errors = {camel_case(name): [missing] for name in required - given}
        errors |= {
            camel_case(name): [unexpected] for name in given - required - optional
        }
        codes = _REASON_CODES.get(attrs["action"], [])
        if codes and attrs.get("reason_code", codes[0]) not in codes:
            choice = serializers.ErrorDetail("Not of this act.", "invalid_choice")
            errors.setdefault("reasonCode", [choice])
        if errors:
            raise serializers.ValidationError(errors)
        return attrs
