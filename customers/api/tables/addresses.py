"""Addresses of customers."""

from __future__ import annotations

from typing import ClassVar

from customers.api.serializers import customer_related as serializers
from customers.api.tables.base import (
    CHOICES,
    TIMES,
    ArchivableOfCustomer,
    CustomerRelatedViewSet,
)
from customers.models import Address


class AddressViewSet(CustomerRelatedViewSet):
    """Places of customers."""

    tag = "Addresses"
    model = Address
    serializer_class = serializers.AddressSerializer
    create_serializer_class = serializers.AddressCreateSerializer
    update_serializer_class = serializers.AddressUpdateSerializer
    archive_permission = "customers.change_address"
    filterset_base = ArchivableOfCustomer
    filterset_fields: ClassVar = {"kind": CHOICES, "is_primary": ["exact"], **TIMES}
