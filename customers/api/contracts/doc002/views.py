"""Document 002: whom offers may reach, as a list and as a file."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import ActionSpec
from customers import services
from customers.api.contracts.doc002.serializers import TargetedPageSerializer
from customers.api.exports import MARKETING, ExportView, file_spec
from customers.api.serializers import exports as serializers
from customers.api.views import WorkingBusinessView
from customers.choices import ExportProfile


class TargetedCustomersView(WorkingBusinessView):
    """Whom offers may reach."""

    tag = "Tracking"
    action_specs: ClassVar = {
        "get": ActionSpec(
            "customers.target_segment",
            TargetedPageSerializer,
            query=serializers.TargetQuery,
        )
    }

    def get(self, request: Request) -> Response:
        """List who meets every condition, and whether offers may reach them."""
        conditions = {
            k: v for k, v in self.params.items() if k not in ("page", "page_size")
        }
        customers = services.get_customers_for_targeted_marketing(
            actor=self.actor, business_id=self.business().pk, **conditions
        )
        page = self.list_page(customers, limit="page_size")
        return self.respond(
            {**self.links(page), "results": page.items},
            contactable=services.contactable(page.items),
        )


class MarketingExportView(ExportView):
    """Export who may be sent offers, as CSV (document 002)."""

    profile = ExportProfile.MARKETING
    action_specs: ClassVar = {"post": file_spec(MARKETING, serializers.MarketingExport)}
