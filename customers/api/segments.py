"""Ready segments, and rules to try: `/api/v1/segments`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.serializers import PageQuery
from audit.rest.views import ActionSpec
from customers import services
from customers.api.exports import rule_problem
from customers.api.mixins import WorkingBusinessView
from customers.api.serializers import segments as serializers
from customers.api.serializers.exports import RuleBody

_VIEW, _TARGET = "customers.view_segment", "customers.target_segment"


class SegmentsView(WorkingBusinessView):
    """GET lists the ready segments with their definitions and counts."""

    tag = "Segments"
    methods: ClassVar = {"get": ActionSpec(_VIEW, serializers.SegmentListSerializer)}

    def get(self, request: Request) -> Response:
        segments = services.list_segments(self.business(), actor=self.actor)
        return self.respond({"segments": segments})


class SegmentView(WorkingBusinessView):
    """GET answers one ready segment."""

    tag = "Segments"
    methods: ClassVar = {"get": ActionSpec(_VIEW, serializers.OneSegmentSerializer)}

    def get(self, request: Request, segment: str) -> Response:
        for each in services.list_segments(self.business(), actor=self.actor):
            if each["key"] == segment:
                return self.respond(each)
        raise Http404


class TargetingView(WorkingBusinessView):
    """Answers customers with the channels that may carry offers."""

    tag = "Segments"

    def respond_with_customers(self, queryset: Any) -> Response:
        """Answer a page of customers."""
        page = self.list_page(queryset)
        return self.respond(
            {"customers": page.rows, "pagination": page},
            contactable=services.contactable(page.rows),
        )


class SegmentCustomersView(TargetingView):
    """GET lists who is in a segment now."""

    methods: ClassVar = {
        "get": ActionSpec(
            _TARGET, serializers.SegmentCustomersSerializer, query=PageQuery
        )
    }

    def get(self, request: Request, segment: str) -> Response:
        try:
            customers = services.list_segment_customers(
                segment, actor=self.actor, business=self.business()
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error
        return self.respond_with_customers(customers)


class SegmentPreviewView(TargetingView):
    """POST tries a rule: how many meet it, and the first of them."""

    methods: ClassVar = {
        "post": ActionSpec(
            _TARGET,
            serializers.SegmentCustomersSerializer,
            body=RuleBody,
            query=PageQuery,
            takes_key=False,
        )
    }

    def post(self, request: Request) -> Response:
        body = self.body()
        try:
            customers = services.list_rule_customers(
                body["rule"], actor=self.actor, business=self.business()
            )
        except services.RuleError as error:
            raise rule_problem(error, "/rule") from error
        return self.respond_with_customers(customers)
