"""Captures in typed columns, and where they come from, in the canonical API."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from rest_framework import serializers

from audit.rest.expansion import Related
from audit.rest.filters import OfCustomer, TableFilters
from audit.rest.model_serializers import HubModelSerializer
from capture.choices import DisputeStatus, ProviderRefundStatus
from capture.models import (
    ApiKey,
    DashboardSnapshot,
    Login,
    Payment,
    Questionnaire,
    Signup,
    Source,
)
from customers.api.serializers.base import MoneyModelSerializer
from customers.api.tables.base import CUSTOMER, HubViewSet

_HEAD = ["id", "business_id", "customer_id", "capture_id", "trust", "occurred_at"]
_TRACE = ["ip_address", "user_agent", "created_at", "updated_at"]
_WHO = ["user_id", "user_email", "user_name"]
_REFUND_STATUSES = ProviderRefundStatus.values
_TIMES = ("trust", "occurred_at", "created_at")


class CopySerializer(HubModelSerializer):
    """An instance that repeats what somebody sent."""

    is_copy = True


class TypedCaptureViewSet(HubViewSet):
    """A table of captures of one type, made again by each rebuild."""

    tag = "Captures"
    filterset_base = OfCustomer
    cursor_field = "occurred_at"
    ordering_fields: ClassVar[tuple[str, ...]] = ("occurred_at", "created_at")
    related: ClassVar = {"customer": CUSTOMER}


class SignupSerializer(CopySerializer):
    """A person signed up."""

    class Meta:
        model = Signup
        fields: ClassVar = [
            *_HEAD,
            "user_id",
            "email",
            "full_name",
            "mobile_number",
            "plan",
            "signup_date",
            "signup_method",
            "signup_source",
            "referral_code",
            "email_verified",
            "marketing_consent",
            "preferred_categories",
            "location",
            *_TRACE,
        ]


class SignupViewSet(TypedCaptureViewSet):
    """Who signed up, when and from where."""

    model = Signup
    serializer_class = SignupSerializer
    filterset_fields = (
        "plan",
        "signup_method",
        "signup_source",
        "signup_date",
        *_TIMES,
    )


class LoginSerializer(CopySerializer):
    """A person signed in, or tried to."""

    class Meta:
        model = Login
        fields: ClassVar = [
            *_HEAD,
            "email",
            "login_time",
            "login_method",
            "success",
            "device_info",
            "failure_reason",
            *_TRACE,
        ]


class LoginViewSet(TypedCaptureViewSet):
    """Who signed in, or tried to."""

    model = Login
    serializer_class = LoginSerializer
    filterset_fields = (
        "success",
        "login_method",
        "login_time",
        *_TIMES,
    )


class PaymentRefundSerializer(serializers.Serializer[object]):
    """A refund or dispute of a payment, as its provider last told of it.

    Without an amount it is about all of the payment.
    """

    kind = serializers.ChoiceField(("refund", "dispute"))
    id = serializers.CharField(allow_null=True)
    amount = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    status = serializers.ChoiceField((*_REFUND_STATUSES, *DisputeStatus.values))
    at = serializers.CharField()


class PaymentSerializer(CopySerializer, MoneyModelSerializer):
    """One payment; a claim until a server or a signed webhook confirms it."""

    amounts = ("original_price", "discount_amount", "final_price", "amount_refunded")
    refunds = PaymentRefundSerializer(many=True, read_only=True, allow_null=True)

    class Meta:
        model = Payment
        fields: ClassVar = [
            "id",
            "business_id",
            "customer_id",
            "first_capture_id",
            "latest_capture_id",
            "trust",
            "occurred_at",
            *_WHO,
            "plan_name",
            "original_price",
            "discount_amount",
            "final_price",
            "amount_refunded",
            "refunds",
            "currency",
            "currency_assumed",
            "coupon_code",
            "payment_method",
            "payment_processor",
            "transaction_id",
            "payment_status",
            "state",
            "verified",
            "crypto_transaction_hash",
            "crypto_from_address",
            "crypto_amount",
            *_TRACE,
        ]


class PaymentViewSet(TypedCaptureViewSet):
    """Payments of processors, confirmed or claimed."""

    model = Payment
    serializer_class = PaymentSerializer
    filterset_fields = (
        "state",
        "verified",
        "transaction_id",
        "payment_processor",
        "plan_name",
        "currency",
        "final_price",
        *_TIMES,
    )
    ordering_fields = (*TypedCaptureViewSet.ordering_fields, "final_price")


class QuestionnaireSerializer(CopySerializer):
    """Answers of a person; amounts have no currency."""

    class Meta:
        model = Questionnaire
        fields: ClassVar = [
            *_HEAD,
            *_WHO,
            "trades_per_day",
            "trading_session",
            "crypto_assets",
            "forex_assets",
            "custom_forex_pairs",
            "has_account",
            "account_equity",
            "prop_firm",
            "account_type",
            "account_size",
            "risk_percentage",
            "risk_reward_ratio",
            "account_screenshot",
            "screenshot_filename",
            "screenshot_size",
            "screenshot_type",
            "trading_experience",
            "risk_tolerance",
            "trading_goals",
            "answers",
            *_TRACE,
        ]


class QuestionnaireViewSet(TypedCaptureViewSet):
    """Answered questionnaires."""

    model = Questionnaire
    serializer_class = QuestionnaireSerializer
    filterset_fields = _TIMES


class DashboardSerializer(CopySerializer):
    """A state of a person's dashboard; amounts have no currency."""

    class Meta:
        model = DashboardSnapshot
        fields: ClassVar = [
            *_HEAD,
            "last_seen_at",
            *_WHO,
            "initial_equity",
            "current_equity",
            "total_pnl",
            "win_rate",
            "total_trades",
            "winning_trades",
            "losing_trades",
            "average_win",
            "average_loss",
            "profit_factor",
            "max_drawdown",
            "current_drawdown",
            "gross_profit",
            "gross_loss",
            "consecutive_wins",
            "consecutive_losses",
            "risk_per_trade",
            "daily_loss_limit",
            "consecutive_losses_limit",
            "account_balance",
            "account_equity_dash",
            "theme",
            "dashboard_state",
            "trading_state",
            *_TRACE,
        ]


class DashboardViewSet(TypedCaptureViewSet):
    """States of dashboards, from when to when each was seen."""

    model = DashboardSnapshot
    serializer_class = DashboardSerializer
    filterset_fields = (
        "last_seen_at",
        *_TIMES,
    )
    ordering_fields = (*TypedCaptureViewSet.ordering_fields, "last_seen_at")


class SourceSerializer(HubModelSerializer):
    """A site, server or provider that sends captures."""

    class Meta:
        model = Source
        fields: ClassVar = [
            "id",
            "business_id",
            "slug",
            "name",
            "consent_wording_version",
            "event_types",
            "is_active",
            "created_at",
            "updated_at",
        ]


class SourceViewSet(HubViewSet):
    """Where captures come from."""

    tag = "Sources and keys"
    model = Source
    serializer_class = SourceSerializer
    filterset_fields = (
        "slug",
        "is_active",
    )
    ordering_fields = ("name", "created_at")


class KeySerializer(HubModelSerializer):
    """A key of a source: its first signs and what it may do, never the key."""

    class Meta:
        model = ApiKey
        fields: ClassVar = [
            "id",
            "business_id",
            "source_id",
            "kind",
            "prefix",
            "scopes",
            "origins",
            "requires_origin",
            "networks",
            "replaces_id",
            "expires_at",
            "revoked_at",
            "created_at",
            "updated_at",
        ]


class KeyFilters(TableFilters):
    source = django_filters.UUIDFilter(field_name="source_id")


class KeyViewSet(HubViewSet):
    """Keys of sources."""

    tag = "Sources and keys"
    model = ApiKey
    serializer_class = KeySerializer
    filterset_base = KeyFilters
    filterset_fields = (
        "kind",
        "expires_at",
        "revoked_at",
        "created_at",
    )
    ordering_fields = ("created_at", "expires_at")
    related: ClassVar = {"source": Related(SourceSerializer, "source")}
