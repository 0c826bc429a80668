"""Connects the guards to migrations and connections, and registers the checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _

from audit.tenancy.actors import Actor
from audit.tenancy.scope import install_row_security


class AuditConfig(AppConfig):
    """Who did what, provably."""

    name = "audit"
    verbose_name = _("Compliance")

    def ready(self) -> None:
        from audit import checks  # noqa: F401, PLC0415 - registers itself

        connection_created.connect(install_row_security)
        pre_migrate.connect(_require_owner_of_hardened, sender=self)
        pre_migrate.connect(_look_before, sender=self)
        pre_migrate.connect(_remove_before_remake, sender=self)
        post_migrate.connect(_install_after_migrate, sender=self)


def _require_owner_of_hardened(*, using: str, **_: object) -> None:
    from audit.database.guards import (  # noqa: PLC0415 - models must be ready
        require_migrating_owner,
    )

    require_migrating_owner(using)


# What was found by database, from the beginning of a `migrate` to its end.
_faults_before: dict[str, list[str]] = {}


def _look_before(*, using: str, **_: object) -> None:
    # Afterwards a foreign change could not be told from one of a migration.
    from audit.maintenance import catalogue_faults  # noqa: PLC0415 - models must be ready

    _faults_before[using] = catalogue_faults(using)


def _remove_before_remake(
    *, using: str, plan: list[object] | None = None, **_: object
) -> None:
    # SQLite renames a remade table into place, and cannot while a trigger of another
    # table names it. A crash before the end leaves guards missing, and the server
    # refuses to start until `migrate` has finished.
    if plan and connections[using].vendor == "sqlite":
        from audit.database.guards import remove_guards  # noqa: PLC0415 - models must be ready

        remove_guards(using)


def _install_after_migrate(*, using: str, **_: object) -> None:
    from audit.database.guards import (  # noqa: PLC0415 - models must be ready
        harden_again,
        install_guards,
    )
    from audit.maintenance import keep_catalogue  # noqa: PLC0415 - models must be ready

    install_guards(using)
    harden_again(using)
    keep_catalogue(
        actor=Actor.system("migrate"),
        using=using,
        faults_before=_faults_before.pop(using, None),
    )
