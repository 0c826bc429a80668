"""Tells the audit app what a user may do in which business, and who works there."""

from __future__ import annotations

from django.apps import AppConfig

from audit.actors import register_rights_source


class CustomersConfig(AppConfig):
    """The hub."""

    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        from audit.services import register_staff_source  # noqa: PLC0415
        from customers.models import rights_in_businesses, staff_of  # noqa: PLC0415

        register_rights_source(rights_in_businesses)
        register_staff_source(staff_of)
