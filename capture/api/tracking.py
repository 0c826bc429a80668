"""Document 002's statistics: customers with how often they sign in."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import ActionSpec
from capture import services
from customers import services as customers
from customers.api.fields import NumberField
from customers.api.serializers.statistics import CustomerCountsSerializer
from customers.api.views import WorkingBusinessView


class LoginsSerializer(serializers.Serializer[object]):
    last_30_days = serializers.IntegerField()
    mean_per_customer = NumberField(15, 4, allow_null=True)


class StatisticsAnswerSerializer(CustomerCountsSerializer):
    opt_in_rate = NumberField(5, 4, allow_null=True)
    logins = LoginsSerializer()
    # Orders are purchases there.
    total_orders = serializers.IntegerField(source="total_purchases")
    total_spent = NumberField(18, 3)


class TrackingStatisticsView(WorkingBusinessView):
    """The figures of document 002."""

    tag = "Tracking"
    action_specs: ClassVar = {
        "get": ActionSpec("customers.view_customerstats", StatisticsAnswerSerializer)
    }

    def get(self, request: Request) -> Response:
        """Show the figures of one business; orders are purchases there."""
        business = self.business()
        figures = customers.get_business_figures(business, actor=self.actor)
        since = figures.as_of - customers.ENGAGED_FOR
        logins = services.count_logins(business, actor=self.actor, since=since)
        spent = figures.lifetime_value.get(business.currency, Decimal(0))
        return self.respond(
            {
                **vars(figures),
                "logins": {
                    "last_30_days": logins,
                    "mean_per_customer": customers.rate(
                        logins, figures.total_customers
                    ),
                },
                "total_spent": customers.quantise(spent, business.currency),
                "currency": business.currency,
            }
        )
