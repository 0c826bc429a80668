"""`/api/v1/statistics`: the figures of a business."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.serializers import QuerySerializer
from audit.rest.views import ActionSpec
from customers import services
from customers.api.serializers.statistics import StatisticsSerializer
from customers.api.views import WorkingBusinessView
from customers.choices import LoyaltyTier


class StatisticsQuery(QuerySerializer):
    """How many weeks of signups are answered."""

    weeks = serializers.IntegerField(min_value=1, max_value=104, default=12)


class StatisticsView(WorkingBusinessView):
    """The figures of a business."""

    tag = "Statistics"
    action_specs: ClassVar = {
        "get": ActionSpec(
            "customers.view_customerstats",
            StatisticsSerializer,
            query=StatisticsQuery,
        )
    }

    def get(self, request: Request) -> Response:
        """Show the figures of the caller's business, as of now.

        `X-Business` names one of several, by slug or id.
        """
        business = self.business()
        figures = services.get_business_figures(business, actor=self.actor)
        since = figures.as_of - timedelta(weeks=self.params["weeks"])
        weeks = services.get_signups_per_week(business, actor=self.actor, since=since)
        return self.respond(
            {
                **vars(figures),
                "business_id": business.pk,
                "currency": business.currency,
                "loyalty": dict.fromkeys(LoyaltyTier.values, 0) | figures.loyalty,
                "signups_per_week": weeks,
                "channels": services.get_channels(business, actor=self.actor),
            }
        )
