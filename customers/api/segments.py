"""Ready segments, and rules to try: `/api/v1/segments`."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from audit.rest.serializers import PageQuery
from audit.rest.views import ActionSpec
from customers import services
from customers.api.exports import rule_problem
from customers.api.serializers import segments as serializers
from customers.api.serializers.exports import RuleBody
from customers.api.views import WorkingBusinessView
from customers.models import Customer

_VIEW, _TARGET = "customers.view_segment", "customers.target_segment"


class SegmentViewSet(ViewSetMixin, WorkingBusinessView):
    """Ready segments, and who is in them."""

    tag = "Segments"
    action_specs: ClassVar = {
        "list": ActionSpec(_VIEW, serializers.SegmentListSerializer),
        "retrieve": ActionSpec(_VIEW, serializers.OneSegmentSerializer),
        "customers": ActionSpec(
            _TARGET, serializers.SegmentCustomersSerializer, query=PageQuery
        ),
        "preview": ActionSpec(
            _TARGET,
            serializers.SegmentCustomersSerializer,
            body=RuleBody,
            query=PageQuery,
            takes_key=False,
        ),
    }

    def list(self, request: Request) -> Response:
        """List the ready segments with their definitions and counts."""
        segments = services.list_segments(self.business(), actor=self.actor)
        return self.respond({"segments": segments})

    def retrieve(self, request: Request, segment: str) -> Response:
        """Show one ready segment."""
        for each in services.list_segments(self.business(), actor=self.actor):
            if each["key"] == segment:
                return self.respond(each)
        raise Http404

    def customers(self, request: Request, segment: str) -> Response:
        """List who is in a segment now."""
        try:
            customers = services.list_segment_customers(
                segment, actor=self.actor, business=self.business()
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error
        return self._page(customers)

    def preview(self, request: Request) -> Response:
        """Try a rule: how many meet it, and the first of them."""
        body = self.body()
        try:
            customers = services.list_rule_customers(
                body["rule"], actor=self.actor, business=self.business()
            )
        except services.RuleError as error:
            raise rule_problem(error, "/rule") from error
        return self._page(customers)

    def _page(self, queryset: QuerySet[Customer]) -> Response:
        """Answer a page of customers, with the channels that may carry offers."""
        page = self.list_page(queryset)
        return self.respond(
            {"customers": page.items, "pagination": page},
            contactable=services.contactable(page.items),
        )
