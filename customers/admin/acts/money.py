"""Acts with money: refund, credit, invoice; payments are in `payments`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin.step_up import require_step_up
from audit.privacy.masking import mask
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
)
from customers.admin.acts.registry import Done, FormAct, Link, register_act
from customers.choices import CreditReason, RefundMethod, RefundReason, RefundStatus
from customers.models import Booking, Customer, Refund

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

    booking = BookingField(label=_("Booking"))
    amount = amount_field(required=False, help_text=_("Empty: all that is left."))
    method = choice_field(
        _("How it goes back"),
        [("", _("Not said")), *RefundMethod.choices],
        required=False,
        help_text=_(
            "Of cash, a card at the counter or a transfer of yours the payment "
            "provider knows nothing: say so, and its own refunds count besides."
        ),
    )
    reason_code = choice_field(_("Why"), [CHOOSE, *RefundReason.choices])
    reason = reason_field(_("In your words"), required=False)

    def prepare(self) -> None:
        left = services.list_refundable_bookings(self.customer, actor=self.actor)
        self.fields["booking"].offer(  # type: ignore[attr-defined]  # a booking field
            {
                booking: f"{booking_words(booking)}: {_left_words(booking, amount)}"
                for booking, amount in left.items()
            }
        )


def _left_words(booking: Booking, amount: Decimal) -> str:
    money = services.format_money(amount, booking.currency)
    return gettext("%(amount)s left") % {"amount": money}


def _refund(
    form: RefundForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    values: dict[str, Any] = {**form.cleaned_data}
    for name in ("method", "reason"):
        values[name] = values[name] or None
    booking = values.pop("booking")
    check = step_up_for(request, "refund_over_limit")
    refund = services.request_refund(booking, actor=actor, step_up=check, **values)
    url = reverse("admin:customers_refund_change", args=[refund.pk])
    amount = services.format_money(refund.amount, refund.currency)
    if refund.status == RefundStatus.REQUESTED:
        message = gettext(
            "Nothing has gone back yet: %(amount)s of %(booking)s waits for a second "
            "person."
        ) % {"amount": amount, "booking": booking}
        message = f"{message} {_who_may_approve(refund, actor)}"
        return Done(message, Link(gettext("Open the refund"), url), messages.WARNING)
    message = gettext("%(amount)s of %(booking)s goes back.")
    message %= {"amount": amount, "booking": booking}
    return Done(message, Link(gettext("Open the refund"), url))


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
        return gettext("Nobody else here may approve it: ask the owner of the hub.")
    if len(names) > _NAMED:
        sentence = gettext("It may be approved by %(names)s and others.")
    else:
        sentence = gettext("It may be approved by %(names)s.")
    return sentence % {"names": ", ".join(names[:_NAMED])}


register_act(
    FormAct(
        name="refund",
        label=_("Refund"),
        icon="refund",
        permission="customers.add_refund",
        is_offered=lambda state, _actor: state.is_live and state.is_refundable,
        unavailable=_("Nothing is left to refund."),
        is_first=True,
        title=_("Refund a booking"),
        explanation=_(
            "Money of one booking goes back. Above the limit of the business "
            "it waits until a second person approves it."
        ),
        warning=_("A refund is not undone."),
        button=pgettext_lazy("button", "Refund"),
        form=RefundForm,
        run=_refund,
    )
)

# --- a refund that failed -----------------------------------------------------------


class FailedForm(ActForm):
    refund = ChosenField(label=_("Refund"))
    reason = reason_field(_("What happened"))

    def prepare(self) -> None:
        refunds = services.list_failable_refunds(self.customer, actor=self.actor)
        _offer_refunds(self, refunds)


def _offer_refunds(form: ActForm, refunds: list[Refund]) -> None:
    chosen = str(form.initial.get("refund") or "")
    if form.initial.get("booking"):
        # Of one booking there is mostly one.
        ours = (r for r in refunds if str(r.booking_id) == form.initial["booking"])
        chosen = chosen or str(getattr(next(ours, None), "pk", ""))
    offered = {str(one.pk): (one, _refund_words(one)) for one in refunds}
    form.fields["refund"].offer(offered, chosen)  # type: ignore[attr-defined]  # a chosen field


def _refund_words(refund: Refund) -> str:
    amount = services.format_money(refund.amount, refund.currency)
    return f"{refund.booking.reference}, {amount}"


def _fail_refund(
    form: FailedForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    refund = services.fail_refund(actor=actor, **form.cleaned_data)
    words = gettext("%(amount)s of %(booking)s did not go back, and may again.")
    return _done(words, refund)


def _done(words: str, refund: Refund) -> Done:
    message = words % {
        "amount": services.format_money(refund.amount, refund.currency),
        "booking": refund.booking,
    }
    url = reverse("admin:customers_refund_change", args=[refund.pk])
    return Done(message, Link(gettext("Open the refund"), url))


register_act(
    FormAct(
        name="refund-failed",
        label=_("A refund failed"),
        icon="refund",
        permission="customers.change_refund",
        is_offered=lambda state, _actor: state.is_live and state.is_refund_failable,
        unavailable=_("There is no refund that went back."),
        title=_("Say that a refund failed"),
        explanation=_(
            "The bank or the customer says that the money did not arrive. The refund "
            "counts no more, and the amount can be refunded again."
        ),
        button=_("It failed"),
        form=FailedForm,
        run=_fail_refund,
    )
)

# --- a refund that waits ------------------------------------------------------------


class ApprovalForm(ActForm):
    field_of_code = {"not_requested": "refund", "second_person": "refund"}

    refund = ChosenField(label=_("Refund"))

    def prepare(self) -> None:
        refunds = services.list_pending_refunds(self.customer, actor=self.actor)
        _offer_refunds(self, refunds)


class RefusalForm(ApprovalForm):
    reason = reason_field()


def _approve_refund(
    form: ApprovalForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    check = step_up_for(request, "refund_over_limit")
    refund = services.approve_refund(actor=actor, step_up=check, **form.cleaned_data)
    return _done(gettext("%(amount)s of %(booking)s goes back."), refund)


def _refuse_refund(
    form: RefusalForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    refund = services.refuse_refund(actor=actor, **form.cleaned_data)
    return _done(gettext("%(amount)s of %(booking)s does not go back."), refund)


_NOTHING_WAITS = _("There is no refund that waits.")

register_act(
    FormAct(
        name="approve-refund",
        label=_("Approve a refund"),
        icon="refund",
        permission=services.EXCEED_LIMIT,
        is_offered=lambda state, _actor: state.is_live and state.is_refund_pending,
        unavailable=_NOTHING_WAITS,
        title=_("Approve a refund"),
        explanation=_(
            "It is above the limit of the business, and somebody else asked for it. "
            "With your approval the money goes back."
        ),
        warning=_("A refund is not undone."),
        button=pgettext_lazy("button", "Approve"),
        form=ApprovalForm,
        run=_approve_refund,
    )
)
register_act(
    FormAct(
        name="refuse-refund",
        label=_("Refuse a refund"),
        icon="refund",
        permission="customers.change_refund",
        is_offered=lambda state, _actor: state.is_live and state.is_refund_pending,
        unavailable=_NOTHING_WAITS,
        title=_("Refuse a refund"),
        explanation=_(
            "Nothing goes back, and the amount can be refunded again. Whoever asked "
            "for it can withdraw it here, too."
        ),
        button=pgettext_lazy("button", "Refuse"),
        form=RefusalForm,
        run=_refuse_refund,
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
    reason_code = choice_field(_("Why"), [CHOOSE, *CreditReason.choices])
    reason = reason_field(_("In your words"), required=False)
    expires_on = DayField(
        label=_("Last day"), required=False, help_text=_("Empty: it does not run out.")
    )

    def prepare(self) -> None:
        business = self.customer.business
        self.fields["amount"].label = gettext("Amount in %(currency)s") % {
            "currency": business.currency
        }
        self.remark = gettext("The balance is %(balance)s.") % {
            "balance": balance_words(self.customer, self.actor)
        }


def balance_words(customer: Customer, actor: Actor) -> str:
    """Return what a customer can spend, in each currency."""
    balances = services.credit_balance(customer, actor=actor)
    balances = balances or {customer.business.currency: Decimal(0)}
    amounts = (services.format_money(left, code) for code, left in balances.items())
    return get_text_list(list(amounts), gettext("and"))


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
    message = gettext("%(amount)s of credit is given. The balance is %(balance)s now.")
    message %= {"amount": amount, "balance": balance}
    return Done(message, Link(gettext("Open the entry"), url))


register_act(
    FormAct(
        name="credit",
        label=_("Credit"),
        icon="cash",
        permission="customers.add_credit",
        is_first=True,
        title=_("Give credit"),
        explanation=_(
            "The customer can spend it on later bookings. Above the limit of "
            "the business it takes somebody who may exceed it."
        ),
        warning=_("An entry is not undone, only reversed by its opposite."),
        button=_("Give the credit"),
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
        option["words"] = gettext("Preview")
        return option


class InvoiceForm(ActForm):
    field_of_code = {"no_invoice": "booking"}

    booking = BookingField(label=_("Booking"), widget=LinkedRadios)

    def prepare(self) -> None:
        bookings = services.list_invoiceable_bookings(self.customer, actor=self.actor)
        field: Any = self.fields["booking"]
        field.offer({one: _invoice_words(one) for one in bookings})
        field.choices = [choice for choice in field.choices if choice[0]]
        email = self.customer.email
        address = email if self.is_unmasked else mask(email)
        self.remark = (
            gettext("It goes to %(address)s.") % {"address": address}
            if email
            else gettext("There is no e-mail address.")
        )


def _invoice_words(booking: Any) -> str:
    number = booking.invoice_number
    state = (
        gettext("invoice %(number)s") % {"number": number}
        if number
        else gettext("no invoice yet")
    )
    return f"{booking_words(booking)}: {state}"


def _send_invoice(
    form: InvoiceForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    booking = form.cleaned_data["booking"]
    [invoice] = services.send_invoices([booking], actor=actor)
    if invoice.again:
        message = gettext("Invoice %(number)s of %(booking)s is sent again.")
    else:
        message = gettext(
            "Invoice %(number)s of %(booking)s is sent for the first time."
        )
    return Done(message % {"number": invoice.number, "booking": booking})


register_act(
    FormAct(
        name="invoice",
        label=_("Send an invoice"),
        icon="mail",
        permission="customers.change_booking",
        is_offered=lambda state, _actor: state.is_live and state.is_invoiceable,
        unavailable=_("There is no booking that has an invoice or gets one."),
        title=_("Send an invoice"),
        explanation=_(
            "Look at the preview, then send it to the customer by e-mail. A "
            "booking without a number gets one, and its amounts are fixed from then on."
        ),
        warning=_("A mail is not taken back."),
        button=_("Send the invoice"),
        form=InvoiceForm,
        run=_send_invoice,
    )
)
