"""Tells the audit app which businesses a user works for."""

from __future__ import annotations

from django.apps import AppConfig

from audit.actors import register_business_source


class CustomersConfig(AppConfig):
    """The hub."""

    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        from customers.models import business_ids_of  # noqa: PLC0415 - models are ready

        register_business_source(business_ids_of)
