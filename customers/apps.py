"""Tells the audit app for which businesses a user works, and in which roles."""

from __future__ import annotations

from django.apps import AppConfig

from audit.actors import register_business_source


class CustomersConfig(AppConfig):
    """The hub."""

    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        from audit.services import (  # noqa: PLC0415 - models are ready
            register_role_source,
        )
        from customers.models import (  # noqa: PLC0415 - models are ready
            business_ids_of,
            roles_of,
        )

        register_business_source(business_ids_of)
        register_role_source(roles_of)
