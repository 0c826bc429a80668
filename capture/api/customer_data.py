"""Document 000: all data of customers, read by admins and servers."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.privacy.masking import Room
from audit.rest.serializers import QuerySerializer
from audit.rest.views import ActionSpec
from capture import services
from capture.api.machine import MachineView
from customers import services as customers
from customers.api.fields import MaybeTextField, NumberField
from customers.api.views import WorkingBusinessView

# Admins, who may read payloads as they were sent.
_ALL = "capture.read_payload"
_STATES = ("active", "inactive", "blocked", "new", "archived")


class SuccessField(serializers.BooleanField):
    """`true`, as the document has it in every success."""

    def get_attribute(self, instance: object) -> bool:
        return True


class OneCustomerDataSerializer(serializers.Serializer[object]):
    """The columns of document 000 but the password."""

    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    unique_id = serializers.CharField()
    email = MaybeTextField()
    name = MaybeTextField()
    phone = MaybeTextField()
    membership_tier = MaybeTextField()
    payment_status = MaybeTextField()
    payment_method = MaybeTextField()
    payment_amount = NumberField(allow_null=True)
    payment_date = serializers.DateTimeField(allow_null=True)
    join_date = serializers.DateTimeField()
    last_active = serializers.DateTimeField(allow_null=True)
    status = serializers.CharField()
    questionnaire_data = serializers.JSONField(allow_null=True)
    account_type = MaybeTextField()
    prop_firm = MaybeTextField()
    account_size = NumberField(allow_null=True)
    trading_experience = MaybeTextField()
    risk_tolerance = MaybeTextField()
    trading_goals = MaybeTextField()
    ip_address = MaybeTextField()
    user_agent = MaybeTextField()
    signup_source = MaybeTextField()
    referral_code = MaybeTextField()
    data_capture_complete = serializers.BooleanField()
    admin_verified = serializers.BooleanField()
    admin_notes = MaybeTextField()
    credential_seen = serializers.BooleanField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CustomerDataPageSerializer(serializers.Serializer[object]):
    success = SuccessField()
    count = serializers.IntegerField()
    next = MaybeTextField()
    previous = MaybeTextField()
    customers = OneCustomerDataSerializer(many=True)


class CustomerDataAnswerSerializer(serializers.Serializer[object]):
    success = SuccessField()
    customer = OneCustomerDataSerializer()


class VerificationSerializer(serializers.Serializer[object]):
    none = serializers.IntegerField()
    claimed = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    failed = serializers.IntegerField()
    refunded = serializers.IntegerField()


class CompletenessSerializer(serializers.Serializer[object]):
    complete = serializers.IntegerField()
    incomplete = serializers.IntegerField()
    completion_rate = NumberField(allow_null=True)


class PeriodField(serializers.IntegerField):
    """The hours that were asked for."""

    def get_attribute(self, instance: services.CustomerDataStats) -> int:
        hours: int = self.context["period_hours"]
        return hours


class ReceivedSerializer(serializers.Serializer[object]):
    period_hours = PeriodField()
    accepted = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    success_rate = NumberField(allow_null=True)


class StatsAnswerSerializer(serializers.Serializer[object]):
    success = SuccessField()
    as_of = serializers.DateTimeField()
    total_customers = serializers.IntegerField()
    payment_verification = VerificationSerializer()
    data_capture = CompletenessSerializer(source="*")
    captures = ReceivedSerializer(source="*")


class AllQuery(QuerySerializer):
    """The parameters of the list."""

    page = serializers.IntegerField(min_value=1, max_value=100_000, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=50)
    search = serializers.CharField(max_length=200, allow_blank=True, default="")
    status = serializers.ChoiceField((*_STATES, ""), default="")


class StatsQuery(QuerySerializer):
    """The period of the figures about captures: a year at most."""

    period_hours = serializers.IntegerField(min_value=1, max_value=8784, default=24)


class CustomerDataListView(MachineView):
    """All customers, as document 000 has them."""

    tag = "Customer data"
    action_specs: ClassVar = {
        "get": ActionSpec(_ALL, CustomerDataPageSerializer, query=AllQuery)
    }

    def get(self, request: Request) -> Response:
        """List everything that is known of customers; masked for people."""
        params, business = self.params, self.business()
        queryset = customers.list_hub_customers(
            actor=self.actor,
            business=business,
            search=params["search"],
            status=params["status"],
        )
        page = self.list_page(queryset, limit="page_size")
        records = customers.load_values(page.items, services.CUSTOMER_DATA, room=Room())
        data = [
            self.mask_values(values, business, is_unmasked=self.by_key)
            for values in records
        ]
        return self.respond({**self.links(page), "customers": data})


class CustomerDataView(MachineView):
    """One customer, as document 000 has it."""

    tag = "Customer data"
    action_specs: ClassVar = {
        "get": ActionSpec("customers.view_customer", CustomerDataAnswerSerializer)
    }

    def get(self, request: Request, customer: str) -> Response:
        """Show everything that is known of one customer, masked by role."""
        business = self.business()
        try:
            instance = customers.get_customer(
                customer, actor=self.actor, business_id=business.pk
            )
        except ObjectDoesNotExist as error:
            if not self.by_key:
                operation = self.actor.operation
                operation.refuse("not_found", "customers.customer", customer)
            raise Http404 from error
        self.note_viewed(instance)
        [values] = customers.load_values([instance], services.CUSTOMER_DATA)
        data = self.mask_values(
            values, business, is_unmasked=self.can_see_unmasked(instance)
        )
        return self.respond({"customer": data})


class CustomerDataStatsView(WorkingBusinessView):
    """The figures of document 000."""

    tag = "Customer data"
    action_specs: ClassVar = {
        "get": ActionSpec(
            "customers.view_customerstats", StatsAnswerSerializer, query=StatsQuery
        )
    }

    def get(self, request: Request) -> Response:
        """Show the figures of the panel."""
        hours = self.params["period_hours"]
        stats = services.get_customer_data_stats(
            self.business(), actor=self.actor, period=timedelta(hours=hours)
        )
        return self.respond(stats, period_hours=hours)
