"""Invoices: numbering, rendering as HTML, and sending by mail."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from audit import log
from audit.history.writing import history_model
from audit.privacy.masking import SEE_UNMASKED, mask, mask_text
from audit.tenancy.actors import Actor
from customers.choices import UNINVOICED_STATUSES
from customers.models import Address, Booking, Business, Customer
from customers.money import format_money, quantise
from customers.services.money.booking_rules import save_booking
from customers.services.money.money_rules import lock_booking, refunded_of
from customers.services.writing import Write

_logger = logging.getLogger(__name__)
_MOST = 50


class MailFailed(Exception):  # noqa: N818 - what happened, not a fault of the code
    """The mail server did not take the mail; the invoices keep their numbers."""


@dataclass(frozen=True)
class SentInvoice:
    """One invoice that a mail carries."""

    booking_id: UUID
    number: str
    to: str
    # It had its number before, so it may have been sent before.
    again: bool


@transaction.atomic
def invoice_of(booking: Booking, *, actor: Actor) -> str:
    """Return the number of a booking's invoice, after assigning one if it has none.

    Numbers count from one in each business and each year of its time zone, without
    gaps: like `2026-000001`. Locks the business, the customer and the booking until the
    commit; a rollback frees the number. Raises ValidationError `no_invoice` for a
    draft, cancelled or missed booking.
    """
    actor.require_perm(booking.business_id, "customers.change_booking")
    if booking.invoice_number:
        return booking.invoice_number
    # One writer at a time per business, so that no number is given twice.
    business = Business.objects.select_for_update(no_key=True).get(
        pk=booking.business_id
    )
    locked = lock_booking(booking)
    if locked.invoice_number is None:
        check_invoiceable(locked)
        locked.invoice_number = _next_number(business)
        save_booking(Write(locked, actor=actor, reason="invoice"))
    booking.invoice_number = locked.invoice_number
    return str(locked.invoice_number)


def check_invoiceable(booking: Booking) -> None:
    """Raise ValidationError `no_invoice` for a draft, cancelled or missed booking."""
    if booking.invoice_number is None and booking.status in UNINVOICED_STATUSES:
        state = booking.get_status_display().lower()
        msg = f"The booking is {state}: there is nothing to write an invoice of."
        raise ValidationError(msg, code="no_invoice")


def _next_number(business: Business) -> str:
    year = business.local_day(timezone.now()).year
    # By its ends, so that the unique index answers; numbers of another form, from an
    # earlier system, do not count.
    given = Booking.objects.filter(
        business=business,
        invoice_number__range=(f"{year}-000000", f"{year}-999999"),
        invoice_number__regex=rf"^{year}-[0-9]{{6}}$",
    )
    newest = given.order_by("-invoice_number").values_list("invoice_number", flat=True)
    last = newest.first()
    return f"{year}-{int(last[5:]) + 1 if last else 1:06d}"


def render_invoice(booking: Booking, *, actor: Actor, is_unmasked: bool = True) -> str:
    """Return the invoice as HTML, with masked personal data unless `is_unmasked`.

    A booking without a number is rendered as a preview, and gets none.
    """
    customer: Customer = booking.customer
    business: Business = booking.business
    address = _address_of(customer)
    name = customer.name or ""
    sees_refunds = actor.has_perm("customers.view_refund", booking.business_id)
    context = {
        "number": booking.invoice_number,
        "date": business.local_day(_numbered_at(booking)),
        "ordered_on": business.local_day(booking.placed_at),
        "booking": booking,
        "business": business,
        "seller": _seller_lines(business),
        "customer": customer,
        "name": name if is_unmasked else mask_text(name),
        "address": address if is_unmasked else mask(address),
        "lines": _lines(booking),
        "sums": _sums(booking, sees_refunds=sees_refunds),
    }
    return render_to_string("customers/invoice.html", context)


@cache
def invoice_policy() -> str:
    """Return the content security policy of the page: nothing but its own style."""
    style = render_to_string("customers/invoice.css").encode()
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )


def send_invoices(bookings: Iterable[Booking], *, actor: Actor) -> list[SentInvoice]:
    """Mail the invoices of bookings of one customer, numbering those without a number.

    The mail is sent after the commit of the outermost transaction. Event:
    `invoice.sent` once the server has taken it. When it has not, the numbers stay for
    the next try, the event is `invoice.failed`, and the commit raises MailFailed.
    Raises ValidationError: `no_email`, `email_not_confirmed` for an actor who sees
    addresses masked and wrote this one, `no_invoice`, `several_customers`,
    `too_many_invoices`.
    """
    # In one order, so that two calls do not deadlock.
    ordered = sorted(bookings, key=lambda booking: booking.pk)
    customer = _one_customer(ordered)
    if not customer.email:
        msg = "The customer has no e-mail address. Add one, then send again."
        raise ValidationError(msg, code="no_email")
    _check_address(customer, actor)
    with transaction.atomic():
        sent = [_numbered(booking, customer, actor) for booking in ordered]
        files = [
            (f"invoice-{b.invoice_number}.html", render_invoice(b, actor=actor))
            for b in ordered
        ]
        numbers = [invoice.number for invoice in sent]
        mail = _mail(customer, numbers, files)
        transaction.on_commit(partial(_send, mail, customer, numbers, actor))
    return sent


def _numbered(booking: Booking, customer: Customer, actor: Actor) -> SentInvoice:
    again = booking.invoice_number is not None
    number = invoice_of(booking, actor=actor)
    return SentInvoice(booking.pk, number, str(customer.email), again)


def _check_address(customer: Customer, actor: Actor) -> None:
    """Raise ValidationError if the actor sees addresses masked and wrote this one."""
    if actor.user_id is None or actor.has_perm(SEE_UNMASKED, customer.business_id):
        return
    history = history_model(Customer).objects.filter(id=customer.pk)
    versions = history.order_by("-history_id").values_list(
        "email_key", "history_user_id"
    )
    writer = None
    for email, user_id in versions.iterator():
        if email != customer.email_key:
            break
        writer = user_id
    if writer == actor.user_id:
        msg = (
            "You wrote this e-mail address yourself. Somebody who sees addresses in "
            "clear has to look at it and send the invoice."
        )
        raise ValidationError(msg, code="email_not_confirmed")


def _one_customer(bookings: list[Booking]) -> Customer:
    if len({booking.customer_id for booking in bookings}) != 1:
        msg = "Send the invoices of one customer at a time."
        raise ValidationError(msg, code="several_customers")
    if len(bookings) > _MOST:
        msg = f"Send at most {_MOST} invoices at a time."
        raise ValidationError(msg, code="too_many_invoices")
    customer: Customer = bookings[0].customer
    return customer


def _mail(
    customer: Customer, numbers: list[str], files: list[tuple[str, str]]
) -> EmailMultiAlternatives:
    # A line break would end the header.
    sender = " ".join(customer.business.name.split())
    word = "invoice" if len(numbers) == 1 else "invoices"
    listed = ", ".join(numbers)
    mail = EmailMultiAlternatives(
        subject=f"{sender}: {word} {listed}"[:200],
        body=f"Hello,\n\nattached you find your {word} {listed}.\n\n{sender}\n",
        to=[str(customer.email)],
    )
    for name, html in files:
        mail.attach(name, html, "text/html")
    return mail


def _send(
    mail: EmailMultiAlternatives, customer: Customer, numbers: list[str], actor: Actor
) -> None:
    try:
        mail.send()
    except (OSError, ValueError) as error:
        # Its text may repeat the address.
        _logger.warning("a mail was not taken: %s", type(error).__name__)
        _record("failed", customer, numbers, actor, code="mail_failed")
        raise MailFailed from error
    _record("sent", customer, numbers, actor)


def _record(
    verb: str, customer: Customer, numbers: list[str], actor: Actor, code: str = ""
) -> None:
    log.record_alone(
        f"invoice.{verb}",
        customer,
        actor=actor,
        subjects=[customer.pk],
        outcome="failed" if code else "done",
        code=code,
        data={"numbers": numbers},
    )


# --- the document -------------------------------------------------------------------


def _numbered_at(booking: Booking) -> datetime:
    """Return when the invoice got its number, which is its date."""
    history = history_model(Booking)
    if booking.invoice_number is not None:
        versions = history.objects.filter(
            id=booking.pk, invoice_number=booking.invoice_number
        )
        first = versions.order_by("history_date", "history_id").first()
        if first is not None:
            moment: datetime = first.history_date
            return moment
    return timezone.now()


def _address_of(customer: Customer) -> str | None:
    """Return the billing address, else the primary one."""
    addresses = sorted(
        Address.objects.filter(customer=customer, archived_at=None),
        key=lambda address: (address.kind == "billing", address.is_primary),
        reverse=True,
    )
    return addresses[0].as_text if addresses else None


def _lines(booking: Booking) -> list[dict[str, str]]:
    lines = booking.lines if isinstance(booking.lines, list) else []
    invoice_lines = [
        _line(line, booking) for line in lines if isinstance(line, Mapping)
    ]
    if invoice_lines:
        return invoice_lines
    # Without items the total is the one line.
    gross = booking.total_amount + booking.discount_amount
    amount_text = _format_amount(gross, booking.currency)
    whole = {"quantity": "1", "unit_price": amount_text, "amount": amount_text}
    return [{"description": booking.get_kind_display(), **whole}]


def _line(line: Mapping[str, object], booking: Booking) -> dict[str, str]:
    return {
        "description": str(line.get("description") or line.get("name") or ""),
        "quantity": str(line.get("quantity") or ""),
        "unit_price": _written(line.get("unit_price"), booking.currency),
        "amount": _written(line.get("amount"), booking.currency),
    }


def _seller_lines(business: Business) -> list[str]:
    """Return the lines below the seller's name: `settings.invoice.seller_lines`."""
    settings = business.settings if isinstance(business.settings, dict) else {}
    invoice = settings.get("invoice")
    lines = invoice.get("seller_lines") if isinstance(invoice, dict) else None
    return [str(line) for line in lines] if isinstance(lines, list) else []


def _sums(booking: Booking, *, sees_refunds: bool) -> list[tuple[str, str]]:
    refunded = refunded_of(booking) if sees_refunds else Decimal(0)
    due = booking.total_amount - booking.credit_used - booking.paid_amount
    amounts = [
        ("Discount", -booking.discount_amount),
        ("Total", booking.total_amount),
        ("Credit used", -booking.credit_used),
        ("Paid", booking.paid_amount),
        ("Refunded", refunded),
        ("Still to pay", max(due, Decimal(0))),
    ]
    # These are shown even if they are zero.
    always = {"Total", "Paid"}
    return [
        (label, format_money(amount, booking.currency))
        for label, amount in amounts
        if amount or label in always
    ]


def _written(value: object, currency: str) -> str:
    """Return an amount of a line formatted; anything else than a number as it is."""
    text = "" if value is None else str(value)
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", text):
        return text
    try:
        return _format_amount(Decimal(text), currency)
    except InvalidOperation:
        return text


def _format_amount(amount: Decimal, currency: str) -> str:
    return f"{quantise(amount, currency):,}"
