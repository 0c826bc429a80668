"""`/api/v1/me` and `/api/v1/statistics`: who asks, and how their business stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from audit import accounts
from audit.api.step_up import binding_of
from audit.rest.serializers import QuerySerializer
from audit.rest.views import ActionSpec, StaffView
from customers import services
from customers.api.mixins import WorkingBusinessView
from customers.api.serializers.me import MeSerializer
from customers.api.serializers.statistics import StatisticsSerializer
from customers.choices import LoyaltyTier


class IsSignedIn(BasePermission):
    """Whoever has signed in, also before anybody gave them a role."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in view.allowed_methods:
            return True  # 405 follows
        user: Any = request.user
        return bool(user.is_authenticated and user.is_active)


class Me(StaffView):
    """GET answers who is signed in, where they work, and what is confirmed here."""

    tag = "Account"
    permission_classes = (IsSignedIn,)
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec("", MeSerializer)
    }

    def get(self, request: Request) -> Response:
        user: Any = request.user
        workplaces = services.list_workplaces(actor=self.actor)
        return self.respond(
            {
                "user": user,
                "has_second_factor": accounts.has_second_factor(user),
                "step_up": accounts.step_up_state(user, binding=binding_of(request)),
                "default_business": _default(workplaces),
                "businesses": workplaces,
            }
        )


class StatisticsQuery(QuerySerializer):
    """How many weeks of signups are answered."""

    weeks = serializers.IntegerField(min_value=1, max_value=104, default=12)


class Statistics(WorkingBusinessView):
    """GET answers the figures of the caller's business, as of now.

    `X-Business` names one of several, by slug or id.
    """

    tag = "Statistics"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            "customers.view_customerstats",
            StatisticsSerializer,
            query=StatisticsQuery,
        )
    }

    def get(self, request: Request) -> Response:
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


def _default(places: list[services.Workplace]) -> Any:
    """Return the business of a request that names none; None where it has to."""
    chosen = [place for place in places if place.is_default] or places
    return chosen[0].business.pk if len(chosen) == 1 else None
