"""Businesses, and who works for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.step_up import require_step_up
from audit.rest.filters import TableFilters, YesNoFilter
from audit.rest.model_serializers import ChangeBody, Related
from customers import services
from customers.api.tables import rows
from customers.api.tables.base import HubTable
from customers.api.tables.rows import LIMITS
from customers.models import Business, Membership


class ChangedBusiness(ChangeBody):
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


class Businesses(HubTable):
    """The businesses that the caller works for."""

    tag = "Businesses"
    model = Business
    row = rows.BusinessRow
    change_body = ChangedBusiness
    filterset_class = BusinessFilters
    keyword = "business"
    shown_as = "business"
    orderings: ClassVar = {"name": "name", "created_at": "created_at"}

    def find(self, reference: str, *, with_related: Iterable[str] = ()) -> Any:
        try:
            return services.get_business(reference, actor=self.actor)
        except ObjectDoesNotExist as error:
            raise self.missing(Business, reference) from error

    def change(self, request: Request, **kwargs: Any) -> Response:
        """Change limits and settings. Needs a confirmation, scope `manage_roles`."""
        self.found_to_write(kwargs["business"])
        # Its limit decides which refunds are confirmed.
        require_step_up(request, "manage_roles", what="Change the business")
        return super().change(request, **kwargs)


class MembershipFilters(TableFilters):
    is_ended = YesNoFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)

    class Meta(TableFilters.Meta):
        model = Membership
        fields: ClassVar = {"role": ["exact", "in"], "created_at": ["gte", "lt"]}


class Memberships(HubTable):
    """Who works for which business in which role, former ones included."""

    tag = "Memberships"
    model = Membership
    row = rows.MembershipRow
    filterset_class = MembershipFilters
    shown_as = "membership"
    orderings: ClassVar = {"created_at": "created_at", "role": "role"}
    related: ClassVar = {
        "business": Related(rows.BusinessRow, "business"),
        "user": Related(rows.ColleagueRow, "user"),
    }
