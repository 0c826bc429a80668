"""Businesses, and who works for them."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.step_up import require_step_up
from audit.rest.expansion import Related
from audit.rest.filters import TableFilters, YesNoFilter
from customers import services
from customers.api.serializers import businesses as serializers
from customers.api.tables.base import HubViewSet
from customers.models import Business, Membership


class BusinessFilters(TableFilters):
    # The table itself; one is found by its address.
    business = None  # type: ignore[assignment]  # takes the inherited one away


class BusinessViewSet(HubViewSet):
    """The businesses that the caller works for."""

    tag = "Businesses"
    model = Business
    serializer_class = serializers.BusinessSerializer
    update_serializer_class = serializers.BusinessUpdateSerializer
    filterset_base = BusinessFilters
    filterset_fields = (
        "slug",
        "currency",
    )
    lookup_url_kwarg = "business"
    lookup_value_regex = "[^/]+"
    event_prefix = "business"
    ordering_fields = ("name", "created_at")

    def get_by_reference(self, reference: str) -> Business:
        try:
            return services.get_business(reference, actor=self.actor)
        except ObjectDoesNotExist as error:
            raise self.missing(Business, reference) from error

    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change limits and settings. Needs a confirmation, scope `manage_roles`."""
        self.get_object()
        # Its limit decides which refunds are confirmed.
        require_step_up(request, "manage_roles", what="Change the business")
        return super().partial_update(request, **kwargs)


class MembershipFilters(TableFilters):
    is_ended = YesNoFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)


class MembershipViewSet(HubViewSet):
    """Who works for which business in which role, former ones included."""

    tag = "Memberships"
    model = Membership
    serializer_class = serializers.MembershipSerializer
    filterset_base = MembershipFilters
    filterset_fields = (
        "role",
        "created_at",
    )
    event_prefix = "membership"
    ordering_fields = ("created_at", "role")
    related: ClassVar = {
        "business": Related(serializers.BusinessSerializer, "business"),
        "user": Related(serializers.ColleagueSerializer, "user"),
    }
