"""Document 003's acts on one customer: `POST /api/admin/customers/[id]/actions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.step_up import require_step_up
from audit.rest.views import ActionSpec
from customers import services
from customers.api import money_shapes as shapes
from customers.api.contracts.doc003.serializers import DoneSerializer
from customers.api.contracts.doc003.views import HubView
from customers.api.serializers.money import LinkSerializer, OneInvoiceSerializer
from customers.choices import RefundStatus
from customers.models import Booking, Customer

# What each act needs, in the business of the customer.
PERMISSIONS = {
    "issue_refund": "customers.add_refund",
    "issue_credit": "customers.add_credit",
    "add_flag": "customers.add_flag",
    "remove_flag": "customers.change_flag",
    "export_data": "customers.export_customer",
    "resend_invoices": "customers.change_booking",
}


class Actions(HubView):
    """POST does one act; which right it needs depends on the act."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "customers.view_customer",
            DoneSerializer,
            body=shapes.Act,
            other_responses={202: DoneSerializer},
        )
    }

    def post(self, request: Request, customer: str) -> Response:
        row, values = self.customer(customer), self.body()
        action = values.pop("action")
        self.actor.require_perm(row.business_id, PERMISSIONS[action])
        result: dict[str, Any] = getattr(self, f"_{action}")(row, **values)
        self.note_access("viewed", [row], target=row)
        return self.respond(
            {
                "success": True,
                "action": action,
                "result": result,
                "operation_id": self.actor.operation.id,
            },
            status=202 if "needs" in result else 200,
        )

    def _confirm(self, scope: str) -> services.Confirm:
        def ask(digest: str, what: str) -> None:
            require_step_up(self.request, scope, digest=digest, what=what)

        return ask

    def _booking(self, row: Customer, pk: Any) -> Booking:
        """Return a booking of this customer. Raises ValidationError."""
        try:
            booking = services.get_booking(str(pk), actor=self.actor)
        except ObjectDoesNotExist as error:
            raise _no_booking() from error
        if booking.customer_id != row.pk:
            raise _no_booking()
        return booking

    def _issue_refund(
        self, row: Customer, booking_id: Any, **values: Any
    ) -> dict[str, Any]:
        refund = services.request_refund(
            self._booking(row, booking_id),
            actor=self.actor,
            confirm=self._confirm("refund_over_limit"),
            **values,
        )
        result = {"refund_id": refund.pk, "status": refund.status}
        if refund.status == RefundStatus.REQUESTED:
            return {**result, "needs": "second_person"}
        gone = services.refunded_of(refund.booking)
        total = services.quantise(gone, refund.currency)
        return {**result, "refunded_total": total}

    def _issue_credit(self, row: Customer, **values: Any) -> dict[str, Any]:
        entry = services.issue_credit(
            row,
            actor=self.actor,
            confirm=self._confirm("refund_over_limit"),
            **values,
        )
        balances = services.credit_balance(row, actor=self.actor)
        return {
            "credit_id": entry.pk,
            "balance": balances[entry.currency],
            "currency": entry.currency,
        }

    def _add_flag(self, row: Customer, flag: str, reason: str) -> dict[str, Any]:
        services.add_flag(row, flag, actor=self.actor, reason=reason)
        return self._flags(row)

    def _remove_flag(self, row: Customer, flag: str, reason: str) -> dict[str, Any]:
        services.remove_flag(row, flag, actor=self.actor, reason=reason)
        return self._flags(row)

    def _flags(self, row: Customer) -> dict[str, Any]:
        flags = services.list_flags(row, actor=self.actor)
        return {"flags": [flag.code for flag in flags]}

    def _export_data(self, row: Customer, reason: str) -> dict[str, Any]:
        link = services.make_person_link(
            row, actor=self.actor, reason=reason, confirm=self._confirm("export")
        )
        return LinkSerializer(link).data

    def _resend_invoices(self, row: Customer, booking_ids: list[Any]) -> dict[str, Any]:
        wanted = dict.fromkeys(booking_ids)
        bookings = [self._booking(row, pk) for pk in wanted]
        sent = services.send_invoices(bookings, actor=self.actor)
        context = {"sees_address": self.can_see_unmasked(row)}
        invoices = OneInvoiceSerializer(sent, many=True, context=context)
        return {"invoices": invoices.data}


def _no_booking() -> RuleBroken:
    msg = "The customer has no such booking. Take an id from the customer's bookings."
    return RuleBroken(msg, code="no_such_booking")
