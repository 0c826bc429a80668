"""Registers what the audit app needs to know: roles, permissions, clean-up."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from audit.tenancy.actors import register_permissions_source
from customers.roles import SCOPE_PERMISSIONS


class CustomersConfig(AppConfig):
    """The hub."""

    name = "customers"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from audit.accounts import (  # noqa: PLC0415 - models are ready
            register_role_source,
            register_scope_permissions,
            register_staff_source,
        )
        from audit.maintenance import (  # noqa: PLC0415 - models are ready
            register_cleanup,
            register_keyed,
        )
        from customers.models import (  # noqa: PLC0415 - models are ready
            permissions_in_businesses,
            roles_of,
            staff_of,
        )
        from customers.services import (  # noqa: PLC0415 - models are ready
            KEYED_FILES,
            forget_old_uploads,
            register_customer_sources,
            register_index,
        )

        register_customer_sources()
        register_index()
        register_cleanup(forget_old_uploads)
        for scope, permissions in SCOPE_PERMISSIONS.items():
            register_scope_permissions(scope, permissions)
        register_permissions_source(permissions_in_businesses)
        register_role_source(roles_of)
        register_staff_source(staff_of)
        for column in KEYED_FILES:
            register_keyed(column)
