"""What belongs to a customer: places, people, notes, wishes, figures, consents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from audit.rest.filters import OfCustomer
from audit.rest.model_serializers import CreateSerializer, Related, UpdateSerializer
from customers import services
from customers.api.tables import rows
from customers.api.tables.base import (
    ArchivableFilters,
    CustomerRelatedViewSet,
    HubViewSet,
)
from customers.api.tables.rows import PLACE
from customers.models import (
    Address,
    ConsentEvent,
    Contact,
    Customer,
    CustomerStats,
    Flag,
    Note,
    Preferences,
)

CUSTOMER = Related(rows.CustomerRow, "customer")
_ADDRESS = [*PLACE, "instructions"]
_CONTACT = [
    "kind",
    "name",
    "relation",
    "email",
    "phone",
    "is_primary",
    "valid_from",
    "valid_to",
]
_NOTE = ["note_type", "content", "is_pinned"]
_TIMES: dict[str, list[str]] = {
    "created_at": ["gte", "lt"],
    "updated_at": ["gte", "lt"],
}
_BY_TIME = ("created_at", "updated_at")


class NewAddress(CreateSerializer):
    class Meta:
        model = Address
        fields: ClassVar = ["customer_id", *_ADDRESS]


class ChangedAddress(UpdateSerializer):
    class Meta:
        model = Address
        fields = _ADDRESS


class AddressFilters(OfCustomer, ArchivableFilters):
    class Meta(ArchivableFilters.Meta):
        model = Address
        fields: ClassVar = {"kind": ["exact", "in"], "is_primary": ["exact"], **_TIMES}


class AddressViewSet(CustomerRelatedViewSet):
    """Places of customers."""

    tag = "Addresses"
    model = Address
    serializer_class = rows.AddressRow
    create_serializer_class = NewAddress
    update_serializer_class = ChangedAddress
    filterset_class = AddressFilters
    archive_permission = "customers.change_address"
    ordering_fields = _BY_TIME
    related: ClassVar = {"customer": CUSTOMER}


class NewContact(CreateSerializer):
    class Meta:
        model = Contact
        fields: ClassVar = ["customer_id", *_CONTACT]


class ChangedContact(UpdateSerializer):
    class Meta:
        model = Contact
        fields = _CONTACT


class ContactFilters(OfCustomer, ArchivableFilters):
    class Meta(ArchivableFilters.Meta):
        model = Contact
        fields: ClassVar = {
            "kind": ["exact", "in"],
            "is_primary": ["exact"],
            "valid_to": ["gte", "lt", "isnull"],
            **_TIMES,
        }


class ContactViewSet(CustomerRelatedViewSet):
    """Other people to reach, and further e-mails and phones, of customers."""

    tag = "Contacts"
    model = Contact
    serializer_class = rows.ContactRow
    create_serializer_class = NewContact
    update_serializer_class = ChangedContact
    filterset_class = ContactFilters
    archive_permission = "customers.change_contact"
    ordering_fields = _BY_TIME
    related: ClassVar = {"customer": CUSTOMER}


class NewNote(CreateSerializer):
    content = serializers.CharField(max_length=20_000)

    class Meta:
        model = Note
        fields: ClassVar = ["customer_id", *_NOTE]


class ChangedNote(UpdateSerializer):
    content = serializers.CharField(max_length=20_000)

    class Meta:
        model = Note
        fields = _NOTE


class NoteFilters(OfCustomer, ArchivableFilters):
    class Meta(ArchivableFilters.Meta):
        model = Note
        fields: ClassVar = {
            "note_type": ["exact", "in"],
            "is_pinned": ["exact"],
            **_TIMES,
        }


class NoteViewSet(CustomerRelatedViewSet):
    """What staff wrote down about customers."""

    tag = "Notes"
    model = Note
    serializer_class = rows.NoteRow
    create_serializer_class = NewNote
    update_serializer_class = ChangedNote
    filterset_class = NoteFilters
    archive_permission = "customers.change_note"
    ordering_fields = _BY_TIME
    related: ClassVar = {
        "customer": CUSTOMER,
        "created_by": Related(rows.ColleagueRow, "created_by"),
    }

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        content = values.pop("content")
        return services.add_note(customer, content, actor=self.actor, **values)


class NewConsent(CreateSerializer):
    class Meta:
        model = ConsentEvent
        fields: ClassVar = [
            "customer_id",
            "purpose",
            "channel",
            "action",
            "wording_version",
            "wording_hash",
            "method",
            "occurred_at",
            "evidence",
        ]


class ConsentFilters(OfCustomer):
    class Meta(OfCustomer.Meta):
        model = ConsentEvent
        fields: ClassVar = {
            "purpose": ["exact", "in"],
            "channel": ["exact", "in"],
            "action": ["exact", "in"],
            "occurred_at": ["gte", "lt"],
            "created_at": ["gte", "lt"],
        }


class ConsentViewSet(CustomerRelatedViewSet):
    """What customers said about being contacted: kept for ever, never edited."""

    tag = "Consents"
    model = ConsentEvent
    serializer_class = rows.ConsentRow
    create_serializer_class = NewConsent
    filterset_class = ConsentFilters
    cursor_field = "occurred_at"
    ordering_fields = ("occurred_at", "created_at")
    related: ClassVar = {"customer": CUSTOMER}

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        return services.record_consent(customer, actor=self.actor, **values)


class FlagFilters(OfCustomer):
    class Meta(OfCustomer.Meta):
        model = Flag
        fields: ClassVar = {
            "code": ["exact", "in"],
            "removed_at": ["gte", "lt", "isnull"],
            **_TIMES,
        }


class FlagViewSet(CustomerRelatedViewSet):
    """Marks that staff put on customers, those that were taken off included."""

    tag = "Flags"
    model = Flag
    serializer_class = rows.FlagRow
    filterset_class = FlagFilters
    ordering_fields = _BY_TIME
    related: ClassVar = {"customer": CUSTOMER}


class OnePerCustomerViewSet(HubViewSet):
    """The one row of a table that each customer has: found by the customer."""

    lookup_url_kwarg = "customer"

    def get_by_reference(self, reference: str) -> Any:
        customer = self.customer(reference)
        rows = self.get_queryset().select_related("business")
        row = rows.filter(customer=customer).first()
        if row is None:
            raise self.missing(self.model, reference)
        row.customer = customer
        return row

    def get_reference(self, row: Any) -> str:
        return str(row.customer_id)


class CustomerStatsViewSet(OnePerCustomerViewSet):
    """The figures of one customer."""

    tag = "Figures"
    model = CustomerStats
    serializer_class = rows.StatsRow


class ChangedPreferences(UpdateSerializer):
    class Meta:
        model = Preferences
        fields = services.PREFERENCES_COLUMNS


class CustomerPreferencesViewSet(OnePerCustomerViewSet):
    """How one customer wants to be reached and served."""

    tag = "Preferences"
    model = Preferences
    serializer_class = rows.PreferencesRow
    update_serializer_class = ChangedPreferences

    def perform_update(
        self, row: Any, expected_rev: int | None, changes: Mapping[str, Any]
    ) -> Any:
        services.check_live(row.customer)
        return services.update_preferences(row.customer, actor=self.actor, **changes)
