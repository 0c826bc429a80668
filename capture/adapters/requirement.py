"""The JSON of the source documents 000, 001 and 002, in snake_case and camelCase."""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit.json_text import JsonObject
from capture.adapters.item import Item
from capture.adapters.values import answer, misfit
from capture.choices import CaptureType
from capture.envelope import Identity, Issue

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_EMAIL = ("user_email", "email")
# Next to a full name, a user name is often a nickname.
_PERSON = ("full_name", "name", "user_name")
_NAME = ("user_name", "full_name", "name")
_PHONE = ("mobile_number", "phone")

# Two of these that differ leave open who it is, or how much: a conflict, like one key
# in both styles. Of other names for the same thing the first one counts.
_ONE_VALUE = (
    _EMAIL,
    ("plan_name_payment", "plan_name"),
    ("final_price", "payment_amount", "amount"),
    ("discount_amount", "discount"),
)
SCREENSHOT_KEYS = ("account_screenshot",)
_ANSWERS = (
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
    "screenshot_filename",
    "trading_experience",
    "risk_tolerance",
    "trading_goals",
)
# Every message but one about names may answer it.
CONSENT = "marketing_consent"
# Of one refund, or of a dispute, beside the running total of all refunds.
_OF_REFUNDS = (
    "refund_id",
    "refund_amount",
    "refund_status",
    "dispute_id",
    "dispute_amount",
    "dispute_status",
)
# Of the person, when a server tells of them.
_TRACE = {"ip_address": ("ip_address",), "user_agent": ("user_agent",)}
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    CaptureType.SIGNUP: {
        "full_name": _PERSON,
        "mobile_number": _PHONE,
        "plan": ("plan", "plan_type", "membership_tier"),
        "signup_date": ("signup_date", "join_date"),
        "signup_method": ("signup_method",),
        "signup_source": ("signup_source", "source"),
        "referral_code": ("referral_code", "referral"),
        "email_verified": ("email_verified",),
        "preferred_categories": ("preferred_categories",),
        "location": ("location",),
        **_TRACE,
    },
    CaptureType.PROFILE: {
        "full_name": _PERSON,
        "mobile_number": _PHONE,
        "signup_method": ("signup_method",),
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
        **_TRACE,
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
        "transaction_id": ("transaction_id", "order_id"),
        "amount_refunded": ("amount_refunded",),
        **{name: (name,) for name in _OF_REFUNDS},
        **_TRACE,
        "currency": ("currency",),
        "crypto_transaction_hash": ("crypto_transaction_hash",),
        "crypto_from_address": ("crypto_from_address",),
        "crypto_amount": ("crypto_amount",),
    },
    CaptureType.QUESTIONNAIRE: {
        "full_name": _NAME,
        **{name: (name,) for name in _ANSWERS},
        "answers": ("answers", "questionnaire_data"),
        "account_screenshot": SCREENSHOT_KEYS,
        **_TRACE,
    },
    CaptureType.DASHBOARD: {
        "full_name": _NAME,
        "dashboard_state": ("dashboard_data", "dashboard_state"),
        "trading_state": ("trading_state",),
        "theme": ("theme",),
        **_TRACE,
    },
    CaptureType.PAGE: {"properties": ("properties",)},
    CaptureType.EVENT: {"properties": ("properties",)},
    CaptureType.ALIAS: {},
    CaptureType.CONSENT: {},
}
# Our name: the names it comes under.
NAMES = {
    kind: names if kind == CaptureType.ALIAS else {**names, CONSENT: (CONSENT,)}
    for kind, names in _NAMES.items()
}
AMOUNTS = (
    "original_price",
    "discount_amount",
    "final_price",
    "amount_refunded",
    "refund_amount",
    "dispute_amount",
)
AMOUNT_KEYS = frozenset(
    key for name in AMOUNTS for key in NAMES[CaptureType.PAYMENT][name]
)
# The column with the time of the event, where the document names one.
_WHEN = {
    CaptureType.SIGNUP: "signup_date",
    CaptureType.LOGIN: "login_time",
    CaptureType.PAYMENT: "payment_date",
}

# Free events have a name of their own; elsewhere it is the person's.
_NAMED = (CaptureType.PAGE, CaptureType.EVENT)
_IDENTITY = {
    "email": _EMAIL,
    "user_id": ("user_id",),
    "anonymous_id": ("anonymous_id",),
    "previous_id": ("previous_id",),
    "phone": _PHONE,
}


def read_requirement(kind: str, body: dict[str, object]) -> Item:
    """Return a message of one route; unknown keys stay in the body and go nowhere."""
    spelled = _Spellings(body)
    names = {**_IDENTITY, **NAMES[kind]}
    if kind == CaptureType.SIGNUP:
        # As its document names it; a refusal points to the first one.
        names["email"] = _EMAIL[::-1]
    values = {name: spelled.take(*keys) for name, keys in names.items()}
    given = {name: values[name] for name in NAMES[kind] if values[name] is not None}
    sent_as = {name: spelled.key(*keys) for name, keys in names.items()}
    _give_amount_to_refund(given, sent_as)
    identity = Identity(**{name: _clean_text(values[name]) for name in _IDENTITY})
    when = given.get(_WHEN.get(CaptureType(kind), ""))
    gpc = spelled.take("gpc")
    return Item(
        identity=identity,
        fields=given,
        sent_as=sent_as,
        message_id=_clean_text(spelled.take("message_id")),
        timestamp=when if when is not None else spelled.take("timestamp"),
        sent_at=spelled.take("sent_at"),
        issue=spelled.issue,
        name=_clean_text(spelled.take("name")) if kind in _NAMED else None,
        gpc=answer(gpc) or None,
        warnings=(
            *spelled.no_text(*_IDENTITY.values(), ("message_id",)),
            *(spelled.no_text(("name",)) if kind in _NAMED else ()),
            *misfit(spelled.key("gpc"), gpc, answer(gpc)),
        ),
    )


def _give_amount_to_refund(given: JsonObject, sent_as: dict[str, str]) -> None:
    """Take a bare amount beside the id of a refund for the amount of that refund."""
    is_bare = snake(sent_as.get("final_price", "")) == "amount"
    if is_bare and "refund_id" in given and "refund_amount" not in given:
        given["refund_amount"] = given.pop("final_price", None)
        sent_as["refund_amount"] = sent_as["final_price"]


class _Spellings:
    """Finds a value under each of its names, in both styles of writing them."""

    def __init__(self, body: JsonObject) -> None:
        self.issue: Issue | None = None
        self.keys: dict[str, list[str]] = {}
        for key in body:
            self.keys.setdefault(snake(key), []).append(key)
        self.body = body

    def take(self, *names: str) -> object:
        """Return the value of the first of these names that has one."""
        single = ((name,) for name in names)
        for group in (*single, *(g for g in _ONE_VALUE if set(g) <= set(names))):
            self._compare(self._filled(group))
        keys = self._filled(names)
        return self.body[keys[0]] if keys else None

    def key(self, *names: str) -> str:
        """Return the key as it was sent, or as it should have been."""
        return next(iter(self._filled(names)), names[0])

    def no_text(self, *groups: tuple[str, ...]) -> list[tuple[str, str]]:
        """Return a warning for each value that should be text, and is none."""
        warnings = []
        for names in groups:
            value = self.take(*names)
            warnings += misfit(self.key(*names), value, _clean_text(value))
        return warnings

    def _filled(self, names: Iterable[str]) -> list[str]:
        keys = [key for name in names for key in self.keys.get(name, ())]
        return [key for key in keys if self.body[key] is not None]

    def _compare(self, keys: list[str]) -> None:
        if any(self.body[key] != self.body[keys[0]] for key in keys):
            self.issue = self.issue or Issue(
                "conflicting_keys",
                f"/{keys[-1]}",
                f"{' and '.join(keys)} say different things. Send one of them.",
            )


def snake(key: str) -> str:
    """Return a key in snake_case."""
    return _CAMEL.sub(r"_\1", key).lower()


def _clean_text(value: object) -> str | None:
    if value is None or isinstance(value, dict | list | bool):
        return None
    return str(value).strip() or None
