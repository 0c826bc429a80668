"""Document 000: everything that is known of customers, read by admins and servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.privacy.masking import Room
from audit.rest.pagination import page_of
from audit.rest.serializers import QuerySerializer
from audit.rest.views import Method
from capture import services
from capture.api.machine import MachineView
from customers import services as customers
from customers.api.working import WorkingBusinessView

# Whoever may read what was sent, as it was sent: admins.
_ALL = "capture.read_payload"
_STATES = ("active", "inactive", "blocked", "new", "archived")


class Answer(serializers.Serializer[Any]):
    """Described only: nothing is parsed by it."""


def _maybe_text() -> serializers.CharField:
    return serializers.CharField(allow_null=True)


def _maybe_moment() -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=True)


def _maybe_number() -> serializers.DecimalField:
    return serializers.DecimalField(15, 3, coerce_to_string=False, allow_null=True)


class OneCustomerData(Answer):
    """The columns of document 000 but the password."""

    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    unique_id = serializers.CharField()
    email = _maybe_text()
    name = _maybe_text()
    phone = _maybe_text()
    membership_tier = _maybe_text()
    payment_status = _maybe_text()
    payment_method = _maybe_text()
    payment_amount = _maybe_number()
    payment_date = _maybe_moment()
    join_date = serializers.DateTimeField()
    last_active = _maybe_moment()
    status = serializers.CharField()
    questionnaire_data = serializers.JSONField(allow_null=True)
    account_type = _maybe_text()
    prop_firm = _maybe_text()
    account_size = _maybe_number()
    trading_experience = _maybe_text()
    risk_tolerance = _maybe_text()
    trading_goals = _maybe_text()
    ip_address = _maybe_text()
    user_agent = _maybe_text()
    signup_source = _maybe_text()
    referral_code = _maybe_text()
    data_capture_complete = serializers.BooleanField()
    admin_verified = serializers.BooleanField()
    admin_notes = _maybe_text()
    credential_seen = serializers.BooleanField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CustomerDataPage(Answer):
    success = serializers.BooleanField()
    count = serializers.IntegerField()
    next = _maybe_text()
    previous = _maybe_text()
    customers = OneCustomerData(many=True)


class CustomerDataAnswer(Answer):
    success = serializers.BooleanField()
    customer = OneCustomerData()


class Verification(Answer):
    none = serializers.IntegerField()
    claimed = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    failed = serializers.IntegerField()
    refunded = serializers.IntegerField()


class Completeness(Answer):
    complete = serializers.IntegerField()
    incomplete = serializers.IntegerField()
    completion_rate = _maybe_number()


class Received(Answer):
    period_hours = serializers.IntegerField()
    accepted = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    success_rate = _maybe_number()


class StatsAnswer(Answer):
    success = serializers.BooleanField()
    as_of = serializers.DateTimeField()
    total_customers = serializers.IntegerField()
    payment_verification = Verification()
    data_capture = Completeness()
    captures = Received()


class AllQuery(QuerySerializer):
    """The parameters of the list."""

    page = serializers.IntegerField(min_value=1, max_value=100_000, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=50)
    search = serializers.CharField(max_length=200, allow_blank=True, default="")
    status = serializers.ChoiceField((*_STATES, ""), default="")


class StatsQuery(QuerySerializer):
    """The period of the figures about captures: a year at most."""

    period_hours = serializers.IntegerField(min_value=1, max_value=8784, default=24)


class AllCustomerData(MachineView):
    """GET lists everything that is known of customers; masked for people."""

    tag = "Customer data"
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(_ALL, CustomerDataPage, query=AllQuery)
    }

    def get(self, request: Request) -> Response:
        asked, business = self.parameters, self.business()
        rows = customers.list_hub_customers(
            actor=self.actor,
            business=business,
            search=asked["search"],
            status=asked["status"],
        )
        page = page_of(rows, number=asked["page"], limit=asked["page_size"])
        verb = "searched" if asked["search"] else "listed"
        self.note_shown(verb, page.rows, query=asked["search"] or None)
        found = customers.load_values(page.rows, services.CUSTOMER_DATA, room=Room())
        shown = [self.shown(values, business, is_clear=self.by_key) for values in found]
        return Response({"success": True, **self.links(page), "customers": shown})


class CustomerData(MachineView):
    """GET answers everything that is known of one customer, masked by role."""

    tag = "Customer data"
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_customer", CustomerDataAnswer)
    }

    def get(self, request: Request, customer: str) -> Response:
        business = self.business()
        try:
            row = customers.get_customer(
                customer, actor=self.actor, business_id=business.pk
            )
        except ObjectDoesNotExist as error:
            if not self.by_key:
                operation = self.actor.operation
                operation.refuse("not_found", "customers.customer", customer)
            raise Http404 from error
        self.note_shown("viewed", [row], target=row)
        [values] = customers.load_values([row], services.CUSTOMER_DATA)
        shown = self.shown(values, business, is_clear=self.sees_clear(row))
        return Response({"success": True, "customer": shown})


class CustomerDataStats(WorkingBusinessView):
    """GET answers the figures of the panel."""

    tag = "Customer data"
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_customerstats", StatsAnswer, query=StatsQuery)
    }

    def get(self, request: Request) -> Response:
        hours = self.parameters["period_hours"]
        told = services.get_customer_data_stats(
            self.business(), actor=self.actor, period=timedelta(hours=hours)
        )
        total, came = told.total_customers, told.accepted + told.quarantined
        return Response(
            {
                "success": True,
                "as_of": told.as_of,
                "total_customers": total,
                "payment_verification": told.payment_verification,
                "data_capture": {
                    "complete": told.complete,
                    "incomplete": total - told.complete,
                    "completion_rate": customers.rate(told.complete, total),
                },
                "captures": {
                    "period_hours": hours,
                    "accepted": told.accepted,
                    "quarantined": told.quarantined,
                    "success_rate": customers.rate(told.accepted, came),
                },
            }
        )
