"""Acts with money: refund, credit, invoice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse

from audit.admin.step_up import require_step_up
from audit.privacy.masking import mask
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.acts.forms import (
    CHOOSE,
    ActForm,
    BookingField,
    DayField,
    amount_field,
    booking_words,
    choice_field,
    reason_field,
)
from customers.admin.acts.registry import Done, FormAct, Link, register_act
from customers.choices import CreditReason, RefundReason, RefundStatus
from customers.models import Customer, Refund

# As many names as a sentence bears.
_NAMED = 5


def step_up_for(request: HttpRequest, scope: str) -> Callable[[str, str], object]:
    """Return what a service calls where its act has to be confirmed."""

    def check(digest: str, what: str) -> object:
        return require_step_up(request, scope, what=what, digest=digest)

    return check


# --- refund -------------------------------------------------------------------------


class RefundForm(ActForm):
    field_of_code = {
        "refund_exceeds_paid": "amount",
        "too_many_decimals": "amount",
        "booking_moved": "booking",
    }

    booking = BookingField(label="Booking")
    amount = amount_field(required=False, help_text="Empty: all that is left.")
    reason_code = choice_field("Why", [CHOOSE, *RefundReason.choices])
    reason = reason_field("In your words", required=False)

    def prepare(self) -> None:
        left = services.list_refundable_bookings(self.customer, actor=self.actor)
        self.fields["booking"].offer(  # type: ignore[attr-defined]  # a booking field
            {
                booking: f"{booking_words(booking)}: "
                f"{services.format_money(amount, booking.currency)} left"
                for booking, amount in left.items()
            }
        )


def _refund(
    form: RefundForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    values: dict[str, Any] = {**form.cleaned_data}
    values["reason"] = values["reason"] or None
    booking = values.pop("booking")
    check = step_up_for(request, "refund_over_limit")
    refund = services.request_refund(booking, actor=actor, step_up=check, **values)
    url = reverse("admin:customers_refund_change", args=[refund.pk])
    amount = services.format_money(refund.amount, refund.currency)
    if refund.status == RefundStatus.REQUESTED:
        message = (
            f"Nothing has gone back yet: {amount} of {booking} waits for a second "
            f"person. {_who_may_approve(refund, actor)}"
        )
        return Done(message, Link("Open the refund", url), messages.WARNING)
    return Done(f"{amount} of {booking} goes back.", Link("Open the refund", url))


def _who_may_approve(refund: Refund, actor: Actor) -> str:
    colleagues = services.list_colleagues(
        actor=actor,
        business_id=refund.business_id,
        permission=services.EXCEED_LIMIT,
    )
    names = [
        one.get_full_name() or one.get_username()
        for one in colleagues
        if one.pk != actor.user_id
    ]
    if not names:
        return "Nobody else here may approve it: ask the owner of the hub."
    listed = ", ".join(names[:_NAMED])
    return f"It may be approved by {listed}{' and others' * (len(names) > _NAMED)}."


register_act(
    FormAct(
        name="refund",
        label="Refund",
        icon="refund",
        permission="customers.add_refund",
        is_offered=lambda state, _actor: state.is_live and state.is_refundable,
        unavailable="Nothing is left to refund.",
        is_first=True,
        title="Refund a booking",
        explanation="Money of one booking goes back. Above the limit of the business "
        "it waits until a second person approves it.",
        warning="A refund is not undone.",
        button="Refund",
        form=RefundForm,
        run=_refund,
    )
)

# --- credit -------------------------------------------------------------------------


class CreditForm(ActForm):
    field_of_code = {
        "too_many_decimals": "amount",
        "limit_exceeded": "amount",
        "expired": "expires_on",
    }

    amount = amount_field()
    reason_code = choice_field("Why", [CHOOSE, *CreditReason.choices])
    reason = reason_field("In your words", required=False)
    expires_on = DayField(
        label="Last day", required=False, help_text="Empty: it does not run out."
    )

    def prepare(self) -> None:
        business = self.customer.business
        self.fields["amount"].label = f"Amount in {business.currency}"
        self.remark = f"The balance is {balance_words(self.customer, self.actor)}."


def balance_words(customer: Customer, actor: Actor) -> str:
    """Return what a customer can spend, in each currency."""
    balances = services.credit_balance(customer, actor=actor)
    balances = balances or {customer.business.currency: Decimal(0)}
    amounts = (services.format_money(left, code) for code, left in balances.items())
    return " and ".join(amounts)


def _issue_credit(
    form: CreditForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    values: dict[str, Any] = {**form.cleaned_data}
    values["reason"] = values["reason"] or None
    check = step_up_for(request, "refund_over_limit")
    entry = services.issue_credit(customer, actor=actor, step_up=check, **values)
    amount = services.format_money(entry.amount, entry.currency)
    balance = balance_words(customer, actor)
    url = reverse("admin:customers_credit_change", args=[entry.pk])
    message = f"{amount} of credit is given. The balance is {balance} now."
    return Done(message, Link("Open the entry", url))


register_act(
    FormAct(
        name="credit",
        label="Credit",
        icon="cash",
        permission="customers.add_credit",
        is_first=True,
        title="Give credit",
        explanation="The customer can spend it on later bookings. Above the limit of "
        "the business it takes somebody who may exceed it.",
        warning="An entry is not undone, only reversed by its opposite.",
        button="Give the credit",
        form=CreditForm,
        run=_issue_credit,
    )
)

# --- invoice ------------------------------------------------------------------------


class LinkedRadios(forms.RadioSelect):
    """Radio buttons of bookings, each with a link to look at its invoice."""

    option_template_name = "admin/widgets/linked_radio.html"

    def create_option(
        self, name: str, value: Any, *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["url"] = reverse("admin:customers_booking_invoice", args=[value])
        option["words"] = "Preview"
        return option


class InvoiceForm(ActForm):
    field_of_code = {"no_invoice": "booking"}

    booking = BookingField(label="Booking", widget=LinkedRadios)

    def prepare(self) -> None:
        bookings = services.list_invoiceable_bookings(self.customer, actor=self.actor)
        field: Any = self.fields["booking"]
        field.offer({one: _invoice_words(one) for one in bookings})
        field.choices = [choice for choice in field.choices if choice[0]]
        email = self.customer.email
        address = email if self.is_unmasked else mask(email)
        self.remark = (
            f"It goes to {address}." if email else "There is no e-mail address."
        )


def _invoice_words(booking: Any) -> str:
    number = booking.invoice_number
    state = f"invoice {number}" if number else "no invoice yet"
    return f"{booking_words(booking)}: {state}"


def _send_invoice(
    form: InvoiceForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    booking = form.cleaned_data["booking"]
    [invoice] = services.send_invoices([booking], actor=actor)
    word = "again" if invoice.again else "for the first time"
    return Done(f"Invoice {invoice.number} of {booking} is sent {word}.")


register_act(
    FormAct(
        name="invoice",
        label="Send an invoice",
        icon="mail",
        permission="customers.change_booking",
        is_offered=lambda state, _actor: state.is_live and state.is_invoiceable,
        unavailable="There is no booking that has an invoice or gets one.",
        title="Send an invoice",
        explanation="Look at the preview, then send it to the customer by e-mail. A "
        "booking without a number gets one, and its amounts are fixed from then on.",
        warning="A mail is not taken back.",
        button="Send the invoice",
        form=InvoiceForm,
        run=_send_invoice,
    )
)
