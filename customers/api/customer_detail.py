"""`/api/v1/customers/…` about one person: timeline, metrics, reveal; and the search."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from audit import log
from audit.api.step_up import require_step_up
from audit.rest.pagination import CursorError, make_cursor, open_cursor
from audit.rest.serializers import NamesField, QuerySerializer, StrictSerializer
from audit.rest.views import ActionSpec
from customers import services
from customers.api.inputs import SearchQuery
from customers.api.serializers.customer_detail import (
    PersonMetricsSerializer,
    RevealedSerializer,
    SearchResultsSerializer,
    TimelineSerializer,
)
from customers.api.views import BusinessScopedView
from customers.models import Customer

_VIEW = "customers.view_customer"


class TimelineQuery(QuerySerializer):
    """The parameters of a timeline."""

    kinds = NamesField(services.all_timeline_kinds, max_length=400)
    cursor = serializers.CharField(max_length=200, allow_blank=True, default="")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)

    def validate_cursor(self, value: str) -> tuple[datetime, UUID] | None:
        """Return the position that a cursor names."""
        try:
            return open_cursor(value) if value else None
        except CursorError as error:
            raise serializers.ValidationError(str(error), code="invalid") from error


class RevealBody(StrictSerializer):
    """Why the caller has to see contact data in clear."""

    reason = serializers.CharField(max_length=500)


class CustomerDetailViewSet(ViewSetMixin, BusinessScopedView):
    """What `/api/v1/customers/` answers besides the table, of any of the businesses."""

    tag = "Customers"
    action_specs: ClassVar = {
        "search": ActionSpec(_VIEW, SearchResultsSerializer, query=SearchQuery),
        "timeline": ActionSpec(_VIEW, TimelineSerializer, query=TimelineQuery),
        "metrics": ActionSpec("customers.view_customerstats", PersonMetricsSerializer),
        # The answer must not be stored for a repeated request.
        "reveal": ActionSpec(
            _VIEW, RevealedSerializer, body=RevealBody, takes_key=False
        ),
    }

    def customer(self, reference: str) -> Customer:
        """Return the customer in the path."""
        permission = self.required_permission
        return self.find_customer(
            reference,
            business_id=self.named_business_id(permission),
            permission=permission,
        )

    def search(self, request: Request) -> Response:
        """Find customers while somebody types; exact hits come first."""
        text = self.params["q"]
        matches = services.find_customers(
            text,
            actor=self.actor,
            business_id=self.named_business_id(self.required_permission),
            limit=self.params["limit"],
        )
        customers = [match.customer for match in matches]
        log.note_access(
            "customer.searched", customers, actor=self.actor, query=text or None
        )
        matched = {match.customer.pk: match.matched for match in matches}
        return self.respond({"results": customers}, matched=matched)

    def timeline(self, request: Request, customer: str) -> Response:
        """List what happened with a customer, the newest first."""
        params, instance = self.params, self.customer(customer)
        limit = params["limit"]
        entries = services.get_timeline(
            instance,
            actor=self.actor,
            kinds=params.get("kinds", ()),
            before=params["cursor"] or None,
            limit=limit + 1,
        )
        page = entries[:limit]
        self.note_viewed(instance)
        return self.respond(
            {
                "results": page,
                "next": self._next(page) if len(entries) > limit else None,
                "kinds": services.timeline_kinds(instance, actor=self.actor),
            }
        )

    def _next(self, page: list[services.TimelineEntry]) -> str:
        cursor = make_cursor(page[-1].at, page[-1].id)
        query = {**self.request.query_params.dict(), "cursor": cursor}
        return f"{self.request.path}?{urlencode(query)}"

    def metrics(self, request: Request, customer: str) -> Response:
        """Show a customer's figures as of now."""
        instance = self.customer(customer)
        metrics = services.get_customer_metrics(instance, actor=self.actor)
        self.note_viewed(instance)
        return self.respond({**vars(metrics.stats), **vars(metrics)})

    def reveal(self, request: Request, customer: str) -> Response:
        """Show contact data in clear, after a confirmation (scope `reveal`).

        Each answer is an event with the reason. The confirmation lasts ten minutes.
        """
        instance = self.customer(customer)
        services.require_reveal(instance, actor=self.actor)
        reason = self.body()["reason"].strip()
        if not reason:
            text = "Write why you have to see it."
            raise ValidationError({"reason": [ErrorDetail(text, "blank")]})
        grant = require_step_up(request, "reveal", what="Show contact data in clear")
        data = services.reveal_customer(instance, actor=self.actor, reason=reason)
        self.note_viewed(instance)
        return self.respond(
            {**vars(data), "until": grant.expires_at}, is_unmasked=lambda _: True
        )
