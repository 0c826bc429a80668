"""`/api/v1/me` and `/api/v1/statistics`: who asks, and how their business stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from django.http import Http404
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from audit import accounts
from audit.api.step_up import binding_of
from audit.rest.exceptions import ApiError
from audit.rest.serializers import QuerySerializer
from audit.rest.views import Method, StaffView
from customers import services
from customers.api import person_answers
from customers.choices import LoyaltyTier
from customers.models import Business


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
    methods: ClassVar[Mapping[str, Method]] = {"get": Method("", person_answers.Me)}

    def get(self, request: Request) -> Response:
        user: Any = request.user
        state = accounts.step_up_state(user, binding=binding_of(request))
        places = services.list_workplaces(actor=self.actor)
        return Response(
            {
                "id": user.pk,
                "username": user.username,
                "name": user.get_full_name(),
                "email": user.email,
                "time_zone": user.time_zone,
                "is_platform_owner": user.is_superuser,
                "has_second_factor": accounts.has_second_factor(user),
                "has_pin": state.has_pin,
                "step_ups": [
                    {"scope": grant.scope, "expires_at": grant.expires_at}
                    for grant in state.grants
                ],
                "default_business": _default(places),
                "businesses": [_workplace(place) for place in places],
            }
        )


class StatisticsQuery(QuerySerializer):
    """How many weeks of signups are answered."""

    weeks = serializers.IntegerField(min_value=1, max_value=104, default=12)


class Statistics(StaffView):
    """GET answers the figures of the caller's business, as of now.

    `X-Business` names one of several, by slug or id.
    """

    tag = "Statistics"
    takes_business = True
    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(
            "customers.view_customerstats",
            person_answers.Statistics,
            query=StatisticsQuery,
        )
    }

    def get(self, request: Request) -> Response:
        business = self._business()
        figures = services.get_business_figures(business, actor=self.actor)
        since = figures.as_of - timedelta(weeks=self.parameters["weeks"])
        weeks = services.get_signups_per_week(business, actor=self.actor, since=since)
        facts = asdict(figures)
        return Response(
            {
                "business_id": business.pk,
                "currency": business.currency,
                **facts,
                "opt_in_rate": _text(figures.opt_in_rate),
                "repeat_share": _text(figures.repeat_share),
                "total_items": _text(figures.total_items),
                "lifetime_value": {
                    code: services.amount_text(total, code)
                    for code, total in figures.lifetime_value.items()
                },
                "loyalty": dict.fromkeys(LoyaltyTier.values, 0) | figures.loyalty,
                "signups_per_week": [
                    {"week": week.date(), "signups": count} for week, count in weeks
                ],
                "channels": services.get_channels(business, actor=self.actor),
            }
        )

    def _business(self) -> Business:
        named = self.request.headers.get("X-Business", "")
        try:
            return services.get_working_business(
                named, actor=self.actor, permission=self.right
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error
        except RuleBroken as error:
            raise ApiError(400, "business_needed", str(error.message)) from error


def _default(places: list[services.Workplace]) -> Any:
    """Return the business of a request that names none; None where it has to."""
    chosen = [place for place in places if place.is_default] or places
    return chosen[0].business.pk if len(chosen) == 1 else None


def _workplace(place: services.Workplace) -> dict[str, Any]:
    business = place.business
    return {
        "id": business.pk,
        "slug": business.slug,
        "name": business.name,
        "currency": business.currency,
        "time_zone": business.timezone,
        "role": place.role,
        "is_default": place.is_default,
        "rights": place.rights,
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")
