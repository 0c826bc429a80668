"""Stripe's webhook events. Session, intent, charge and invoice are one purchase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from capture.adapters.item import Item
from capture.adapters.stripe_objects import (
    Money,
    customer_of,
    describe,
    find_ids,
    find_money,
    profile_of,
    purchaser_of,
)
from capture.adapters.values import (
    Place,
    Unfit,
    as_object,
    misfit,
    moment,
    references,
    text,
    without_none,
)
from capture.choices import CaptureType, PaymentState
from capture.envelope import Identity

# One that was deleted is an event: it makes nobody.
_PROFILES = ("customer.created", "customer.updated")
# A dispute that ends like this leaves the money where it is.
_HARMLESS = ("won", "warning_closed", "prevented")
# Objects of Stripe that are about money that went back, or may.
_REFUNDS = ("refund", "charge.refund")
_DISPUTES = "charge.dispute"


def read_stripe(event: dict[str, object]) -> Item:
    """Return an event of Stripe in our words. Never raises for what it holds."""
    try:
        whole = Place(event, "")
        kind, item = _read_event(whole)
        item = replace(item, warnings=tuple(whole.warnings))
    except Unfit as error:
        kind = text(as_object(event).get("type")) or ""
        item = Item(Identity(), issue=error.issue, type=_type_of(kind))
    fields = as_object(event)
    created = fields.get("created")
    return replace(
        item,
        name=kind or None,
        message_id=text(fields.get("id")),
        timestamp=moment(created),
        clock_trusted=True,
        warnings=(*item.warnings, *misfit("created", created, moment(created))),
    )


def stripe_livemode(event: dict[str, object]) -> bool | None:
    """Tell whether an event is about real money; None if it does not say."""
    mode = as_object(event).get("livemode")
    # It chooses the endpoint: signed, and never anything but a boolean.
    return mode if isinstance(mode, bool) else None


def _read_event(event: Place) -> tuple[str, Item]:
    kind = event.text("type")
    if event.text("id") is None or kind is None:
        pointer = "/type" if event.text("id") else "/id"
        raise Unfit("schema_violation", pointer, "An event has an id and a type.")
    resource = event.at("data", "object")
    capture_type = _type_of(kind)
    if capture_type == CaptureType.PAYMENT and resource.text("mode") == "setup":
        # A checkout that only stores a card.
        capture_type = CaptureType.EVENT
    if capture_type == CaptureType.EVENT:
        identity = Identity(provider_customer_id=customer_of(resource))
        return kind, Item(identity, type=capture_type)
    if not isinstance(resource.value, dict):
        raise Unfit("schema_violation", "/data/object", "The event is about nothing.")
    if capture_type == CaptureType.PROFILE:
        identity, fields = profile_of(resource)
        return kind, Item(identity, fields, type=capture_type)
    return kind, _payment(kind, resource)


def _type_of(kind: str) -> str:
    if kind in _PROFILES:
        return CaptureType.PROFILE
    return CaptureType.PAYMENT if kind in _STATES else CaptureType.EVENT


def _payment(kind: str, resource: Place) -> Item:
    money = find_money(kind, resource)
    state = _STATES[kind]
    ids = find_ids(kind, resource)
    groups = ("intent", "invoice", "session", "charge")
    payment_ids = references(name for group in groups for name in ids[group])
    if not payment_ids:
        raise Unfit("schema_violation", "/data/object/id", "The payment has no id.")
    reached = str(state(resource, money) if callable(state) else state)
    amounts = dict(money.amounts)
    if reached == PaymentState.FAILED:
        # Nothing was taken, so nothing was given back.
        amounts.pop("amount_refunded", None)
    fields = {
        **describe(resource),
        **amounts,
        **_entry(kind, resource),
        "currency": money.currency,
        "payment_processor": "stripe",
        "transaction_id": payment_ids[0],
        "references": payment_ids,
        "state": reached,
    }
    return Item(
        purchaser_of(resource),
        without_none(fields),
        money.sent_as,
        type=CaptureType.PAYMENT,
    )


def _entry(kind: str, resource: Place) -> dict[str, object]:
    """Return which refund or dispute an object is, and how it is doing."""
    family = kind.rpartition(".")[0]
    status = resource.text("status")
    if family in _REFUNDS:
        return {
            "refund_id": resource.text("id"),
            "refund_status": "failed" if kind.endswith(".failed") else status,
            "refunded_at": moment(resource.at("created").value),
            # It is not the payment that failed, or is pending.
            "payment_status": None,
        }
    if family == _DISPUTES:
        is_won = status in _HARMLESS or kind.endswith(".funds_reinstated")
        outcome = "won" if is_won else "lost" if status == "lost" else "open"
        return {"dispute_id": resource.text("id"), "dispute_status": outcome}
    return {}


def _session(resource: Place, money: Money) -> str:
    paid = resource.text("payment_status")
    is_free = paid == "no_payment_required" and not money.amounts.get("final_price")
    return PaymentState.PAID if paid == "paid" or is_free else PaymentState.PENDING


def _charge(resource: Place, money: Money) -> str:
    if unpaid := _UNPAID.get(resource.text("status")):
        return unpaid
    is_captured = resource.answer("captured") is not False
    if resource.answer("refunded"):
        # Nothing was taken yet: an authorisation was let go.
        return PaymentState.REFUNDED if is_captured else PaymentState.FAILED
    if not is_captured:
        return PaymentState.AUTHORISED
    has_refund = money.amounts.get("amount_refunded")
    return PaymentState.PARTIALLY_REFUNDED if has_refund else PaymentState.PAID


def _dispute(resource: Place, _: Money) -> str:
    is_harmless = resource.text("status") in _HARMLESS
    return PaymentState.PAID if is_harmless else PaymentState.DISPUTED


# Of a charge that is told of again, whatever came of it.
_UNPAID: Mapping[str | None, str] = {
    "failed": PaymentState.FAILED,
    "pending": PaymentState.PENDING,
}
_STATES: Mapping[str, str | Callable[[Place, Money], str]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": PaymentState.PAID,
    "checkout.session.async_payment_failed": PaymentState.FAILED,
    "checkout.session.expired": PaymentState.FAILED,
    "payment_intent.created": PaymentState.CREATED,
    "payment_intent.processing": PaymentState.PENDING,
    "payment_intent.requires_capture": PaymentState.AUTHORISED,
    "payment_intent.amount_capturable_updated": PaymentState.AUTHORISED,
    "payment_intent.succeeded": PaymentState.PAID,
    "payment_intent.payment_failed": PaymentState.FAILED,
    "payment_intent.canceled": PaymentState.FAILED,
    "charge.succeeded": _charge,
    "charge.captured": _charge,
    "charge.refunded": _charge,
    "charge.updated": _charge,
    "charge.failed": PaymentState.FAILED,
    "charge.expired": PaymentState.FAILED,
    "refund.created": PaymentState.PARTIALLY_REFUNDED,
    "refund.updated": PaymentState.PARTIALLY_REFUNDED,
    "refund.failed": PaymentState.PARTIALLY_REFUNDED,
    # The older name of an updated refund; both are sent.
    "charge.refund.updated": PaymentState.PARTIALLY_REFUNDED,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": PaymentState.PAID,
    "charge.dispute.closed": _dispute,
    "invoice.paid": PaymentState.PAID,
    # The older name of the same; both are sent.
    "invoice.payment_succeeded": PaymentState.PAID,
    "invoice.payment_failed": PaymentState.FAILED,
    # Since 2025 the only event that names both the invoice and its intent.
    "invoice_payment.paid": PaymentState.PAID,
}
