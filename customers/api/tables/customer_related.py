"""What belongs to a customer: addresses, contacts, notes, flags and consents."""

from __future__ import annotations

from typing import Any, ClassVar

from audit.json_text import JsonObject, JsonValue
from audit.rest.expansion import Related
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
    written_fields: ClassVar = serializers.HOLDS

    def about_written(self, instance: Any, sent: JsonValue) -> JsonObject:
        """Return what holds of the purpose from now on."""
        states = services.contact_states(instance.customer)
        of_purpose = (one for one in states if one.purpose == instance.purpose)
        return {"holds": serializers.represent_states(of_purpose)}

    def create_for_customer(
        self, customer: Customer, values: JsonObject
    ) -> ConsentEvent:
        return services.record_consent(customer, actor=self.actor, **values)
