"""Document 003's actions on one customer: `POST /api/admin/customers/[id]/actions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from rest_framework.request import Request
from rest_framework.response import Response

from audit.json_text import JsonObject
from audit.rest.views import ActionSpec
from customers import services
from customers.api.contracts.doc003 import inputs
from customers.api.contracts.doc003.serializers import DoneSerializer
from customers.api.contracts.doc003.views import HubView
from customers.api.serializers.money import LinkSerializer, OneInvoiceSerializer
from customers.choices import RefundStatus
from customers.models import Booking, Customer


class CustomerActionsView(HubView):
    """What document 003 does with a customer."""

    action_specs: ClassVar = {
        "post": ActionSpec(
            "customers.view_customer",
            DoneSerializer,
            body=inputs.Act,
            other_responses={202: DoneSerializer},
        )
    }

    def post(self, request: Request, customer: str) -> Response:
        """Do one action; the permission that it needs depends on the action."""
        instance, values = self.customer(customer), self.body()
        name = values.pop("action")
        action = _ACTIONS[name]
        self.actor.require_perm(instance.business_id, action.permission)
        result = action.run(self, instance, **values)
        self.note_viewed(instance)
        return self.respond(
            {
                "success": True,
                "action": name,
                "result": result,
                "operation_id": self.actor.operation.id,
            },
            status=202 if "needs" in result else 200,
        )

    def booking(self, customer: Customer, pk: object) -> Booking:
        """Return a booking of this customer. Raises ValidationError."""
        try:
            booking = services.get_booking(str(pk), actor=self.actor)
        except ObjectDoesNotExist as error:
            raise _no_booking() from error
        if booking.customer_id != customer.pk:
            raise _no_booking()
        return booking


class _Action(NamedTuple):
    """An action: the permission it needs in the customer's business, and its code."""

    permission: str
    run: Callable[..., JsonObject]


def _issue_refund(
    view: CustomerActionsView, customer: Customer, booking_id: UUID, **values: Any
) -> JsonObject:
    refund = services.request_refund(
        view.booking(customer, booking_id),
        actor=view.actor,
        step_up=view.step_up("refund_over_limit"),
        **values,
    )
    result = {"refund_id": refund.pk, "status": refund.status}
    if refund.status == RefundStatus.REQUESTED:
        return {**result, "needs": "second_person"}
    refunded = services.refunded_of(refund.booking)
    return {**result, "refunded_total": services.quantise(refunded, refund.currency)}


def _issue_credit(
    view: CustomerActionsView, customer: Customer, **values: Any
) -> JsonObject:
    entry = services.issue_credit(
        customer,
        actor=view.actor,
        step_up=view.step_up("refund_over_limit"),
        **values,
    )
    balances = services.credit_balance(customer, actor=view.actor)
    return {
        "credit_id": entry.pk,
        "balance": balances[entry.currency],
        "currency": entry.currency,
    }


def _add_flag(
    view: CustomerActionsView, customer: Customer, flag: str, reason: str
) -> JsonObject:
    services.add_flag(customer, flag, actor=view.actor, reason=reason)
    return _flags(view, customer)


def _remove_flag(
    view: CustomerActionsView, customer: Customer, flag: str, reason: str
) -> JsonObject:
    services.remove_flag(customer, flag, actor=view.actor, reason=reason)
    return _flags(view, customer)


def _flags(view: CustomerActionsView, customer: Customer) -> JsonObject:
    flags = services.list_flags(customer, actor=view.actor)
    return {"flags": [flag.code for flag in flags]}


def _export_data(
    view: CustomerActionsView, customer: Customer, reason: str
) -> JsonObject:
    link = services.make_person_link(
        customer, actor=view.actor, reason=reason, step_up=view.step_up("export")
    )
    return LinkSerializer(link).data


def _resend_invoices(
    view: CustomerActionsView, customer: Customer, booking_ids: list[object]
) -> JsonObject:
    bookings = [view.booking(customer, pk) for pk in dict.fromkeys(booking_ids)]
    sent = services.send_invoices(bookings, actor=view.actor)
    context = {"sees_address": view.can_see_unmasked(customer)}
    invoices = [OneInvoiceSerializer(one, context=context).data for one in sent]
    return {"invoices": invoices}


_ACTIONS = {
    "issue_refund": _Action("customers.add_refund", _issue_refund),
    "issue_credit": _Action("customers.add_credit", _issue_credit),
    "add_flag": _Action("customers.add_flag", _add_flag),
    "remove_flag": _Action("customers.change_flag", _remove_flag),
    "export_data": _Action("customers.export_customer", _export_data),
    "resend_invoices": _Action("customers.change_booking", _resend_invoices),
}


def _no_booking() -> RuleBroken:
    msg = "The customer has no such booking. Take an id from the customer's bookings."
    return RuleBroken(msg, code="no_such_booking")
