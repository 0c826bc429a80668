"""`/api/v1/customers/…` about one person: timeline, metrics, reveal; and the search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import log
from audit.api.step_up import require_step_up
from audit.rest.pagination import CursorError, make_cursor, open_cursor
from audit.rest.serializers import QuerySerializer, StrictSerializer
from audit.rest.views import ActionSpec
from customers import services
from customers.api import bodies
from customers.api.mixins import BusinessScopeMixin
from customers.api.serializers import customers as customer_serializers
from customers.models import Customer

_VIEW = "customers.view_customer"


class TimelineQuery(QuerySerializer):
    """The parameters of a timeline; `kinds` are separated by commas."""

    kinds = serializers.CharField(max_length=200, allow_blank=True, default="")
    cursor = serializers.CharField(max_length=200, allow_blank=True, default="")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)

    def validate_kinds(self, value: str) -> list[str]:
        """Return the names. Raises ValidationError for an unknown one."""
        names = [name.strip() for name in value.split(",") if name.strip()]
        known = services.all_timeline_kinds()
        if set(names) - set(known):
            text = f"Kinds are {', '.join(known)}."
            raise serializers.ValidationError(text, code="invalid_choice")
        return names

    def validate_cursor(self, value: str) -> Any:
        """Return the place that a cursor names."""
        try:
            return open_cursor(value) if value else None
        except CursorError as error:
            raise serializers.ValidationError(str(error), code="invalid") from error


class RevealBody(StrictSerializer):
    """Why somebody has to see contact data in clear."""

    reason = serializers.CharField(max_length=500)


class PersonView(BusinessScopeMixin):
    """An endpoint about customers of any business that the caller works for."""

    tag = "Customers"

    def customer(self, reference: str) -> Customer:
        """Return the customer that the path names."""
        permission = self.required_permission
        return self.find_customer(
            reference,
            business_id=self.named_business_id(permission),
            permission=permission,
        )

    def note_viewed(self, row: Customer) -> None:
        """Note for the access event whom the answer shows."""
        log.note_shown("customer.viewed", [row], actor=self.actor, target=row)


class Search(PersonView):
    """GET finds customers while somebody types; exact hits come first."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            _VIEW, customer_serializers.FoundPeopleSerializer, query=bodies.SearchQuery
        )
    }

    def get(self, request: Request) -> Response:
        asked = self.params
        hits = services.find_customers(
            asked["q"],
            actor=self.actor,
            business_id=self.named_business_id(self.required_permission),
            limit=asked["limit"],
        )
        customers = [hit.customer for hit in hits]
        log.note_shown(
            "customer.searched", customers, actor=self.actor, query=asked["q"] or None
        )
        matched = {hit.customer.pk: hit.matched for hit in hits}
        return self.respond({"results": customers}, matched=matched)


class Timeline(PersonView):
    """GET lists what happened with a customer, the newest first."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            _VIEW, customer_serializers.TimelineSerializer, query=TimelineQuery
        )
    }

    def get(self, request: Request, customer: str) -> Response:
        asked, row = self.params, self.customer(customer)
        limit = asked["limit"]
        found = services.get_timeline(
            row,
            actor=self.actor,
            kinds=asked["kinds"] or (),
            before=asked["cursor"] or None,
            limit=limit + 1,
        )
        page = found[:limit]
        self.note_viewed(row)
        return self.respond(
            {
                "results": page,
                "next": self._next(page) if len(found) > limit else None,
                "kinds": services.timeline_kinds(row, actor=self.actor),
            }
        )

    def _next(self, page: list[services.TimelineEntry]) -> str:
        asked = self.request.query_params.dict()
        query = {**asked, "cursor": make_cursor(page[-1].at, page[-1].id)}
        return f"{self.request.path}?{urlencode(query)}"


class Metrics(PersonView):
    """GET answers a customer's figures as of now."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            "customers.view_customerstats", customer_serializers.PersonMetricsSerializer
        )
    }

    def get(self, request: Request, customer: str) -> Response:
        row = self.customer(customer)
        figures = services.get_customer_metrics(row, actor=self.actor)
        self.note_viewed(row)
        return self.respond(figures)


class Reveal(PersonView):
    """POST answers contact data in clear, after a confirmation (scope `reveal`).

    Each answer is an event with the reason. The confirmation lasts ten minutes.
    """

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        # What it answers must not be kept for a repetition.
        "post": ActionSpec(
            _VIEW,
            customer_serializers.RevealedSerializer,
            body=RevealBody,
            takes_key=False,
        )
    }

    def post(self, request: Request, customer: str) -> Response:
        row = self.customer(customer)
        services.require_reveal(row, actor=self.actor)
        reason = self.body()["reason"].strip()
        if not reason:
            text = "Write why you have to see it."
            raise ValidationError({"reason": [ErrorDetail(text, "blank")]})
        grant = require_step_up(request, "reveal", what="Show contact data in clear")
        data = services.reveal_customer(row, actor=self.actor, reason=reason)
        self.note_viewed(row)
        return self.respond(
            {**vars(data), "until": grant.expires_at}, is_unmasked=lambda _: True
        )
