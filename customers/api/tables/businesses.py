"""Businesses, and who works for them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.step_up import require_step_up
from audit.rest.filters import TableFilters, YesNoFilter
from audit.rest.model_serializers import Related, UpdateSerializer
from customers import services
from customers.api.tables import rows
from customers.api.tables.base import HubViewSet
from customers.api.tables.rows import LIMITS
from customers.models import Business, Membership


class ChangedBusiness(UpdateSerializer):
    """Limits and settings; the slug and the currency of a business stay."""

    class Meta:
        model = Business
        fields: ClassVar = [
            "name",
            "timezone",
            *LIMITS,
        ]


class BusinessFilters(TableFilters):
    # The table itself; one is found by its address.
    business = None  # type: ignore[assignment]  # takes the inherited one away

    class Meta(TableFilters.Meta):
        model = Business
        fields: ClassVar = {"slug": ["exact", "in"], "currency": ["exact", "in"]}


class BusinessViewSet(HubViewSet):
    """The businesses that the caller works for."""

    tag = "Businesses"
    model = Business
    serializer_class = rows.BusinessRow
    update_serializer_class = ChangedBusiness
    filterset_class = BusinessFilters
    lookup_url_kwarg = "business"
    lookup_value_regex = "[^/]+"
    event_prefix = "business"
    ordering_fields = ("name", "created_at")

    def get_by_reference(self, reference: str) -> Business:
        try:
            return services.get_business(reference, actor=self.actor)
        except ObjectDoesNotExist as error:
            raise self.missing(Business, reference) from error

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change limits and settings. Needs a confirmation, scope `manage_roles`."""
        self.get_object()
        # Its limit decides which refunds are confirmed.
        require_step_up(request, "manage_roles", what="Change the business")
        return super().partial_update(request, **kwargs)


class MembershipFilters(TableFilters):
    is_ended = YesNoFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)

    class Meta(TableFilters.Meta):
        model = Membership
        fields: ClassVar = {"role": ["exact", "in"], "created_at": ["gte", "lt"]}


class MembershipViewSet(HubViewSet):
    """Who works for which business in which role, former ones included."""

    tag = "Memberships"
    model = Membership
    serializer_class = rows.MembershipRow
    filterset_class = MembershipFilters
    event_prefix = "membership"
    ordering_fields = ("created_at", "role")
    related: ClassVar = {
        "business": Related(rows.BusinessRow, "business"),
        "user": Related(rows.ColleagueRow, "user"),
    }
