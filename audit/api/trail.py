"""Who did what, and who works here, in the canonical API: to be read."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.db.models import QuerySet

from audit import accounts, log
from audit.models import Event, Operation, User
from audit.rest.filters import ORDER, TableFilters, YesNoFilter
from audit.rest.model_serializers import HubModelSerializer
from audit.rest.pagination import KeysetPagination
from audit.rest.viewsets import ResourceViewSet


class EventSerializer(HubModelSerializer):
    """Who did, saw or tried what, to whom, and how it ended."""

    class Meta:
        model = Event
        fields: ClassVar = [
            "id",
            "business_id",
            "occurred_at",
            "action",
            "actor_kind",
            "actor_id",
            "key_id",
            "via",
            "subjects",
            "subject_id",
            "object_label",
            "object_id",
            "operation_id",
            "outcome",
            "code",
            "grant_id",
            "data",
            "reason",
            "query",
        ]


class TrailFilters(TableFilters):
    # An id: entries outlive what they name.
    business = django_filters.UUIDFilter(field_name="business_id")
    actor = django_filters.UUIDFilter(field_name="actor_id")


class EventFilters(TrailFilters):
    operation = django_filters.UUIDFilter(field_name="operation_id")
    subject = django_filters.UUIDFilter(field_name="subject_id")

    class Meta(TableFilters.Meta):
        model = Event
        fields: ClassVar = {
            "action": ["exact", "in", "startswith"],
            "outcome": ["exact", "in"],
            "actor_kind": ["exact", "in"],
            "via": ["exact", "in"],
            "object_label": ["exact"],
            "object_id": ["exact"],
            "occurred_at": [*ORDER],
        }


class TrailViewSet(ResourceViewSet):
    """A table of the trail: without an end, walked by cursors."""

    tag = "Trail"
    pagination_class = KeysetPagination
    event_prefix = "log"


class EventViewSet(TrailViewSet):
    """What was done, seen and tried."""

    model = Event
    serializer_class = EventSerializer
    filterset_class = EventFilters
    cursor_field = "occurred_at"

    def get_queryset(self) -> QuerySet[Event]:
        return log.list_events(actor=self.actor)


class OperationSerializer(HubModelSerializer):
    """One request, command or job that wrote or showed personal data."""

    class Meta:
        model = Operation
        fields: ClassVar = [
            "id",
            "business_id",
            "started_at",
            "via",
            "method",
            "route",
            "actor_kind",
            "actor_id",
            "key_id",
            "ip",
            "user_agent",
            "origin",
        ]


class OperationFilters(TrailFilters):
    class Meta(TableFilters.Meta):
        model = Operation
        fields: ClassVar = {
            "via": ["exact", "in"],
            "actor_kind": ["exact", "in"],
            "route": ["exact", "startswith"],
            "started_at": [*ORDER],
        }


class OperationViewSet(TrailViewSet):
    """Requests, commands and jobs that wrote or showed personal data."""

    model = Operation
    serializer_class = OperationSerializer
    filterset_class = OperationFilters
    cursor_field = "started_at"

    def get_queryset(self) -> QuerySet[Operation]:
        return log.list_operations(actor=self.actor)


class UserSerializer(HubModelSerializer):
    """A staff account; what signs it in is never shown."""

    class Meta:
        model = User
        fields: ClassVar = [
            "id",
            "username",
            "first_name",
            "last_name",
            "email",
            "time_zone",
            "is_active",
            "is_staff",
            "is_superuser",
            "created_at",
        ]


class UserFilters(TableFilters):
    # An account may work for several.
    business = None  # type: ignore[assignment]  # takes the inherited one away
    is_active = YesNoFilter()

    class Meta(TableFilters.Meta):
        model = User
        fields: ClassVar = {"username": ["exact"], "created_at": [*ORDER]}


class UserViewSet(ResourceViewSet):
    """Staff accounts: the own one and those of colleagues."""

    tag = "People and roles"
    model = User
    serializer_class = UserSerializer
    filterset_class = UserFilters
    event_prefix = "account"
    ordering_fields = ("username", "created_at")

    def get_queryset(self) -> QuerySet[User]:
        queryset = accounts.list_users(actor=self.actor, permission="audit.view_user")
        return queryset.order_by("username", "pk")
