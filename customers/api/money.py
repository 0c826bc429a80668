"""Acts with refunds, credit and flags; their lists are those of the tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import ClassVar, TypeVar

from django.core.exceptions import ValidationError as RuleBroken
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from audit.rest.views import ActionSpec
from audit.rest.write_viewsets import Reason
from customers import services
from customers.api.serializers import money as serializers
from customers.api.tables import bookings, customer_related
from customers.api.tables.base import HubViewSet
from customers.api.views import CustomerLookupView
from customers.choices import RefundStatus
from customers.models import Booking, BookingPayment, Credit, Customer, Flag, Refund

_T = TypeVar("_T")
# In the place of an id: what was paid before payments were recorded.
_EARLIER = "earlier"


class CreditAnswerView(CustomerLookupView):
    """Answers an entry of credit with the balance after it."""

    def credited(self, entry: Credit) -> Response:
        """Answer a new entry, about its customer, with the balance after it."""
        self.note_viewed(entry.customer)
        balances = services.credit_balance(entry.customer, actor=self.actor)
        entry.balance = balances[entry.currency]  # type: ignore[attr-defined]  # for the serializer
        return self.respond(entry, is_unmasked=self.can_see_unmasked)


# --- below a booking or a customer ---------------------------------------------------


class ListCreateViewSet(CreditAnswerView, HubViewSet):
    """The list of a table below a customer, and the act that adds to it."""

    create_spec: ClassVar[ActionSpec]

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        return {"list": super().get_action_specs()["list"], "create": cls.create_spec}

    def create_by(
        self, service: Callable[..., _T], *args: object, **more: object
    ) -> _T:
        """Call a service with the body; the customer is in the path."""
        return self.act(service, *args, **more, **self.body())


class OfBookingViewSet(ListCreateViewSet):
    """What belongs to the booking in the path."""

    @cached_property
    def parent_booking(self) -> Booking:
        """The booking in the path. Raises Http404."""
        return self.booking(self.kwargs["pk"])

    @cached_property
    def parent_instance(self) -> Customer:
        """The customer of the booking: no path here names one."""
        return self.parent_booking.customer


class BookingPaymentListViewSet(OfBookingViewSet, bookings.BookingPaymentViewSet):
    """Money that came in for one booking."""

    model = BookingPayment

    create_spec = ActionSpec(
        "customers.add_bookingpayment",
        serializers.PaymentDoneSerializer,
        201,
        serializers.RecordPayment,
    )

    def get_queryset(self) -> QuerySet[BookingPayment]:
        return services.list_payments(self.parent_booking, actor=self.actor)

    def create(self, request: Request, **_: object) -> Response:
        """Record that money came in; the paid amount of the booking follows."""
        payment = self.create_by(services.record_payment, self.parent_booking)
        self.note_viewed(self.parent_instance)
        return self.respond(payment, status=201, is_unmasked=self.can_see_unmasked)


class BookingRefundViewSet(OfBookingViewSet, bookings.RefundViewSet):
    """Money that goes back for one booking."""

    model = Refund

    create_spec = ActionSpec(
        "customers.add_refund",
        serializers.RefundDoneSerializer,
        201,
        serializers.AskRefund,
        other_responses={202: serializers.RefundDoneSerializer},
    )

    def get_queryset(self) -> QuerySet[Refund]:
        return super().get_queryset().filter(booking=self.parent_booking)

    def create(self, request: Request, **_: object) -> Response:
        """Give money back; above the limit a second person approves it (202)."""
        refund = self.create_by(
            services.request_refund,
            self.parent_booking,
            step_up=self.step_up("refund_over_limit"),
        )
        self.note_viewed(self.parent_instance)
        waits = refund.status == RefundStatus.REQUESTED
        return self.respond(
            refund, status=202 if waits else 201, is_unmasked=self.can_see_unmasked
        )


class CustomerCreditViewSet(ListCreateViewSet, bookings.CreditViewSet):
    """Entries of one customer's credit."""

    model = Credit

    create_spec = ActionSpec(
        "customers.add_credit",
        serializers.CreditDoneSerializer,
        201,
        serializers.IssueCredit,
    )

    def create(self, request: Request, **_: object) -> Response:
        """Give credit."""
        customer = self.customer(self.kwargs["customer"])
        entry = self.create_by(
            services.issue_credit, customer, step_up=self.step_up("refund_over_limit")
        )
        return self.credited(entry)


class CustomerFlagViewSet(ListCreateViewSet, customer_related.FlagViewSet):
    """Marks on one customer, those that were taken off included."""

    model = Flag

    create_spec = ActionSpec(
        "customers.add_flag",
        customer_related.FlagViewSet.answer(),
        201,
        serializers.AddFlag,
    )

    def create(self, request: Request, **_: object) -> Response:
        """Put a flag on a customer."""
        customer = self.customer(self.kwargs["customer"])
        return self.answer_instance(self.create_by(services.add_flag, customer), 201)


# --- acts ----------------------------------------------------------------------------


class PaymentActionViewSet(ViewSetMixin, CustomerLookupView):
    """What is done with a recorded payment."""

    tag = "Bookings"
    action_specs: ClassVar = {
        "reverse_payment": ActionSpec(
            "customers.add_bookingpayment",
            serializers.PaymentDoneSerializer,
            201,
            serializers.GiveReason,
        ),
    }

    def reverse_payment(self, request: Request, pk: str, payment: str) -> Response:
        """Take a payment back that was recorded by mistake, by its opposite."""
        booking, body = self.booking(pk), self.body()
        if payment == _EARLIER:
            entry = self.act(services.reverse_earlier_payment, booking, **body)
        else:
            get = partial(services.get_payment, booking=booking)
            stored = self.get_or_404(get, payment)
            entry = self.act(services.reverse_payment, stored, **body)
        self.note_viewed(booking.customer)
        return self.respond(entry, is_unmasked=self.can_see_unmasked)


class RefundDecisionViewSet(ViewSetMixin, CustomerLookupView):
    """Decides on requested refunds, and says that one failed."""

    tag = "Refunds"
    action_specs: ClassVar = {
        "approve": ActionSpec(services.EXCEED_LIMIT, serializers.RefundDoneSerializer),
        "refuse": ActionSpec(
            "customers.change_refund",
            serializers.RefundDoneSerializer,
            body=serializers.GiveReason,
        ),
        "fail": ActionSpec(
            "customers.change_refund",
            serializers.RefundDoneSerializer,
            body=serializers.GiveReason,
        ),
    }

    def approve(self, request: Request, pk: str) -> Response:
        """Let the money of a requested refund go, as the second person."""
        step_up = self.step_up("refund_over_limit")
        return self._decide(pk, services.approve_refund, step_up=step_up)

    def refuse(self, request: Request, pk: str) -> Response:
        """Refuse or withdraw a requested refund."""
        return self._decide(pk, services.refuse_refund)

    def fail(self, request: Request, pk: str) -> Response:
        """Say that money which was given back did not arrive."""
        return self._decide(pk, services.fail_refund)

    def _decide(
        self, pk: str, service: Callable[..., Refund], **more: object
    ) -> Response:
        refund = self.get_or_404(services.get_refund, pk)
        refund = self.act(service, refund, **more, **self.body())
        self.note_viewed(refund.customer)
        return self.respond(refund, is_unmasked=self.can_see_unmasked)


class CreditActionViewSet(ViewSetMixin, CreditAnswerView):
    """The balance of a customer, and what is done with entries of credit."""

    tag = "Credits"
    action_specs: ClassVar = {
        "balance": ActionSpec("customers.view_credit", serializers.BalancesSerializer),
        "spend_credit": ActionSpec(
            "customers.add_credit",
            serializers.CreditDoneSerializer,
            201,
            serializers.SpendCredit,
        ),
        "reverse_credit": ActionSpec(
            "customers.add_credit",
            serializers.CreditDoneSerializer,
            201,
            serializers.GiveReason,
        ),
    }

    def balance(self, request: Request, customer: str) -> Response:
        """Show what a customer can spend, in each currency."""
        instance = self.customer(customer)
        balances = services.credit_balance(instance, actor=self.actor)
        self.note_viewed(instance)
        return self.respond({"balances": balances})

    def spend_credit(self, request: Request, customer: str) -> Response:
        """Take credit away, for a booking if one is named."""
        instance, values = self.customer(customer), self.body()
        if "booking" in values:
            values["booking"] = self.booking(values["booking"])
        return self.credited(self.act(services.spend_credit, instance, **values))

    def reverse_credit(self, request: Request, pk: str) -> Response:
        """Take an entry back by its opposite."""
        entry = self.get_or_404(services.get_credit, pk)
        return self.credited(self.act(services.reverse_credit, entry, **self.body()))


class FlagView(CustomerLookupView):
    """One flag of a customer."""

    tag = "Flags"
    action_specs: ClassVar = {
        "delete": ActionSpec("customers.change_flag", None, 204, Reason)
    }

    def delete(self, request: Request, customer: str, code: str) -> Response:
        """Take a flag off; the history keeps that it was set."""
        self.refuse_version()
        instance = self.customer(customer)
        reason = self.body().get("reason") or "removed by the API"
        try:
            services.remove_flag(instance, code, actor=self.actor, reason=reason)
        except RuleBroken as error:
            if getattr(error, "code", None) == "no_such_flag":
                raise Http404 from error
            raise
        return Response(status=204)
