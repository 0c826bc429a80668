"""Captures in typed columns: projections that a rebuild makes again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.fields import NullCharField, NullTextField, SealedJSONField
from capture.choices import Trust
from capture.models.base import BusinessModel, UntrackedModel, money
from capture.models.capture import Capture

TRACE: dict[str, str] = {"ip_address": "trace", "user_agent": "trace"}


class Projection(UntrackedModel, BusinessModel):
    """What every typed row has: its capture, its customer if known, its times."""

    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="%(class)ss"
    )
    capture = models.OneToOneField(Capture, models.PROTECT, related_name="%(class)s")
    trust = models.CharField(max_length=10, choices=Trust.choices)
    occurred_at = models.DateTimeField()
    ip_address = NullCharField(max_length=45)
    user_agent = NullTextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Signup(Projection):
    """A person signed up."""

    privacy: ClassVar[dict[str, str]] = {
        **TRACE,
        "user_id": "identity",
        "email": "contact",
        "full_name": "identity",
        "mobile_number": "contact",
        "plan": "public",
        "signup_method": "public",
        "signup_source": "public",
        "referral_code": "behaviour",
        "preferred_categories": "behaviour",
        "location": "contact",
    }

    user_id = NullCharField(max_length=255)
    email = NullCharField(max_length=254)
    full_name = NullCharField(max_length=200)
    mobile_number = NullCharField(max_length=50)
    plan = models.CharField(max_length=200, null=True)
    signup_date = models.DateTimeField()
    signup_method = models.CharField(max_length=50, default="email")
    signup_source = models.CharField(max_length=100, default="website")
    referral_code = NullCharField(max_length=100)
    email_verified = models.BooleanField(default=False)
    marketing_consent = models.BooleanField(null=True)
    preferred_categories = SealedJSONField(null=True)
    location = NullCharField(max_length=200)

    class Meta:
        ordering = ("-occurred_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["business", "-occurred_at"], name="signup_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="signup_newest"),
        ]

    def __str__(self) -> str:
        return _("signup")


class Login(Projection):
    """A person signed in, or tried to."""

    privacy: ClassVar[dict[str, str]] = {
        **TRACE,
        "email": "contact",
        "login_method": "public",
        "device_info": "trace",
        "failure_reason": "free_text",
    }

    email = NullCharField(max_length=254)
    login_time = models.DateTimeField()
    login_method = models.CharField(max_length=50, default="password")
    success = models.BooleanField(default=True)
    device_info = NullCharField(max_length=255)
    failure_reason = NullTextField()

    class Meta:
        ordering = ("-occurred_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["business", "-occurred_at"], name="login_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="login_newest"),
        ]

    def __str__(self) -> str:
        return _("login")


def _decimal(digits: int, scale: int) -> models.DecimalField:
    return models.DecimalField(max_digits=digits, decimal_places=scale, null=True)


class Questionnaire(Projection):
    """A person answered the questionnaire. The screenshot is a private file."""

    privacy: ClassVar[dict[str, str]] = {
        **TRACE,
        "trust": "public",
        "user_id": "identity",
        "user_email": "contact",
        "user_name": "identity",
        "trades_per_day": "behaviour",
        "trading_session": "behaviour",
        "crypto_assets": "behaviour",
        "forex_assets": "behaviour",
        "custom_forex_pairs": "behaviour",
        "has_account": "behaviour",
        "prop_firm": "behaviour",
        "account_type": "behaviour",
        "risk_reward_ratio": "behaviour",
        "account_screenshot": "behaviour",
        "screenshot_filename": "behaviour",
        "screenshot_type": "public",
        "trading_experience": "free_text",
        "risk_tolerance": "free_text",
        "trading_goals": "free_text",
        "answers": "behaviour",
    }

    user_id = NullCharField(max_length=255)
    user_email = NullCharField(max_length=254)
    user_name = NullCharField(max_length=200)
    trades_per_day = NullCharField(max_length=100)
    trading_session = NullCharField(max_length=100)
    crypto_assets = SealedJSONField(null=True)
    forex_assets = SealedJSONField(null=True)
    custom_forex_pairs = SealedJSONField(null=True)
    has_account = NullCharField(max_length=100)
    account_equity = money()
    prop_firm = NullCharField(max_length=100)
    account_type = NullCharField(max_length=100)
    account_size = money()
    risk_percentage = _decimal(5, 2)
    risk_reward_ratio = NullCharField(max_length=100)
    account_screenshot = NullCharField("screenshot", max_length=64)
    screenshot_filename = NullCharField(max_length=255)
    screenshot_size = models.PositiveIntegerField(null=True)
    screenshot_type = models.CharField(max_length=50, null=True)
    trading_experience = NullTextField()
    risk_tolerance = NullTextField()
    trading_goals = NullTextField()
    # Text of JSON: its numbers keep their digits, and both engines take every key.
    answers = NullTextField()

    class Meta:
        ordering = ("-occurred_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["business", "-occurred_at"], name="answers_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="answers_newest"),
        ]

    def __str__(self) -> str:
        return _("questionnaire")


class DashboardSnapshot(Projection):
    """A state of a person's dashboard, seen from `occurred_at` to `last_seen_at`.

    A state that comes again unchanged is a sighting; the state that was seen last is
    the current one.
    """

    privacy: ClassVar[dict[str, str]] = {
        **TRACE,
        "trust": "public",
        "user_id": "identity",
        "user_email": "contact",
        "user_name": "identity",
        "theme": "public",
        "dashboard_state": "behaviour",
        "trading_state": "behaviour",
        "state_hash": "behaviour",
    }

    user_id = NullCharField(max_length=255)
    user_email = NullCharField(max_length=254)
    user_name = NullCharField(max_length=200)
    initial_equity = money()
    current_equity = money()
    total_pnl = money()
    win_rate = _decimal(5, 2)
    total_trades = models.BigIntegerField(null=True)
    winning_trades = models.BigIntegerField(null=True)
    losing_trades = models.BigIntegerField(null=True)
    average_win = _decimal(12, 2)
    average_loss = _decimal(12, 2)
    profit_factor = _decimal(10, 4)
    max_drawdown = _decimal(12, 2)
    current_drawdown = _decimal(12, 2)
    gross_profit = money()
    gross_loss = money()
    consecutive_wins = models.BigIntegerField(null=True)
    consecutive_losses = models.BigIntegerField(null=True)
    risk_per_trade = _decimal(5, 2)
    daily_loss_limit = _decimal(5, 2)
    consecutive_losses_limit = models.BigIntegerField(null=True)
    account_balance = money()
    account_equity_dash = money()
    theme = models.CharField(max_length=20, default="dark")
    dashboard_state = NullTextField()
    trading_state = NullTextField()
    state_hash = NullCharField(max_length=64)
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-last_seen_at", "-id")
        indexes: ClassVar = [
            models.Index(
                fields=["business", "-occurred_at"], name="dashboard_occurred"
            ),
            models.Index(fields=["customer", "-last_seen_at"], name="dashboard_seen"),
            models.Index(
                fields=["business", "user_email", "-last_seen_at"],
                name="dashboard_person",
            ),
            models.Index(
                fields=["business", "user_id", "-last_seen_at"], name="dashboard_user"
            ),
            models.Index(fields=["-last_seen_at", "-id"], name="dashboard_newest"),
        ]

    def __str__(self) -> str:
        return _("dashboard")
