"""PayPal's webhook events, of both versions of its payments API.

Its ids do not tell what they name, so references do: a capture (version 2) and a sale
(version 1) are what PayPal calls the transaction, `transaction:…`; beside it stand
`order:…`, `payment:…` and `invoice:…`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from audit.json_text import JsonObject
from capture.adapters.item import Item
from capture.adapters.values import (
    Place,
    Unfit,
    as_object,
    currency_of,
    first,
    from_major,
    misfit,
    moment,
    references,
    required,
    text,
    without_none,
)
from capture.choices import CaptureType, PaymentState
from capture.envelope import Identity

_INVOICE = "invoice:"
# A dispute that ends like this leaves the money where it is.
_HARMLESS = (
    "RESOLVED_SELLER_FAVOUR",
    "RESOLVED_WITH_PAYOUT",
    "CANCELED_BY_BUYER",
    "DENIED",
)
# What a capture or a sale is called once money of it went back.
_IN_PART = ("PARTIALLY_REFUNDED", "partially_refunded")
_REFUNDED = ("REFUNDED", "refunded", *_IN_PART)


def read_paypal(event: dict[str, object]) -> Item:
    """Return an event of PayPal in our words. Never raises for what it holds."""
    fields = as_object(event)
    created = fields.get("create_time")
    kind = text(fields.get("event_type"))
    capture_type = CaptureType.PAYMENT if kind in _EVENTS else CaptureType.EVENT
    try:
        whole = Place(event, "")
        item = _read_event(kind, whole)
        item = replace(item, warnings=tuple(whole.warnings))
    except Unfit as error:
        item = Item(Identity(), issue=error.issue)
    return replace(
        item,
        type=capture_type,
        name=kind,
        message_id=text(fields.get("id")),
        timestamp=moment(created),
        clock_trusted=True,
        warnings=(*item.warnings, *misfit("create_time", created, moment(created))),
    )


def _read_event(kind: str | None, event: Place) -> Item:
    if event.text("id") is None or kind is None:
        pointer = "/event_type" if event.text("id") else "/id"
        raise Unfit("schema_violation", pointer, "An event has an id and a type.")
    resource = event.at("resource")
    if kind not in _EVENTS:
        return Item(_person(resource))
    if not isinstance(resource.value, dict):
        raise Unfit("schema_violation", "/resource", "The event is about nothing.")
    reader, state = _EVENTS[kind]
    payment, sent_as = reader(resource)
    if not payment["references"]:
        raise Unfit("schema_violation", "/resource/id", "The payment has no id.")
    fields = {
        "full_name": _full_name(resource),
        "payment_method": _method(resource),
        "payment_status": first(resource.text("status"), resource.text("state")),
        "payment_processor": "paypal",
        "transaction_id": payment["references"][0].partition(":")[2],
        "state": str(state(resource) if callable(state) else state),
        **payment,
    }
    return Item(_person(resource), without_none(fields), sent_as)


def _transaction(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read a capture or a sale."""
    currency, amount, place = _parse_amount(resource.at("amount"))
    payment = {
        "currency": currency,
        "final_price": required(amount, place),
        "references": _references(resource, resource.text("id")),
    }
    return payment, {"final_price": place.path}


def _refund(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read a refund, or the payment that was refunded. What was paid stays unsaid."""
    if _is_transaction(resource):
        return _refunded_transaction(resource)
    breakdown = resource.at("seller_payable_breakdown", "total_refunded_amount")
    total = breakdown if breakdown.value else resource.at("total_refunded_amount")
    currency, amount, place = _parse_amount(resource.at("amount"))
    refunded, all_refunds, total_place = _parse_amount(total)
    if amount is None and all_refunds is None:
        raise Unfit("amount_invalid", f"/{place.path}", "The refund has no amount.")
    payment: JsonObject = {
        "currency": first(currency, refunded),
        "refund_id": resource.text("id"),
        # Older versions write them with a minus.
        "refund_amount": None if amount is None else abs(amount),
        "refund_status": first(resource.text("status"), resource.text("state")),
        "refunded_at": moment(resource.at("create_time").value),
        # It is not the payment that is pending, or failed.
        "payment_status": None,
        "amount_refunded": None if all_refunds is None else abs(all_refunds),
        "references": _references(resource, _refunded_id(resource)),
    }
    if not payment["references"]:
        message = "The refund names no payment. Add its capture_id or sale_id."
        raise Unfit("schema_violation", "/resource/links", message)
    sent_as = {"refund_amount": place.path, "amount_refunded": total_place.path}
    return payment, sent_as


def _failed_refund(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read a refund that did not arrive, whatever its status says."""
    payment, sent_as = _refund(resource)
    return {**payment, "refund_status": "failed"}, sent_as


def _refunded_id(resource: Place) -> str | None:
    return first(
        resource.text("capture_id"), resource.text("sale_id"), _linked(resource)
    )


def _is_transaction(resource: Place) -> bool:
    """Tell a capture or a sale from its refund: by what was done to it, or its kind."""
    if first(resource.text("status"), resource.text("state")) in _REFUNDED:
        return True
    keys = ("final_capture", "seller_receivable_breakdown")
    return any(resource.at(key).value is not None for key in keys)


def _refunded_transaction(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read a capture or sale that was refunded; how much of it, it says of all only."""
    currency, amount, place = _parse_amount(resource.at("amount"))
    if amount is None:
        raise Unfit("amount_invalid", f"/{place.path}", "The payment has no amount.")
    status = first(resource.text("status"), resource.text("state"))
    payment = {
        "currency": currency,
        "amount_refunded": None if status in _IN_PART else abs(amount),
        "references": _references(resource, resource.text("id")),
    }
    return payment, {"amount_refunded": place.path}


def _reversal(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read what PayPal took back by itself, as it does for a dispute.

    The object is the payment, or a refund of it that PayPal made.
    """
    currency, amount, place = _parse_amount(resource.at("amount"))
    if amount is None:
        raise Unfit("amount_invalid", f"/{place.path}", "The refund has no amount.")
    transaction_id = _refunded_id(resource)
    if transaction_id is None and not resource.at("seller_payable_breakdown").value:
        transaction_id = resource.text("id")
    payment = {
        "currency": currency,
        "dispute_amount": abs(amount),
        "dispute_status": "lost",
        "references": _references(resource, transaction_id),
    }
    return payment, {"dispute_amount": place.path}


def _order(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read an order. Its units are paid together, so they are one payment."""
    units = resource.items("purchase_units")
    amounts = [_parse_amount(unit.at("amount")) for unit in units]
    here = resource.at("purchase_units")
    if not amounts or len({currency for currency, _, _ in amounts}) != 1:
        raise Unfit("amount_invalid", f"/{here.path}", "The order has no one amount.")
    captures = [c for unit in units for c in unit.items("payments", "captures")]
    paid = [_named("transaction", capture.text("id")) for capture in captures]
    invoices = [_invoice(unit) for unit in units]
    order = _named("order", resource.text("id"))
    payment = {
        "currency": amounts[0][0],
        "final_price": sum(
            (required(amount, place) for _, amount, place in amounts), Decimal(0)
        ),
        "original_price": _part(units, "item_total"),
        "discount_amount": _part(units, "discount"),
        "plan_name": _plan(units),
        "references": references([*paid, order, *invoices]),
    }
    return payment, {"final_price": f"{here.path}/0/amount"}


def _dispute(resource: Place) -> tuple[JsonObject, dict[str, str]]:
    """Read a dispute; what is disputed may be a part of what was paid.

    Its id is not read: a payment has one dispute at a time, and a reversal, which names
    none, is what a lost one takes.
    """
    disputed = resource.at("disputed_transactions", 0)
    transaction = _named("transaction", disputed.text("seller_transaction_id"))
    currency, amount, place = _parse_amount(resource.at("dispute_amount"))
    payment = {
        "currency": currency,
        "dispute_amount": None if amount is None else abs(amount),
        "dispute_status": _fate_of_dispute(resource),
        "references": references([transaction]),
    }
    return payment, {"dispute_amount": place.path}


def _fate_of_dispute(resource: Place) -> str:
    outcome = resource.text("dispute_outcome", "outcome_code")
    if outcome in _HARMLESS:
        return "won"
    is_over = outcome is not None or resource.text("status") == "RESOLVED"
    return "lost" if is_over else "open"


def _state_of_order(resource: Place) -> str:
    units = resource.items("purchase_units")
    captures = [c for unit in units for c in unit.items("payments", "captures")]
    states = {capture.text("status") for capture in captures}
    if not states and any(u.items("payments", "authorizations") for u in units):
        return PaymentState.AUTHORISED
    if not states or states & {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}:
        return PaymentState.PAID
    return PaymentState.PENDING if "PENDING" in states else PaymentState.FAILED


def _state_of_refund(resource: Place) -> str:
    # Only a capture knows whether all of it went back; a refund knows itself.
    status = first(resource.text("status"), resource.text("state"))
    is_all = _is_transaction(resource) and status not in _IN_PART
    return PaymentState.REFUNDED if is_all else PaymentState.PARTIALLY_REFUNDED


def _state_of_dispute(resource: Place) -> str:
    is_won = _fate_of_dispute(resource) == "won"
    return PaymentState.PAID if is_won else PaymentState.DISPUTED


def _parse_amount(place: Place) -> tuple[str | None, Decimal | None, Place]:
    """Return currency and amount: `value` in version 2, `total` in version 1."""
    is_first_version = place.at("value").value is None
    number = place.at("total" if is_first_version else "value")
    code = place.at("currency_code")
    currency = currency_of(code if code.value is not None else place.at("currency"))
    amount = from_major(number)
    if amount is not None and currency is None:
        message = "An amount without its currency."
        raise Unfit("currency_unknown", f"/{place.path}", message)
    return currency, amount, number


def _part(units: list[Place], name: str) -> Decimal | None:
    parts = [_parse_amount(unit.at("amount", "breakdown", name))[1] for unit in units]
    positive = [part for part in parts if part is not None and part >= 0]
    return sum(positive, Decimal(0)) if positive else None


def _references(resource: Place, transaction_id: str | None) -> list[str]:
    """Return the ids of the purchase; that of the transaction comes first.

    An agreement is none of them: it has many purchases.
    """
    related = resource.at("supplementary_data", "related_ids")
    order = first(related.text("order_id"), _linked(resource, "orders"))
    payment = resource.text("parent_payment")
    return references(
        [
            _named("transaction", first(transaction_id, related.text("capture_id"))),
            _named("order", order),
            _named("payment", payment),
            _invoice(resource),
        ]
    )


def _invoice(resource: Place) -> str | None:
    """Return the business's own number of the purchase.

    `custom_id` is free text, often the same for every purchase of a person, so it
    counts only where the business marked it.
    """
    custom = first(resource.text("custom_id"), resource.text("custom")) or ""
    marked = custom.removeprefix(_INVOICE) if custom.startswith(_INVOICE) else None
    number = first(resource.text("invoice_id"), resource.text("invoice_number"), marked)
    return _named("invoice", number.removeprefix(_INVOICE) if number else None)


def _named(kind: str, number: str | None) -> str | None:
    return f"{kind}:{number}" if number else None


def _linked(resource: Place, kind: str = "captures") -> str | None:
    """Return the id at the end of the link to what this came from."""
    for link in resource.items("links"):
        *_, parent, number = ["", "", *(link.text("href") or "").split("/")]
        kinds = ("captures", "capture", "sale") if kind == "captures" else (kind,)
        if link.text("rel") in ("up", "sale", "capture") and parent in kinds:
            return number or None
    return None


def _payers(resource: Place) -> list[Place]:
    return [
        resource.at("payer"),
        resource.at("payer", "payer_info"),
        resource.at("subscriber"),
        resource.at("payment_source", "paypal"),
        resource.at("disputed_transactions", 0, "buyer"),
    ]


def _person(resource: Place) -> Identity:
    payers = _payers(resource)
    emails = ("email_address", "email")
    numbers = ("payer_id", "account_id")
    return Identity(
        email=first(*(payer.text(key) for payer in payers for key in emails)),
        provider_customer_id=first(
            *(payer.text(key) for payer in payers for key in numbers)
        ),
    )


def _full_name(resource: Place) -> str | None:
    for payer in _payers(resource):
        name = payer.at("name")
        # An object in version 2, a text in version 1.
        way = ("full_name",) if isinstance(name.value, dict) else ()
        whole = name.text(*way)
        parts = (
            first(name.text("given_name"), payer.text("first_name")),
            first(name.text("surname"), payer.text("last_name")),
        )
        name_text = whole or " ".join(filter(None, parts))
        if name.noted(name_text or None):
            return str(name_text)
    return None


def _method(resource: Place) -> str | None:
    sources = as_object(resource.at("payment_source").value)
    return first(next(iter(sources), None), resource.text("payment_mode"))


def _plan(units: list[Place]) -> str | None:
    items = [item for unit in units for item in unit.items("items")]
    # Several things have no one name.
    name = items[0].text("name") if len(items) == 1 else None
    return first(name, *(unit.text("description") for unit in units[:1]))


_Reader = Callable[[Place], tuple[JsonObject, dict[str, str]]]
_EventReader = tuple[_Reader, str | Callable[[Place], str]]
_PAYMENT_VERBS: dict[str, _EventReader] = {
    "COMPLETED": (_transaction, PaymentState.PAID),
    "PENDING": (_transaction, PaymentState.PENDING),
    "DENIED": (_transaction, PaymentState.FAILED),
    # The newer name of the same.
    "DECLINED": (_transaction, PaymentState.FAILED),
    "REFUNDED": (_refund, _state_of_refund),
    # PayPal itself took all of it back.
    "REVERSED": (_reversal, PaymentState.REFUNDED),
}
_EVENTS: dict[str | None, _EventReader] = {
    # Agreed to by the buyer; the money is still to be taken.
    "CHECKOUT.ORDER.APPROVED": (_order, PaymentState.PENDING),
    "CHECKOUT.ORDER.COMPLETED": (_order, _state_of_order),
    "CUSTOMER.DISPUTE.CREATED": (_dispute, PaymentState.DISPUTED),
    "CUSTOMER.DISPUTE.UPDATED": (_dispute, PaymentState.DISPUTED),
    "CUSTOMER.DISPUTE.RESOLVED": (_dispute, _state_of_dispute),
    # A refund that waits for the money, or did not arrive.
    "PAYMENT.REFUND.PENDING": (_refund, PaymentState.PARTIALLY_REFUNDED),
    "PAYMENT.REFUND.FAILED": (_failed_refund, PaymentState.PARTIALLY_REFUNDED),
    **{f"PAYMENT.CAPTURE.{verb}": reading for verb, reading in _PAYMENT_VERBS.items()},
    **{f"PAYMENT.SALE.{verb}": reading for verb, reading in _PAYMENT_VERBS.items()},
}
