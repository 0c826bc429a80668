"""Notes and flags on customers."""

from __future__ import annotations

from typing import Any, ClassVar

from audit.rest.model_serializers import Related
from customers import services
from customers.api.serializers import customer_related as serializers
from customers.api.serializers.businesses import ColleagueSerializer
from customers.api.tables.base import (
    CHOICES,
    CUSTOMER,
    TIMES,
    ArchivableOfCustomer,
    CustomerRelatedViewSet,
)
from customers.models import Customer, Flag, Note


class NoteViewSet(CustomerRelatedViewSet):
    """What staff wrote down about customers."""

    tag = "Notes"
    model = Note
    serializer_class = serializers.NoteSerializer
    create_serializer_class = serializers.NoteCreateSerializer
    update_serializer_class = serializers.NoteUpdateSerializer
    archive_permission = "customers.change_note"
    filterset_base = ArchivableOfCustomer
    filterset_fields: ClassVar = {"note_type": CHOICES, "is_pinned": ["exact"], **TIMES}
    related: ClassVar = {
        "customer": CUSTOMER,
        "created_by": Related(ColleagueSerializer, "created_by"),
    }

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        content = values.pop("content")
        return services.add_note(customer, content, actor=self.actor, **values)


class FlagViewSet(CustomerRelatedViewSet):
    """Marks that staff put on customers, those that were taken off included."""

    tag = "Flags"
    model = Flag
    serializer_class = serializers.FlagSerializer
    filterset_fields: ClassVar = {
        "code": CHOICES,
        "removed_at": ["gte", "lt", "isnull"],
        **TIMES,
    }
