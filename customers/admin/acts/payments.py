"""Acts with payments: record one, take a wrong one back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.tenancy.actors import Actor
from customers import services
from customers.admin.acts.forms import (
    CHOOSE,
    ActForm,
    BookingField,
    ChosenField,
    DayField,
    amount_field,
    booking_words,
    choice_field,
    reason_field,
    text_field,
)
from customers.admin.acts.registry import Done, FormAct, Link, register_act
from customers.choices import CHOSEN_METHODS, within_sentence
from customers.models import Booking, BookingPayment, Customer
from customers.money import format_amount


class PaymentForm(ActForm):
    field_of_code = {
        "booking_cancelled": "booking",
        "booking_moved": "booking",
        "payment_exceeds_total": "amount",
        "too_many_decimals": "amount",
    }

    booking = BookingField(label=_("Booking"))
    amount = amount_field(required=False, help_text=_("Empty: all that is left."))
    method = choice_field(
        _("How it came"),
        [CHOOSE, *((method.value, method.label) for method in CHOSEN_METHODS)],
    )
    received_on = DayField(label=_("Received on"))
    reference = text_field(
        _("Reference"),
        max_length=100,
        required=False,
        help_text=_("Of the transfer or the receipt, if there is one."),
    )
    reason = reason_field(_("Remark"), required=False)

    def prepare(self) -> None:
        left = services.list_payable_bookings(self.customer, actor=self.actor)
        self.fields["booking"].offer(  # type: ignore[attr-defined]  # a booking field
            {
                booking: f"{booking_words(booking)}: "
                + gettext("%(amount)s left")
                % {"amount": services.format_money(amount, booking.currency)}
                for booking, amount in left.items()
            }
        )
        today = self.customer.business.local_day(timezone.now())
        self.fields["received_on"].initial = today


def _record(
    form: PaymentForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    values: dict[str, Any] = {**form.cleaned_data}
    for name in ("reference", "reason"):
        values[name] = values[name] or None
    entry = services.record_payment(values.pop("booking"), actor=actor, **values)
    message = gettext("%(amount)s is recorded for %(booking)s.") % {
        "amount": services.format_money(entry.amount, entry.currency),
        "booking": entry.booking,
    }
    return _done(f"{message} {_paid_words(entry.booking)}", entry)


def _paid_words(booking: Booking) -> str:
    return gettext("Paid %(paid)s of %(total)s.") % {
        "paid": format_amount(booking.paid_amount, booking.currency),
        "total": services.format_money(booking.total_amount, booking.currency),
    }


def _done(message: str, entry: BookingPayment) -> Done:
    url = reverse("admin:customers_bookingpayment_change", args=[entry.pk])
    return Done(message, Link(gettext("Open the payment"), url))


register_act(
    FormAct(
        name="payment",
        label=_("Record a payment"),
        icon="cash",
        permission="customers.add_bookingpayment",
        is_offered=lambda state, _actor: state.is_live and state.is_payable,
        unavailable=_("Nothing is left to pay."),
        is_first=True,
        title=_("Record a payment"),
        explanation=_(
            "Money of one booking came in: in cash, by card at the counter, or by "
            "transfer. What a payment provider reports is recorded by itself."
        ),
        warning=_("A payment is not changed, only reversed by its opposite."),
        button=_("Record the payment"),
        form=PaymentForm,
        run=_record,
    )
)


class ReversalForm(ActForm):
    field_of_code = {
        "already_reversed": "payment",
        "nothing_earlier": "payment",
        "paid_below_refunded": "payment",
    }

    payment = ChosenField(label=_("Payment"))
    reason = reason_field()

    def prepare(self) -> None:
        # What takes back each of them, by its key.
        reversals: dict[str, tuple[Callable[..., BookingPayment], str]] = {}
        payments = services.list_reversible_payments(self.customer, actor=self.actor)
        for payment in payments:
            key = str(payment.pk)
            reversal = partial(services.reverse_payment, payment)
            reversals[key] = (reversal, _payment_words(payment))
        bookings = services.list_earlier_paid_bookings(self.customer, actor=self.actor)
        for booking in bookings:
            key = f"earlier-{booking.pk}"
            reversal = partial(services.reverse_earlier_payment, booking)
            reversals[key] = (reversal, _earlier_words(booking))
        self.fields["payment"].offer(reversals)  # type: ignore[attr-defined]  # a chosen field


def _payment_words(payment: BookingPayment) -> str:
    day = date_format(payment.received_on, "SHORT_DATE_FORMAT")
    amount = services.format_money(payment.amount, payment.currency)
    method = within_sentence(payment.get_method_display())
    return f"{payment.booking.reference}, {day}, {amount}, {method}"


def _earlier_words(booking: Booking) -> str:
    amount = services.format_money(booking.paid_amount, booking.currency)
    words = gettext("paid before payments were recorded")
    return f"{booking.reference}, {amount}, {words}"


def _reverse(
    form: ReversalForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    reversal = form.cleaned_data["payment"]
    entry = reversal(actor=actor, reason=form.cleaned_data["reason"])
    message = gettext("%(amount)s of %(booking)s is taken back.") % {
        "amount": services.format_money(-entry.amount, entry.currency),
        "booking": entry.booking,
    }
    return _done(f"{message} {_paid_words(entry.booking)}", entry)


register_act(
    FormAct(
        name="reverse-payment",
        label=_("Reverse a payment"),
        icon="refund",
        permission="customers.add_bookingpayment",
        is_offered=lambda state, _actor: state.is_live and state.is_payment_reversible,
        unavailable=_("There is no payment that could be reversed."),
        title=_("Reverse a recorded payment"),
        explanation=_(
            "For what was recorded by mistake: the payment stays, with its opposite "
            "beside it. Money that goes back to the customer is a refund."
        ),
        button=pgettext_lazy("button", "Reverse"),
        form=ReversalForm,
        run=_reverse,
    )
)
