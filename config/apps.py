"""Makes `config` an app, for its commands, and chooses the admin site."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate

from config.logs import write_everything


class ConfigConfig(AppConfig):
    """The composition root; it has no models."""

    name = "config"

    def ready(self) -> None:
        write_everything()
        from config import checks  # noqa: F401, PLC0415 - they register themselves

        # Only apps with models send the signal; one of them, once, is enough.
        sender = apps.get_app_config("audit")
        post_migrate.connect(_create_cache_table, sender=sender)


def _create_cache_table(*, using: str, **_: Any) -> None:
    # Django leaves this to a command of its own, which an operator would forget.
    call_command("createcachetable", database=using, verbosity=0)


class HoldfastAdminConfig(AdminConfig):
    """Django's admin with our site in the place of the default one."""

    default_site = "config.admin.HoldfastAdminSite"
