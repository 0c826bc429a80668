"""Makes `config` an app, for its commands, and chooses the admin site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConfigConfig(AppConfig):
    """The composition root; it has no models."""

    name = "config"


class HoldfastAdminConfig(AdminConfig):
    """Django's admin with our site in the place of the default one."""

    default_site = "config.admin.HoldfastAdminSite"
