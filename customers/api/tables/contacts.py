"""Contacts of customers."""

from __future__ import annotations

from typing import ClassVar

from customers.api.serializers import customer_related as serializers
from customers.api.tables.base import (
    CHOICES,
    TIMES,
    ArchivableOfCustomer,
    CustomerRelatedViewSet,
)
from customers.models import Contact


class ContactViewSet(CustomerRelatedViewSet):
    """Other people to reach, and further e-mails and phones, of customers."""

    tag = "Contacts"
    model = Contact
    serializer_class = serializers.ContactSerializer
    create_serializer_class = serializers.ContactCreateSerializer
    update_serializer_class = serializers.ContactUpdateSerializer
    archive_permission = "customers.change_contact"
    filterset_base = ArchivableOfCustomer
    filterset_fields: ClassVar = {
        "kind": CHOICES,
        "is_primary": ["exact"],
        "valid_to": ["gte", "lt", "isnull"],
        **TIMES,
    }
