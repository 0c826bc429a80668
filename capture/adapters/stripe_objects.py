"""What Stripe's objects hold, in the shapes of its older and newer API versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

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


def customer_of(thing: Place) -> str | None:
    """Return Stripe's id of the customer, who may be given as a whole object."""
    return _id(thing.at("customer"))


def profile_of(customer: Place) -> tuple[Identity, dict[str, Any]]:
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


def purchaser_of(thing: Place) -> Identity:
    """Return the identity of the payer."""
    billing = _billing(thing)
    email = (
        thing.text("customer_details", "email"),
        thing.text("receipt_email"),
        billing.text("email"),
        thing.text("customer_email"),
        thing.text("customer", "email"),
    )
    phone = (
        thing.text("customer_details", "phone"),
        billing.text("phone"),
        thing.text("customer_phone"),
    )
    return Identity(
        email=first(*email),
        phone=first(*phone),
        provider_customer_id=customer_of(thing),
    )


def describe(thing: Place) -> dict[str, Any]:
    """Return what a payment says besides ids and money."""
    name = (
        thing.text("customer_details", "name"),
        _billing(thing).text("name"),
        thing.text("customer_name"),
        thing.text("shipping", "name"),
    )
    return {
        "full_name": first(*name),
        "plan_name": _plan(thing),
        "coupon_code": _coupon(thing),
        "payment_method": _method(thing),
        "payment_status": first(thing.text("payment_status"), thing.text("status")),
    }


def find_ids(kind: str, thing: Place) -> dict[str, list[str | None]]:
    """Return every id of the purchase, by the kind of object it names.

    A subscription is no purchase: it has many.
    """
    ids: dict[str, list[str | None]] = {
        "intent": [_id(thing.at("payment_intent"))],
        "invoice": [_id(thing.at("invoice"))],
        "session": [],
        "charge": [_id(thing.at("charge")), _id(thing.at("latest_charge"))],
    }
    for payment in _payments(thing):
        ids["intent"].append(_id(payment.at("payment_intent")))
        ids["charge"].append(_id(payment.at("charge")))
    ids["charge"] += [charge.text("id") for charge in thing.items("charges", "data")]
    # Newer intents and charges name their invoice or session here, if they have one.
    order = thing.text("payment_details", "order_reference") or ""
    ids["invoice"] += [order] if order.startswith("in_") else []
    ids["session"] += [order] if order.startswith("cs_") else []
    id_kind = _ID_OF_FAMILY.get(_family(kind))
    if id_kind is not None:
        ids[id_kind].insert(0, thing.text("id"))
    return ids


def find_money(kind: str, thing: Place) -> Money:
    """Return the amounts of an object. Raises Unfit where they make no sense."""
    currency = currency_of(thing.at("currency"))
    amount_places = _MONEY[_family(kind)](thing)
    amounts: dict[str, Decimal] = {}
    for name, place in amount_places.items():
        amount = from_minor(place, currency)
        if name == "final_price":
            amount = required(amount, place)
        # A credit can leave less than nothing; that is no price.
        if amount is not None and amount >= 0:
            amounts[name] = amount
    _sum_discounts(thing, currency, amounts)
    _leave_out_uncaptured(thing, currency, amounts)
    return Money(currency, amounts, {n: p.path for n, p in amount_places.items()})


def _session_money(thing: Place) -> dict[str, Place]:
    return {
        "final_price": thing.at("amount_total"),
        "original_price": thing.at("amount_subtotal"),
        "discount_amount": thing.at("total_details", "amount_discount"),
    }


def _intent_money(thing: Place) -> dict[str, Place]:
    received = thing.at("amount_received")
    return {"final_price": received if received.value else thing.at("amount")}


def _charge_money(thing: Place) -> dict[str, Place]:
    captured = thing.at("amount_captured")
    return {
        "final_price": captured if captured.value else thing.at("amount"),
        "amount_refunded": thing.at("amount_refunded"),
    }


def _invoice_money(thing: Place) -> dict[str, Place]:
    is_paid = thing.text("status") == "paid" or thing.at("paid").value is True
    ways = ("amount_paid", "total") if is_paid else ("amount_due", "total")
    final = next((p for p in map(thing.at, ways) if p.value is not None), None)
    return {
        "final_price": final or thing.at("amount_paid"),
        "original_price": thing.at("subtotal"),
    }


def _invoice_payment_money(thing: Place) -> dict[str, Place]:
    return {"final_price": thing.at("amount_paid")}


def _no_money(_: Place) -> dict[str, Place]:
    # What is disputed may be a part of what was paid.
    return {}


_MONEY: dict[str, Callable[[Place], dict[str, Place]]] = {
    "checkout.session": _session_money,
    "payment_intent": _intent_money,
    "charge": _charge_money,
    "charge.dispute": _no_money,
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
    thing: Place, currency: str | None, amounts: dict[str, Decimal]
) -> None:
    lines = thing.items("total_discount_amounts")
    discounts = [from_minor(line.at("amount"), currency) for line in lines]
    if discounts:
        amounts["discount_amount"] = sum(filter(None, discounts), Decimal(0))


def _leave_out_uncaptured(
    thing: Place, currency: str | None, amounts: dict[str, Decimal]
) -> None:
    """Take off what was authorised and never taken: Stripe calls it refunded too."""
    refunded = amounts.get("amount_refunded")
    authorised = from_minor(thing.at("amount"), currency) if refunded else None
    if refunded and authorised is not None:
        taken = amounts["final_price"]
        captured = min(taken, authorised - refunded)
        amounts["amount_refunded"] = max(taken - captured, Decimal(0))


def _payments(thing: Place) -> list[Place]:
    """Return the payments of an invoice, those that went through first."""
    entries = thing.items("payments", "data")
    entries.sort(key=lambda entry: entry.text("status") != "paid")
    payment = thing.at("payment")
    listed = [entry.at("payment") for entry in entries]
    return [payment, *listed] if isinstance(payment.value, dict) else listed


def _id(place: Place) -> str | None:
    return place.text("id") if isinstance(place.value, dict) else place.text()


def _billing(thing: Place) -> Place:
    ways = (
        thing.at("billing_details"),
        thing.at("latest_charge", "billing_details"),
        thing.at("charges", "data", 0, "billing_details"),
    )
    return next((place for place in ways if place.value), ways[0])


def _plan(thing: Place) -> str | None:
    sources = (
        thing.at("metadata"),
        thing.at("subscription_details", "metadata"),
        thing.at("parent", "subscription_details", "metadata"),
    )
    keys = ("plan_name", "plan", "plan_type")
    line = thing.at("lines", "data", 0)
    return first(
        *(place.text(key) for place in sources for key in keys),
        line.text("price", "nickname"),
        line.text("plan", "nickname"),
        line.text("description"),
    )


def _coupon(thing: Place) -> str | None:
    discounts = [thing.at("discount"), *thing.items("discounts")]
    coupons = [
        d.at(*way) for d in discounts for way in (("coupon",), ("source", "coupon"))
    ]
    return first(
        thing.text("metadata", "coupon_code"),
        *(coupon.text("name") for coupon in coupons),
        *(_id(coupon) for coupon in coupons),
        *(_id(discount.at("promotion_code")) for discount in discounts),
    )


def _method(thing: Place) -> str | None:
    kinds = thing.items("payment_method_types")
    return first(
        thing.text("payment_method_details", "type"),
        thing.text("latest_charge", "payment_method_details", "type"),
        thing.text("charges", "data", 0, "payment_method_details", "type"),
        kinds[0].text() if len(kinds) == 1 else None,
    )
