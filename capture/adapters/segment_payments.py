"""Purchases as track events tell of them, by the names of the e-commerce spec."""

from __future__ import annotations

import re

from audit.json_text import JsonObject
from capture.adapters.requirement import AMOUNTS, snake
from capture.adapters.values import text, without_none

_AMOUNT = ("revenue", "total", "value", "final_price", "amount")
# Our name: the names of the property, in snake_case; the first that has a value counts.
_PROPERTIES: dict[str, tuple[str, ...]] = {
    "final_price": _AMOUNT,
    "original_price": ("original_price", "subtotal"),
    "discount_amount": ("discount_amount", "discount"),
    "amount_refunded": ("amount_refunded",),
    "refund_id": ("refund_id",),
    "refund_amount": ("refund_amount",),
    "refund_status": ("refund_status",),
    "dispute_id": ("dispute_id",),
    "dispute_amount": ("dispute_amount",),
    "dispute_status": ("dispute_status",),
    "transaction_id": ("transaction_id", "order_id"),
    "plan_name": ("plan_name", "plan", "plan_type"),
    "coupon_code": ("coupon_code", "coupon"),
    "payment_method": ("payment_method",),
    "payment_processor": ("payment_processor", "processor"),
    "payment_status": ("payment_status",),
    "currency": ("currency",),
    "full_name": ("user_name", "full_name"),
}
ORDER_AMOUNT_KEYS = frozenset(key for name in AMOUNTS for key in _PROPERTIES[name])
# A name that holds none of these says that it was paid.
_UNPAID = {
    "pending": "pending",
    "processing": "processing",
    "failed": "failed",
    "declined": "declined",
    "cancelled": "cancelled",
    "canceled": "canceled",
    "refunded": "refunded",
    "disputed": "disputed",
    "started": "created",
    "initiated": "created",
    "attempted": "created",
    "requested": "created",
}
_WORD = re.compile(r"[a-z]+")


def read_order(name: str, properties: JsonObject) -> tuple[JsonObject, dict[str, str]]:
    """Return the fields of a payment, and the key that each one came under."""
    keys: dict[str, str] = {}
    for key, value in properties.items():
        if value is not None:
            keys.setdefault(snake(key), key)
    used = {
        ours: keys[given]
        for ours, ways in _PROPERTIES.items()
        for given in [next((way for way in ways if way in keys), None)]
        if given is not None
    }
    fields = {ours: properties[key] for ours, key in used.items()}
    if (outcome := _outcome(name)) is not None:
        fields.setdefault("payment_status", outcome)
    if isinstance(fields.get("currency"), str):
        fields["currency"] = fields["currency"].strip().upper()
    is_refund = fields.get("payment_status") == "refunded" or "refund_id" in fields
    if is_refund and not {"amount_refunded", "refund_amount"} & fields.keys():
        # The amount of a refund is what went back by it, not what was paid.
        _move(fields, used, "final_price", "refund_amount")
    fields["transaction_id"] = text(fields.get("transaction_id"))
    products = properties.get("products")
    fields["products"] = products if isinstance(products, list) else None
    sent_as = {ours: f"properties/{key}" for ours, key in used.items()}
    return without_none(fields), sent_as


def _outcome(name: str) -> str | None:
    """Return how a payment went by the name of its event; None if it stays as it is."""
    words = _WORD.findall(name.lower())
    if "updated" in words:
        return None
    return next((_UNPAID[word] for word in words if word in _UNPAID), "completed")


def _move(fields: JsonObject, used: dict[str, str], source: str, target: str) -> None:
    for mapping in (fields, used):
        if source in mapping:
            mapping[target] = mapping.pop(source)
