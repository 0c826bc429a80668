"""What Stripe's objects hold, in the shapes of its older and newer API versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from audit.json_text import JsonObject
from capture.adapters.values import (
    Place,
    currency_of,
    first,
    from_minor,
    required,
    without_none,
)
from capture.envelope import Identity


@dataclass(frozen=True)
class Money:
    """The amounts of a purchase, and under which path each one came."""

    currency: str | None
    amounts: dict[str, Decimal] = field(default_factory=dict)
    sent_as: dict[str, str] = field(default_factory=dict)


def customer_of(resource: Place) -> str | None:
    """Return Stripe's id of the customer, who may be the object, or stand in it."""
    if resource.text("object") == "customer":
        return resource.text("id")
    return _id(resource.at("customer"))


def profile_of(customer: Place) -> tuple[Identity, JsonObject]:
    """Return who a customer object is, and what it says of them."""
    phone = customer.text("phone")
    city = (customer.text("address", "city"), customer.text("address", "country"))
    identity = Identity(
        email=customer.text("email"),
        phone=phone,
        provider_customer_id=customer.text("id"),
    )
    fields = {
        "full_name": customer.text("name"),
        "mobile_number": phone,
        "location": ", ".join(filter(None, city)) or None,
    }
    return identity, without_none(fields)


def purchaser_of(resource: Place) -> Identity:
    """Return the identity of the payer."""
    billing = _billing(resource)
    email = (
        resource.text("customer_details", "email"),
        resource.text("receipt_email"),
        billing.text("email"),
        resource.text("customer_email"),
        resource.text("customer", "email"),
    )
    phone = (
        resource.text("customer_details", "phone"),
        billing.text("phone"),
        resource.text("customer_phone"),
    )
    return Identity(
        email=first(*email),
        phone=first(*phone),
        provider_customer_id=customer_of(resource),
    )


def describe(resource: Place) -> dict[str, str | None]:
    """Return what a payment says besides ids and money."""
    name = (
        resource.text("customer_details", "name"),
        _billing(resource).text("name"),
        resource.text("customer_name"),
        resource.text("shipping", "name"),
    )
    return {
        "full_name": first(*name),
        "plan_name": _plan(resource),
        "coupon_code": _coupon(resource),
        "payment_method": _method(resource),
        "payment_status": first(
            resource.text("payment_status"), resource.text("status")
        ),
    }


def find_ids(kind: str, resource: Place) -> dict[str, list[str | None]]:
    """Return every id of the purchase, by the kind of object it names.

    A subscription is no purchase: it has many.
    """
    ids: dict[str, list[str | None]] = {
        "intent": [_id(resource.at("payment_intent"))],
        "invoice": [_id(resource.at("invoice"))],
        "session": [],
        "charge": [_id(resource.at("charge")), _id(resource.at("latest_charge"))],
    }
    for payment in _payments(resource):
        ids["intent"].append(_id(payment.at("payment_intent")))
        ids["charge"].append(_id(payment.at("charge")))
    ids["charge"] += [charge.text("id") for charge in resource.items("charges", "data")]
    # Newer intents and charges name their invoice or session here, if they have one.
    order = resource.text("payment_details", "order_reference") or ""
    ids["invoice"] += [order] if order.startswith("in_") else []
    ids["session"] += [order] if order.startswith("cs_") else []
    id_kind = _ID_OF_FAMILY.get(_family(kind))
    if id_kind is not None:
        ids[id_kind].insert(0, resource.text("id"))
    return ids


def find_money(kind: str, resource: Place) -> Money:
    """Return the amounts of an object. Raises Unfit where they make no sense."""
    currency = currency_of(resource.at("currency"))
    sources = _MONEY[_family(kind)](resource)
    amounts: dict[str, Decimal] = {}
    for name, place in sources.items():
        amount = from_minor(place, currency)
        if name == "final_price":
            amount = required(amount, place)
        # A credit can leave less than nothing; that is no price.
        if amount is not None and amount >= 0:
            amounts[name] = amount
    _sum_discounts(resource, currency, amounts)
    _leave_out_uncaptured(resource, currency, amounts)
    return Money(currency, amounts, {n: p.path for n, p in sources.items()})


def _session_money(resource: Place) -> dict[str, Place]:
    return {
        "final_price": resource.at("amount_total"),
        "original_price": resource.at("amount_subtotal"),
        "discount_amount": resource.at("total_details", "amount_discount"),
    }


def _intent_money(resource: Place) -> dict[str, Place]:
    received = resource.at("amount_received")
    return {"final_price": received if received.value else resource.at("amount")}


def _charge_money(resource: Place) -> dict[str, Place]:
    captured = resource.at("amount_captured")
    return {
        "final_price": captured if captured.value else resource.at("amount"),
        "amount_refunded": resource.at("amount_refunded"),
    }


def _invoice_money(resource: Place) -> dict[str, Place]:
    is_paid = resource.text("status") == "paid" or resource.answer("paid")
    ways = ("amount_paid", "total") if is_paid else ("amount_due", "total")
    final = next((p for p in map(resource.at, ways) if p.value is not None), None)
    return {
        "final_price": final or resource.at("amount_paid"),
        "original_price": resource.at("subtotal"),
    }


def _invoice_payment_money(resource: Place) -> dict[str, Place]:
    return {"final_price": resource.at("amount_paid")}


def _refund_money(resource: Place) -> dict[str, Place]:
    return {"refund_amount": resource.at("amount")}


def _disputed_money(resource: Place) -> dict[str, Place]:
    # What is disputed may be a part of what was paid.
    return {"dispute_amount": resource.at("amount")}


_MONEY: dict[str, Callable[[Place], dict[str, Place]]] = {
    "checkout.session": _session_money,
    "payment_intent": _intent_money,
    "charge": _charge_money,
    "charge.dispute": _disputed_money,
    "refund": _refund_money,
    "charge.refund": _refund_money,
    "invoice": _invoice_money,
    "invoice_payment": _invoice_payment_money,
}
_ID_OF_FAMILY = {
    "checkout.session": "session",
    "payment_intent": "intent",
    "charge": "charge",
    "invoice": "invoice",
}


def _family(kind: str) -> str:
    """Return the object that an event type is about: all but its last word."""
    return kind.rpartition(".")[0]


def _sum_discounts(
    resource: Place, currency: str | None, amounts: dict[str, Decimal]
) -> None:
    lines = resource.items("total_discount_amounts")
    discounts = [from_minor(line.at("amount"), currency) for line in lines]
    if discounts:
        amounts["discount_amount"] = sum(filter(None, discounts), Decimal(0))


def _leave_out_uncaptured(
    resource: Place, currency: str | None, amounts: dict[str, Decimal]
) -> None:
    """Take off what was authorised and never taken: Stripe calls it refunded too."""
    refunded = amounts.get("amount_refunded")
    authorised = from_minor(resource.at("amount"), currency) if refunded else None
    if refunded and authorised is not None:
        taken = amounts["final_price"]
        captured = min(taken, authorised - refunded)
        amounts["amount_refunded"] = max(taken - captured, Decimal(0))


def _payments(resource: Place) -> list[Place]:
    """Return the payments of an invoice, those that went through first."""
    entries = resource.items("payments", "data")
    entries.sort(key=lambda entry: entry.text("status") != "paid")
    payment = resource.at("payment")
    listed = [entry.at("payment") for entry in entries]
    return [payment, *listed] if isinstance(payment.value, dict) else listed


def _id(place: Place) -> str | None:
    if isinstance(place.value, dict):
        return place.noted(place.text("id"))
    return place.text()


def _billing(resource: Place) -> Place:
    ways = (
        resource.at("billing_details"),
        resource.at("latest_charge", "billing_details"),
        resource.at("charges", "data", 0, "billing_details"),
    )
    return next((place for place in ways if place.value), ways[0])


def _plan(resource: Place) -> str | None:
    sources = (
        resource.at("metadata"),
        resource.at("subscription_details", "metadata"),
        resource.at("parent", "subscription_details", "metadata"),
    )
    keys = ("plan_name", "plan", "plan_type")
    line = resource.at("lines", "data", 0)
    return first(
        *(place.text(key) for place in sources for key in keys),
        line.text("price", "nickname"),
        line.text("plan", "nickname"),
        line.text("description"),
    )


def _coupon(resource: Place) -> str | None:
    discounts = [resource.at("discount"), *resource.items("discounts")]
    coupons = [
        d.at(*way) for d in discounts for way in (("coupon",), ("source", "coupon"))
    ]
    return first(
        resource.text("metadata", "coupon_code"),
        *(coupon.text("name") for coupon in coupons),
        *(_id(coupon) for coupon in coupons),
        *(_id(discount.at("promotion_code")) for discount in discounts),
    )


def _method(resource: Place) -> str | None:
    kinds = resource.items("payment_method_types")
    return first(
        resource.text("payment_method_details", "type"),
        resource.text("latest_charge", "payment_method_details", "type"),
        resource.text("charges", "data", 0, "payment_method_details", "type"),
        kinds[0].text() if len(kinds) == 1 else None,
    )
