"""Refunds, credit and flags of the canonical API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.core.exceptions import ValidationError as RuleBroken
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.paging import page_of
from audit.api.reading import PageQuery
from audit.api.views import Method
from audit.api.writing import Reason
from customers import services
from customers.api import money_shapes as shapes
from customers.api.found import FoundView
from customers.models import Credit, Refund


class MoneyView(FoundView):
    tag = "Refunds"

    def refunded(self, row: Refund, status: int = 200) -> Response:
        """Answer one refund; 202 while it waits for a second person."""
        body = shapes.refund(row, services.refunded_of(row.booking))
        self.note_shown(row.customer)
        return Response(body, 202 if body["needs"] else status)

    def credited(self, row: Credit) -> Response:
        """Answer a new entry with the balance after it."""
        balances = services.credit_balance(row.customer, actor=self.actor)
        self.note_shown(row.customer)
        body = {**shapes.credit(row), "balance": str(balances[row.currency])}
        return Response(body, 201)


class Refunds(MoneyView):
    """GET lists the refunds of a booking, POST gives money back or asks to."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_refund", shapes.Refunds, query=PageQuery),
        "post": Method(
            "customers.add_refund",
            shapes.OneRefund,
            201,
            shapes.AskRefund,
            also={202: shapes.OneRefund},
        ),
    }

    def get(self, request: Request, pk: str) -> Response:
        asked, booking = self.parameters, self.booking(pk)
        rows = services.list_refunds(booking, actor=self.actor)
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        gone = services.refunded_of(booking)
        left = services.left_to_refund(booking)
        self.note_shown(booking.customer)
        return Response(
            {
                "refunds": [shapes.refund(row, gone) for row in page.rows],
                "refunded_total": shapes.written(gone, booking.currency),
                "left": shapes.written(left, booking.currency),
                "currency": booking.currency,
                "pagination": page.facts(),
            }
        )

    def post(self, request: Request, pk: str) -> Response:
        booking = self.booking(pk)
        row = self.act(
            services.request_refund, booking, confirm=self.confirm, **self.body()
        )
        return self.refunded(row, 201)


class Approval(MoneyView):
    """POST lets the money of a requested refund go, as the second person."""

    methods: ClassVar[Mapping[str, Method]] = {
        "post": Method(services.EXCEED_LIMIT, shapes.OneRefund)
    }

    def post(self, request: Request, pk: str) -> Response:
        refund = self.row(services.get_refund, pk)
        self.body()
        row = self.act(services.approve_refund, refund, confirm=self.confirm)
        return self.refunded(row)


class Refusal(MoneyView):
    """POST refuses or withdraws a requested refund."""

    methods: ClassVar[Mapping[str, Method]] = {
        "post": Method(
            "customers.change_refund", shapes.OneRefund, body=shapes.GiveReason
        )
    }

    def post(self, request: Request, pk: str) -> Response:
        refund = self.row(services.get_refund, pk)
        row = self.act(services.refuse_refund, refund, **self.body())
        return self.refunded(row)


class Credits(MoneyView):
    """GET answers balance and entries, POST gives credit."""

    tag = "Credits"
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_credit", shapes.Credits, query=PageQuery),
        "post": Method(
            "customers.add_credit", shapes.WrittenCredit, 201, shapes.IssueCredit
        ),
    }

    def get(self, request: Request, customer: str) -> Response:
        asked, row = self.parameters, self.customer(customer)
        rows = services.list_credits(row, actor=self.actor)
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        balances = services.credit_balance(row, actor=self.actor)
        self.note_shown(row)
        return Response(
            {
                "balances": {code: str(n) for code, n in balances.items()},
                "credits": [shapes.credit(entry) for entry in page.rows],
                "pagination": page.facts(),
            }
        )

    def post(self, request: Request, customer: str) -> Response:
        row = self.customer(customer)
        entry = self.act(
            services.issue_credit, row, confirm=self.confirm, **self.body()
        )
        return self.credited(entry)


class Spending(MoneyView):
    """POST takes credit away, for a booking if one is named."""

    tag = "Credits"
    methods: ClassVar[Mapping[str, Method]] = {
        "post": Method(
            "customers.add_credit", shapes.WrittenCredit, 201, shapes.SpendCredit
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
    methods: ClassVar[Mapping[str, Method]] = {
        "post": Method(
            "customers.add_credit", shapes.WrittenCredit, 201, shapes.GiveReason
        )
    }

    def post(self, request: Request, pk: str) -> Response:
        entry = self.row(services.get_credit, pk)
        return self.credited(self.act(services.reverse_credit, entry, **self.body()))


class Flags(FoundView):
    """GET lists the flags that stand on somebody, POST adds one."""

    tag = "Flags"
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_flag", shapes.Flags),
        "post": Method("customers.add_flag", shapes.OneFlag, 201, shapes.AddFlag),
    }

    def get(self, request: Request, customer: str) -> Response:
        row = self.customer(customer)
        rows = services.list_flags(row, actor=self.actor)
        self.note_shown(row)
        return Response({"flags": [shapes.flag(each) for each in rows]})

    def post(self, request: Request, customer: str) -> Response:
        row = self.customer(customer)
        added = self.act(services.add_flag, row, **self.body())
        self.note_shown(row)
        return Response(shapes.flag(added), 201)


class OneFlag(FoundView):
    """DELETE takes a flag off; that it stood stays in the history."""

    tag = "Flags"
    methods: ClassVar[Mapping[str, Method]] = {
        "delete": Method("customers.change_flag", None, 204, Reason)
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
