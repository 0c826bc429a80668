"""Document 002: whom offers may reach, as a list and as a file."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.pagination import page_of
from audit.rest.views import ActionSpec
from customers import services
from customers.api import export_bodies as bodies
from customers.api.contracts.doc002.serializers import TargetedPageSerializer
from customers.api.exports import MARKETING, ExportView, answers_file
from customers.api.mixins import WorkingBusinessView
from customers.choices import ExportProfile


class Targeted(WorkingBusinessView):
    """GET lists who meets every condition, and whether offers may reach them."""

    tag = "Tracking"
    action_specs: ClassVar = {
        "get": ActionSpec(
            "customers.target_segment", TargetedPageSerializer, query=bodies.TargetQuery
        )
    }

    def get(self, request: Request) -> Response:
        asked = dict(self.params)
        number, limit = asked.pop("page"), asked.pop("page_size")
        rows = services.get_customers_for_targeted_marketing(
            actor=self.actor, business_id=self.business().pk, **asked
        )
        page = page_of(rows, number=number, limit=limit)
        self.note_access("listed", page.items)
        return self.respond(
            {**self.links(page), "results": page.items},
            contactable=services.contactable(page.items),
        )


class MarketingExport(ExportView):
    """POST answers document 002's export: who may be sent offers, as CSV."""

    profile = ExportProfile.MARKETING
    action_specs: ClassVar = {"post": answers_file(MARKETING, bodies.MarketingExport)}
