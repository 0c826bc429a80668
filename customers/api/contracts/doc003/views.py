"""Document 003: `/api/admin/customers…`, camelCase."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import ActionSpec
from customers import services
from customers.api.contracts.base import (
    VIEW,
    ContractView,
    ContractViewSet,
    customer_specs,
)
from customers.api.contracts.doc003 import inputs, serializers
from customers.api.fields import is_descending
from customers.models import Customer

# The detail holds so many of each kind.
NEWEST = 50


class HubView(ContractView):
    """An endpoint of document 003."""

    tag = "Customers hub"
    is_camel = True


class HubCustomerViewSet(ContractViewSet, HubView):
    """The customers of one business with figures, and sums over the business."""

    action_specs: ClassVar = {
        "list": ActionSpec(VIEW, serializers.HubPageSerializer, query=inputs.HubList),
        **customer_specs(
            serializers.HubDetailSerializer,
            create=inputs.HubCreate,
            created=serializers.HubCreatedSerializer,
            update=inputs.HubUpdate,
            replace=inputs.HubReplace,
        ),
    }

    def load_details(self, customer: Customer) -> None:
        details: Any = customer
        details.parts = services.get_parts(customer, actor=self.actor, limit=NEWEST)
        if self.action == "create":
            details.possible_duplicates = services.find_possible_duplicates(
                customer, actor=self.actor
            )

    def list(self, request: Request) -> Response:
        """List customers with figures, and sums over the business."""
        params, business = self.params, self.business()
        customers = services.list_hub_customers(
            actor=self.actor,
            business=business,
            search=params["search"],
            status=params.get("status", ""),
            sort_by=params["sort_by"],
            is_descending=is_descending(params),
        )
        page = self.list_page(customers)
        figures = services.get_business_figures(business, actor=self.actor)
        spent = figures.lifetime_value.get(business.currency, Decimal(0))
        return self.respond(
            {
                "customers": page.items,
                "pagination": page,
                "summary": {
                    **vars(figures),
                    "total_ltv": services.quantise(spent, business.currency),
                    "currency": business.currency,
                },
            }
        )
