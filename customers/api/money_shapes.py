"""What the endpoints of money, flags and papers take and answer.

Amounts of answers are texts in the currency's own decimals, as `/api/v1` writes them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from audit.api.reading import StrictSerializer, camel_case, snake_case
from customers.choices import CreditKind, CreditReason, RefundReason, RefundStatus
from customers.models import Credit, Flag, Refund
from customers.money import quantise

_LEAST = Decimal("0.001")


def _amount(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=15, decimal_places=3, min_value=_LEAST, **kwargs
    )


def _currency() -> serializers.CharField:
    return serializers.CharField(min_length=3, max_length=3, required=False)


def _why(**kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=500, **kwargs)


# --- bodies --------------------------------------------------------------------------


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


# --- answers -------------------------------------------------------------------------


class Answer(serializers.Serializer[Any]):
    """Described only: nothing is parsed by it."""


class Pages(Answer):
    page = serializers.IntegerField()
    limit = serializers.IntegerField()
    total = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    total_is_capped = serializers.BooleanField()


class OneRefund(Answer):
    id = serializers.UUIDField()
    booking_id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(RefundStatus.choices)
    needs = serializers.ChoiceField(["second_person"], allow_null=True)
    reason_code = serializers.ChoiceField(RefundReason.choices)
    reason = serializers.CharField(allow_null=True)
    requested_by_id = serializers.UUIDField(allow_null=True)
    approved_by_id = serializers.UUIDField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    refunded_total = serializers.CharField()


class Refunds(Answer):
    refunds = OneRefund(many=True)
    refunded_total = serializers.CharField()
    left = serializers.CharField()
    currency = serializers.CharField()
    pagination = Pages()


class OneCredit(Answer):
    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    kind = serializers.ChoiceField(CreditKind.choices)
    amount = serializers.CharField()
    currency = serializers.CharField()
    reason_code = serializers.ChoiceField(CreditReason.choices)
    reason = serializers.CharField(allow_null=True)
    booking_id = serializers.UUIDField(allow_null=True)
    reverses_id = serializers.UUIDField(allow_null=True)
    expires_on = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()


class WrittenCredit(OneCredit):
    balance = serializers.CharField()


class Credits(Answer):
    balances = serializers.DictField(child=serializers.CharField())
    credits = OneCredit(many=True)
    pagination = Pages()


class OneFlag(Answer):
    code = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    added_by_id = serializers.UUIDField(allow_null=True)
    added_at = serializers.DateTimeField()


class Flags(Answer):
    flags = OneFlag(many=True)


class OneInvoice(Answer):
    booking_id = serializers.UUIDField()
    number = serializers.CharField()


class SentInvoices(Answer):
    invoices = OneInvoice(many=True)


class Link(Answer):
    link = serializers.CharField()
    expires_at = serializers.DateTimeField()


class Done(Answer):
    success = serializers.BooleanField()
    action = serializers.ChoiceField(sorted(ACTS))
    result = serializers.DictField()
    operation_id = serializers.UUIDField()


# --- filling them --------------------------------------------------------------------


def written(amount: Decimal, currency: str) -> str:
    """Return an amount as a text in the currency's own decimals."""
    return str(quantise(amount, currency))


def refund(row: Refund, refunded: Decimal) -> dict[str, Any]:
    """Return one refund, and what has gone back of its booking in all."""
    waits = row.status == RefundStatus.REQUESTED
    return {
        "id": row.pk,
        "booking_id": row.booking_id,
        "customer_id": row.customer_id,
        "amount": written(row.amount, row.currency),
        "currency": row.currency,
        "status": row.status,
        "needs": "second_person" if waits else None,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "requested_by_id": row.requested_by_id,
        "approved_by_id": row.approved_by_id,
        "settled_at": row.settled_at,
        "created_at": row.created_at,
        "refunded_total": written(refunded, row.currency),
    }


def credit(row: Credit) -> dict[str, Any]:
    """Return one entry of somebody's credit."""
    return {
        "id": row.pk,
        "customer_id": row.customer_id,
        "kind": row.kind,
        "amount": written(row.amount, row.currency),
        "currency": row.currency,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "booking_id": row.booking_id,
        "reverses_id": row.reverses_id,
        "expires_on": row.expires_on,
        "created_at": row.created_at,
    }


def flag(row: Flag) -> dict[str, Any]:
    """Return one flag that stands."""
    return {
        "code": row.code,
        "reason": row.reason,
        "added_by_id": row.added_by_id,
        "added_at": row.created_at,
    }
