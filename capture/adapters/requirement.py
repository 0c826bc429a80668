"""The JSON of the source documents 000, 001 and 002, in snake_case and camelCase."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from capture.choices import CaptureType
from capture.envelope import Identity, Problem

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_EMAIL = ("user_email", "email")
_NAME = ("user_name", "full_name", "name")
_PHONE = ("mobile_number", "phone")

# Our name: the names it comes under, the first of which wins nothing: different values
# under two of them are a conflict.
NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    CaptureType.SIGNUP: {
        "full_name": _NAME,
        "mobile_number": _PHONE,
        "plan": ("plan", "plan_type", "membership_tier"),
        "signup_date": ("signup_date", "join_date"),
        "signup_method": ("signup_method",),
        "signup_source": ("signup_source", "source"),
        "referral_code": ("referral_code", "referral"),
        "email_verified": ("email_verified",),
        "marketing_consent": ("marketing_consent",),
        "preferred_categories": ("preferred_categories",),
        "location": ("location",),
    },
    CaptureType.PROFILE: {
        "full_name": _NAME,
        "mobile_number": _PHONE,
        "signup_method": ("signup_method",),
        "marketing_consent": ("marketing_consent",),
        "status": ("status",),
        "source": ("source",),
        "location": ("location",),
        "last_login_at": ("last_login_at",),
    },
    CaptureType.LOGIN: {
        "login_time": ("login_time",),
        "login_method": ("login_method",),
        "success": ("success",),
        "device_info": ("device_info",),
        "failure_reason": ("failure_reason",),
        "ip_address": ("ip_address",),
    },
    CaptureType.PAYMENT: {
        "full_name": _NAME,
        "plan_name": ("plan_name_payment", "plan_name", "plan", "plan_type"),
        "original_price": ("original_price",),
        "discount_amount": ("discount_amount", "discount"),
        "final_price": ("final_price", "payment_amount", "amount"),
        "coupon_code": ("coupon_code", "coupon"),
        "payment_method": ("payment_method",),
        "payment_processor": ("payment_processor",),
        "payment_status": ("payment_status",),
        "payment_date": ("payment_date",),
        "transaction_id": ("transaction_id",),
        "currency": ("currency",),
        "crypto_transaction_hash": ("crypto_transaction_hash",),
        "crypto_from_address": ("crypto_from_address",),
        "crypto_amount": ("crypto_amount",),
    },
    CaptureType.QUESTIONNAIRE: {
        "full_name": _NAME,
        "answers": ("answers", "questionnaire_data"),
    },
    CaptureType.DASHBOARD: {"full_name": _NAME, "theme": ("theme",)},
}
# The column that tells when it happened, where the document names one.
_WHEN = {
    CaptureType.SIGNUP: "signup_date",
    CaptureType.LOGIN: "login_time",
    CaptureType.PAYMENT: "payment_date",
}


@dataclass(frozen=True)
class Item:
    """One message in our words."""

    identity: Identity
    fields: dict[str, Any]
    message_id: str | None
    timestamp: Any
    sent_at: Any
    problem: Problem | None


def read(kind: str, body: dict[str, Any]) -> Item:
    """Return a message of one route; unknown keys stay in the body and go nowhere."""
    spelled = _Spellings(body)
    found = {name: spelled.take(*keys) for name, keys in NAMES[kind].items()}
    given = {name: value for name, value in found.items() if value is not None}
    identity = Identity(
        email=_text(spelled.take(*_EMAIL)),
        user_id=_text(spelled.take("user_id")),
        anonymous_id=_text(spelled.take("anonymous_id")),
        phone=_text(spelled.take(*_PHONE)),
    )
    when = given.get(_WHEN.get(CaptureType(kind), ""))
    return Item(
        identity=identity,
        fields=given,
        message_id=_text(spelled.take("message_id")),
        timestamp=when if when is not None else spelled.take("timestamp"),
        sent_at=spelled.take("sent_at"),
        problem=spelled.problem,
    )


class _Spellings:
    """Finds a value under each of its names, in both styles of writing them."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.problem: Problem | None = None
        self.keys: dict[str, list[str]] = {}
        for key in body:
            self.keys.setdefault(snake(key), []).append(key)
        self.body = body

    def take(self, *names: str) -> Any:
        found = [key for name in names for key in self.keys.get(name, ())]
        values = [self.body[key] for key in found if self.body[key] is not None]
        if any(value != values[0] for value in values):
            self.problem = self.problem or Problem(
                "conflicting_keys",
                f"/{found[-1]}",
                f"{' and '.join(found)} say different things. Send one of them.",
            )
        return values[0] if values else None


def snake(key: str) -> str:
    """Return a key in snake_case."""
    return _CAMEL.sub(r"_\1", key).lower()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, dict | list | bool):
        return None
    return str(value).strip() or None
