"""Segments: document 002's targeting, and `/api/v1/segments`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.serializers import PageQuery
from audit.rest.views import ActionSpec
from customers import services
from customers.api import export_bodies as bodies
from customers.api.exports import rule_problem
from customers.api.mixins import WorkingBusinessView
from customers.api.serializers import segments as serializers

_VIEW, _TARGET = "customers.view_segment", "customers.target_segment"


class SegmentView(WorkingBusinessView):
    """An endpoint about ready segments."""

    tag = "Segments"

    def people(self, rows: Any) -> Response:
        """Answer a page of customers, each with the channels that may carry offers."""
        page = self.list_page(rows)
        return self.respond(
            {"customers": page.items, "pagination": page},
            contactable=services.contactable(page.items),
        )


class Segments(SegmentView):
    """GET lists the ready segments with their definitions and counts."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(_VIEW, serializers.SegmentListSerializer)
    }

    def get(self, request: Request) -> Response:
        segments = services.list_segments(self.business(), actor=self.actor)
        return self.respond({"segments": segments})


class OneSegment(SegmentView):
    """GET answers one ready segment."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(_VIEW, serializers.OneSegmentSerializer)
    }

    def get(self, request: Request, segment: str) -> Response:
        for found in services.list_segments(self.business(), actor=self.actor):
            if found["key"] == segment:
                return self.respond(found)
        raise Http404


class SegmentCustomers(SegmentView):
    """GET lists who is in a segment now."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            _TARGET, serializers.SegmentCustomersSerializer, query=PageQuery
        )
    }

    def get(self, request: Request, segment: str) -> Response:
        try:
            rows = services.list_segment_customers(
                segment, actor=self.actor, business=self.business()
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error
        return self.people(rows)


class Preview(SegmentView):
    """POST tries a rule: how many meet it, and the first of them."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            _TARGET,
            serializers.SegmentCustomersSerializer,
            body=bodies.RuleBody,
            query=PageQuery,
            takes_key=False,
        )
    }

    def post(self, request: Request) -> Response:
        body = self.body()
        try:
            rows = services.list_rule_customers(
                body["rule"], actor=self.actor, business=self.business()
            )
        except services.RuleError as error:
            raise rule_problem(error, "/rule") from error
        return self.people(rows)
