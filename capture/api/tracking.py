"""Document 002's statistics: customers with how often they sign in."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import Method
from capture import services
from customers import services as customers
from customers.api.working import WorkingBusinessView


class _Answer(serializers.Serializer[Any]):
    """Described only: nothing is parsed by it."""


class Logins(_Answer):
    last_30_days = serializers.IntegerField()
    mean_per_customer = serializers.DecimalField(
        15, 4, coerce_to_string=False, allow_null=True
    )


class StatisticsAnswer(_Answer):
    as_of = serializers.DateTimeField()
    total_customers = serializers.IntegerField()
    active_customers = serializers.IntegerField()
    inactive_customers = serializers.IntegerField()
    new_this_week = serializers.IntegerField()
    new_this_month = serializers.IntegerField()
    marketing_opt_ins = serializers.IntegerField()
    opt_in_rate = serializers.DecimalField(
        5, 4, coerce_to_string=False, allow_null=True
    )
    logins = Logins()
    total_orders = serializers.IntegerField()
    total_spent = serializers.DecimalField(18, 3, coerce_to_string=False)
    currency = serializers.CharField()


class Statistics(WorkingBusinessView):
    """GET answers the figures of one business; orders are purchases there."""

    tag = "Tracking"
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_customerstats", StatisticsAnswer)
    }

    def get(self, request: Request) -> Response:
        business = self.business()
        told = customers.get_business_figures(business, actor=self.actor)
        since = told.as_of - customers.ENGAGED_FOR
        logins = services.count_logins(business, actor=self.actor, since=since)
        spent = told.lifetime_value.get(business.currency, Decimal(0))
        return Response(
            {
                "as_of": told.as_of,
                "total_customers": told.total_customers,
                "active_customers": told.active_customers,
                "inactive_customers": told.inactive_customers,
                "new_this_week": told.new_this_week,
                "new_this_month": told.new_this_month,
                "marketing_opt_ins": told.marketing_opt_ins,
                "opt_in_rate": told.opt_in_rate,
                "logins": {
                    "last_30_days": logins,
                    "mean_per_customer": customers.rate(logins, told.total_customers),
                },
                "total_orders": told.total_purchases,
                "total_spent": customers.in_own_decimals(spent, business.currency),
                "currency": business.currency,
            }
        )
