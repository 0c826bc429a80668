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

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import log
from audit.emails import mail_address
from audit.history.writing import history_model
from audit.json_text import JsonObject
from audit.privacy.masking import SEE_UNMASKED, mask, mask_text
from audit.tenancy.actors import Actor
from customers.choices import UNINVOICED_STATUSES, within_sentence
from customers.models import Address, Booking, Business, Customer
from customers.money import amount_text, format_amount, format_money
from customers.services.money.booking_rules import save_booking
from customers.services.money.money_rules import lock_booking, refunded_of
from customers.services.writing import Write

_logger = logging.getLogger(__name__)
_MOST = 50
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")


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
        msg = _(
            "The booking is %(status)s: there is nothing to write an invoice of."
        ) % {"status": within_sentence(booking.get_status_display())}
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

    A booking without a number is rendered as a preview, and gets none. In the language
    of the business: its customers read it, whoever sends it.
    """
    with translation.override(_language_of(booking.business)):
        return _render(booking, actor=actor, is_unmasked=is_unmasked)


def _render(booking: Booking, *, actor: Actor, is_unmasked: bool) -> str:
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
        "seller": business.seller_lines,
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
        msg = _("The customer has no e-mail address. Add one, then send again.")
        raise ValidationError(msg, code="no_email")
    _check_address(customer, actor)
    with transaction.atomic():
        sent = [_numbered(booking, customer, actor) for booking in ordered]
        files = [
            (f"invoice-{b.invoice_number}.html", render_invoice(b, actor=actor))
            for b in ordered
        ]
        numbers = [invoice.number for invoice in sent]
        with translation.override(_language_of(customer.business)):
            mail = _mail(customer, numbers, files)
        amounts = [_event_data(booking) for booking in ordered]
        transaction.on_commit(partial(_send, mail, customer, amounts, actor))
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
        msg = _(
            "You wrote this e-mail address yourself. Somebody who sees addresses in "
            "clear has to look at it and send the invoice."
        )
        raise ValidationError(msg, code="email_not_confirmed")


def _one_customer(bookings: list[Booking]) -> Customer:
    if len({booking.customer_id for booking in bookings}) != 1:
        msg = _("Send the invoices of one customer at a time.")
        raise ValidationError(msg, code="several_customers")
    if len(bookings) > _MOST:
        msg = _("Send at most %(limit)s invoices at a time.") % {"limit": _MOST}
        raise ValidationError(msg, code="too_many_invoices")
    customer: Customer = bookings[0].customer
    return customer


def _mail(
    customer: Customer, numbers: list[str], files: list[tuple[str, str]]
) -> EmailMultiAlternatives:
    # A line break would end the header.
    sender = " ".join(customer.business.name.split())
    subject = ngettext(
        "%(sender)s: invoice %(numbers)s",
        "%(sender)s: invoices %(numbers)s",
        len(numbers),
    )
    body = ngettext(
        "Hello,\n\nattached you find your invoice %(numbers)s.\n\n%(sender)s\n",
        "Hello,\n\nattached you find your invoices %(numbers)s.\n\n%(sender)s\n",
        len(numbers),
    )
    values = {"sender": sender, "numbers": ", ".join(numbers)}
    mail = EmailMultiAlternatives(
        subject=(subject % values)[:200],
        body=body % values,
        to=[mail_address(str(customer.email))],
    )
    for name, html in files:
        mail.attach(name, html, "text/html")
    return mail


def _send(
    mail: EmailMultiAlternatives,
    customer: Customer,
    amounts: list[JsonObject],
    actor: Actor,
) -> None:
    try:
        mail.send()
    except (OSError, ValueError) as error:
        # Its text may repeat the address.
        _logger.warning("a mail was not taken: %s", type(error).__name__)
        _record("failed", customer, amounts, actor, code="mail_failed")
        raise MailFailed from error
    _record("sent", customer, amounts, actor)


def _record(
    verb: str,
    customer: Customer,
    amounts: list[JsonObject],
    actor: Actor,
    code: str = "",
) -> None:
    numbers = [amount["number"] for amount in amounts]
    log.record_alone(
        f"invoice.{verb}",
        customer,
        actor=actor,
        subjects=[customer.pk],
        outcome="failed" if code else "done",
        code=code,
        data={"numbers": numbers, "invoices": amounts},
    )


def _event_data(booking: Booking) -> JsonObject:
    """Return what the trail says of an invoice."""
    return {
        "number": booking.invoice_number,
        "booking": booking.reference,
        "amount": amount_text(booking.total_amount, booking.currency),
        "currency": booking.currency,
    }


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
    amount_text = format_amount(gross, booking.currency)
    whole = {"quantity": "1", "unit_price": amount_text, "amount": amount_text}
    return [{"description": str(booking.get_kind_display()), **whole}]


def _line(line: Mapping[str, object], booking: Booking) -> dict[str, str]:
    return {
        "description": str(line.get("description") or line.get("name") or ""),
        "quantity": _quantity(line.get("quantity")),
        "unit_price": _written(line.get("unit_price"), booking.currency),
        "amount": _written(line.get("amount"), booking.currency),
    }


def _language_of(business: Business) -> str:
    chosen = business.invoice_settings.get("language")
    codes = [code for code, _name in settings.LANGUAGES]
    return str(chosen) if chosen in codes else settings.LANGUAGE_CODE


def _sums(booking: Booking, *, sees_refunds: bool) -> list[tuple[str, str]]:
    refunded = refunded_of(booking) if sees_refunds else Decimal(0)
    # Each with whether it is shown even if it is zero.
    amounts = [
        (_("Discount"), -booking.discount_amount, False),
        (_("Total"), booking.total_amount, True),
        (_("Credit used"), -booking.credit_used, False),
        (_("Paid"), booking.paid_amount, True),
        (_("Refunded"), refunded, False),
        (_("Still to pay"), max(booking.left_to_pay, Decimal(0)), False),
    ]
    return [
        (label, format_money(amount, booking.currency))
        for label, amount, is_always in amounts
        if amount or is_always
    ]


def _quantity(value: object) -> str:
    """Return how many of a line formatted; anything else than a number as it is."""
    text = str(value or "")
    return number_format(text) if _NUMBER.fullmatch(text) else text


def _written(value: object, currency: str) -> str:
    """Return an amount of a line formatted; anything else than a number as it is."""
    text = "" if value is None else str(value)
    if not _NUMBER.fullmatch(text):
        return text
    try:
        return format_amount(Decimal(text), currency)
    except InvalidOperation:
        return text
