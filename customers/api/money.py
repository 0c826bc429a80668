"""Acts with refunds, credit and flags; their lists are those of the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as RuleBroken
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import ActionSpec
from audit.rest.write_viewsets import Reason
from customers import services
from customers.api import money_shapes as shapes
from customers.api.found import Finding, FoundView
from customers.api.serializers import money as serializers
from customers.api.tables import belongings, bookings
from customers.api.tables.base import HubViewSet
from customers.api.tables.rows import FlagRow
from customers.choices import RefundStatus
from customers.models import Booking, Credit, Customer, Flag, Refund


class Acting(Finding):
    """Answers a row after an act, as its table does, and what the act changed."""

    def credited(self, entry: Credit) -> Response:
        """Answer a new entry with the balance after it."""
        balances = services.credit_balance(entry.customer, actor=self.actor)
        entry.balance = balances[entry.currency]  # type: ignore[attr-defined]  # for the serializer
        return self.respond(entry, is_unmasked=self.can_see_unmasked)


# --- what stands below a booking or a customer ---------------------------------------


class ListAndAct(Acting, HubViewSet):
    """The list of a table below a customer, and the act that adds to it."""

    create_spec: ClassVar[ActionSpec]

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        return {"list": super().get_action_specs()["list"], "create": cls.create_spec}

    def act_for_customer(self, do: Callable[..., Any], **more: Any) -> Any:
        """Do the act for the customer that the address names; return the new row."""
        owner, values = self.customer(self.kwargs["customer"]), self.body()
        del values["customer_id"]
        row = self.act(do, owner, **more, **values)
        self.note_access("viewed", [owner], target=owner)
        return row


class BookingRefundViewSet(ListAndAct, bookings.RefundViewSet):
    """Money that goes back for one booking."""

    model = Refund

    create_spec = ActionSpec(
        "customers.add_refund",
        serializers.RefundDoneSerializer,
        201,
        shapes.AskRefund,
        other_responses={202: serializers.RefundDoneSerializer},
    )

    @cached_property
    def parent_booking(self) -> Booking:
        """The booking that the address names. Raises Http404."""
        return self.booking(self.kwargs["pk"])

    @cached_property
    def parent_instance(self) -> Customer:
        """The customer of the booking: no address here names one."""
        return self.parent_booking.customer

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(booking=self.parent_booking)

    def create(self, request: Request, **_: Any) -> Response:
        """Give money back; above the limit a second person approves it (202)."""
        booking, values = self.parent_booking, self.body()
        del values["customer_id"]
        row = self.act(services.request_refund, booking, confirm=self.confirm, **values)
        self.note_access("viewed", [self.parent_instance], target=self.parent_instance)
        waits = row.status == RefundStatus.REQUESTED
        return self.respond(
            row, status=202 if waits else 201, is_unmasked=self.can_see_unmasked
        )


class CustomerCreditViewSet(ListAndAct, bookings.CreditViewSet):
    """Entries of one customer's credit."""

    model = Credit

    create_spec = ActionSpec(
        "customers.add_credit",
        serializers.CreditDoneSerializer,
        201,
        shapes.IssueCredit,
    )

    def create(self, request: Request, **_: Any) -> Response:
        """Give credit."""
        row = self.act_for_customer(services.issue_credit, confirm=self.confirm)
        return self.credited(row)


class CustomerFlagViewSet(ListAndAct, belongings.FlagViewSet):
    """Marks on one customer, those that were taken off included."""

    model = Flag

    create_spec = ActionSpec("customers.add_flag", FlagRow, 201, shapes.AddFlag)

    def create(self, request: Request, **_: Any) -> Response:
        """Put a flag on a customer."""
        row = self.act_for_customer(services.add_flag)
        return self.respond(row, is_unmasked=self.can_see_unmasked)


# --- acts ----------------------------------------------------------------------------


class MoneyView(Acting, FoundView):
    tag = "Refunds"

    def refunded(self, row: Refund) -> Response:
        """Answer one refund that was decided on."""
        self.note_access(row.customer)
        return self.respond(row, is_unmasked=self.can_see_unmasked)

    def credited(self, entry: Credit) -> Response:
        self.note_access(entry.customer)
        return super().credited(entry)


class Approval(MoneyView):
    """POST lets the money of a requested refund go, as the second person."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(services.EXCEED_LIMIT, serializers.RefundDoneSerializer)
    }

    def post(self, request: Request, pk: str) -> Response:
        refund = self.row(services.get_refund, pk)
        self.body()
        row = self.act(services.approve_refund, refund, confirm=self.confirm)
        return self.refunded(row)


class Refusal(MoneyView):
    """POST refuses or withdraws a requested refund."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "customers.change_refund",
            serializers.RefundDoneSerializer,
            body=shapes.GiveReason,
        )
    }

    def post(self, request: Request, pk: str) -> Response:
        refund = self.row(services.get_refund, pk)
        row = self.act(services.refuse_refund, refund, **self.body())
        return self.refunded(row)


class Balance(FoundView):
    """GET answers what a customer can spend, in each currency."""

    tag = "Credits"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec("customers.view_credit", serializers.BalancesSerializer)
    }

    def get(self, request: Request, customer: str) -> Response:
        row = self.customer(customer)
        balances = services.credit_balance(row, actor=self.actor)
        self.note_access(row)
        return self.respond({"balances": balances})


class Spending(MoneyView):
    """POST takes credit away, for a booking if one is named."""

    tag = "Credits"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "customers.add_credit",
            serializers.CreditDoneSerializer,
            201,
            shapes.SpendCredit,
        )
    }

    def post(self, request: Request, customer: str) -> Response:
        row, values = self.customer(customer), self.body()
        if "booking" in values:
            values["booking"] = self.booking(values["booking"])
        return self.credited(self.act(services.spend_credit, row, **values))


class Reversal(MoneyView):
    """POST takes an entry back by its opposite."""

    tag = "Credits"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "customers.add_credit",
            serializers.CreditDoneSerializer,
            201,
            shapes.GiveReason,
        )
    }

    def post(self, request: Request, pk: str) -> Response:
        entry = self.row(services.get_credit, pk)
        return self.credited(self.act(services.reverse_credit, entry, **self.body()))


class OneFlag(FoundView):
    """DELETE takes a flag off; that it stood stays in the history."""

    tag = "Flags"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "delete": ActionSpec("customers.change_flag", None, 204, Reason)
    }

    def delete(self, request: Request, customer: str, code: str) -> Response:
        self.refuse_version()
        row = self.customer(customer)
        reason = self.body().get("reason") or "removed by the API"
        try:
            services.remove_flag(row, code, actor=self.actor, reason=reason)
        except RuleBroken as error:
            if getattr(error, "code", None) == "no_such_flag":
                raise Http404 from error
            raise
        return Response(status=204)
