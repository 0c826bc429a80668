"""Makes `config` an app, for its commands, and chooses the admin site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from config.logs import write_everything
from config.translations import translate_models


class ConfigConfig(AppConfig):
    """The composition root; it has no models."""

    name = "config"

    def ready(self) -> None:
        write_everything()
        # Before the admin, which comes next, makes forms of them.
        translate_models()
        from config import checks  # noqa: F401, PLC0415 - they register themselves


class HoldfastAdminConfig(AdminConfig):
    """Django's admin with our site in the place of the default one."""

    default_site = "config.admin.HoldfastAdminSite"
