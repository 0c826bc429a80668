"""What the acts with money and flags take."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from audit.rest.serializers import StrictSerializer, camel_case, snake_case
from customers.choices import CreditReason, RefundReason

_LEAST = Decimal("0.001")


def _amount(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=15, decimal_places=3, min_value=_LEAST, **kwargs
    )


def _currency() -> serializers.CharField:
    return serializers.CharField(min_length=3, max_length=3, required=False)


def _why(**kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=500, **kwargs)


class AskRefund(StrictSerializer):
    """Without an amount all that is left goes back."""

    amount = _amount(required=False)
    currency = _currency()
    reason_code = serializers.ChoiceField(RefundReason.choices)
    reason = _why(required=False)


class GiveReason(StrictSerializer):
    reason = _why()


class IssueCredit(StrictSerializer):
    amount = _amount()
    currency = _currency()
    reason_code = serializers.ChoiceField(CreditReason.choices, required=False)
    reason = _why(required=False)
    expires_on = serializers.DateField(required=False)


class SpendCredit(StrictSerializer):
    amount = _amount()
    currency = _currency()
    booking = serializers.CharField(max_length=100, required=False)
    reason = _why(required=False)


class AddFlag(StrictSerializer):
    code = serializers.SlugField(max_length=50)
    reason = _why()


# What each act needs, and what it takes besides.
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
    """One act of document 003 on a customer; which keys it takes depends on it."""

    action = serializers.ChoiceField(sorted({*ACTS, *map(camel_case, ACTS)}))
    booking_id = serializers.UUIDField(required=False)
    booking_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=50, required=False
    )
    amount = _amount(required=False)
    currency = _currency()
    reason_code = serializers.ChoiceField(
        sorted({*RefundReason.values, *CreditReason.values}), required=False
    )
    reason = _why(required=False)
    flag = serializers.SlugField(max_length=50, required=False)

    def validate_action(self, value: str) -> str:
        """Take both spellings of a name."""
        return snake_case(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what the act lacks, and what it does not take."""
        needed, more = ACTS[attrs["action"]]
        given = attrs.keys() - {"action"}
        missing = serializers.ErrorDetail("This act needs it.", "required")
        strange = serializers.ErrorDetail("This act does not take it.", "unknown_field")
        wrong = {camel_case(name): [missing] for name in needed - given}
        wrong |= {camel_case(name): [strange] for name in given - needed - more}
        codes = _REASON_CODES.get(attrs["action"], [])
        if codes and attrs.get("reason_code", codes[0]) not in codes:
            choice = serializers.ErrorDetail("Not of this act.", "invalid_choice")
            wrong.setdefault("reasonCode", [choice])
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs
