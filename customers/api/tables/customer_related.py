"""What belongs to a customer: addresses, contacts, notes, flags and consents."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit.json_text import JsonObject
from audit.rest.expansion import Related, expanded
from audit.rest.views import ActionSpec
from customers import services
from customers.api.serializers import customer_related as serializers
from customers.api.serializers.businesses import ColleagueSerializer
from customers.api.tables.base import (
    CUSTOMER,
    TIMES,
    ArchivableOfCustomer,
    CustomerRelatedViewSet,
)
from customers.api.tables.phone_warnings import PhoneWarnings
from customers.models import Address, ConsentEvent, Contact, Customer, Flag, Note


class AddressViewSet(PhoneWarnings, CustomerRelatedViewSet):
    """Places of customers."""

    tag = "Addresses"
    model = Address
    serializer_class = serializers.AddressSerializer
    create_serializer_class = serializers.AddressCreateSerializer
    update_serializer_class = serializers.AddressUpdateSerializer
    archive_permission = "customers.change_address"
    filterset_base = ArchivableOfCustomer
    filterset_fields = (
        "kind",
        "is_primary",
        *TIMES,
    )


class ContactViewSet(PhoneWarnings, CustomerRelatedViewSet):
    """Other people to reach, and further e-mails and phones, of customers."""

    tag = "Contacts"
    model = Contact
    serializer_class = serializers.ContactSerializer
    create_serializer_class = serializers.ContactCreateSerializer
    update_serializer_class = serializers.ContactUpdateSerializer
    archive_permission = "customers.change_contact"
    filterset_base = ArchivableOfCustomer
    filterset_fields = (
        "kind",
        "is_primary",
        "valid_to",
        *TIMES,
    )


class NoteViewSet(CustomerRelatedViewSet):
    """What staff wrote down about customers."""

    tag = "Notes"
    model = Note
    serializer_class = serializers.NoteSerializer
    create_serializer_class = serializers.NoteCreateSerializer
    update_serializer_class = serializers.NoteUpdateSerializer
    archive_permission = "customers.change_note"
    filterset_base = ArchivableOfCustomer
    filterset_fields = (
        "note_type",
        "is_pinned",
        *TIMES,
    )
    related: ClassVar = {
        "customer": CUSTOMER,
        "created_by": Related(ColleagueSerializer, "created_by"),
    }

    def create_for_customer(self, customer: Customer, values: JsonObject) -> Note:
        return services.add_note(customer, actor=self.actor, **values)


class FlagViewSet(CustomerRelatedViewSet):
    """Marks that staff put on customers, those that were taken off included."""

    tag = "Flags"
    model = Flag
    serializer_class = serializers.FlagSerializer
    filterset_fields = (
        "code",
        "removed_at",
        *TIMES,
    )


class ConsentViewSet(CustomerRelatedViewSet):
    """What customers said about being contacted: kept for ever, never edited."""

    tag = "Consents"
    model = ConsentEvent
    serializer_class = serializers.ConsentSerializer
    create_serializer_class = serializers.ConsentCreateSerializer
    cursor_field = "occurred_at"
    ordering_fields = ("occurred_at", "created_at")
    filterset_fields = (
        "purpose",
        "channel",
        "action",
        "occurred_at",
        "created_at",
    )

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return what each action needs; a recorded answer says what holds."""
        specs = super().get_action_specs()
        answer = expanded(
            serializers.RecordedConsentSerializer, tuple(cls.related.items())
        )
        return specs | {"create": replace(specs["create"], response=answer)}

    def create(self, request: Request, **kwargs: object) -> Response:
        """Record an answer, and answer what holds of its purpose from now on."""
        response = super().create(request, **kwargs)
        customers = self.visible_queryset(Customer)
        states = services.contact_states(customers.get(pk=response.data["customer_id"]))
        purpose = response.data["purpose"]
        response.data["holds"] = serializers.represent_states(
            state for state in states if state.purpose == purpose
        )
        return response

    def create_for_customer(
        self, customer: Customer, values: JsonObject
    ) -> ConsentEvent:
        return services.record_consent(customer, actor=self.actor, **values)
