"""The hub's settings, the plain endpoint, and rates that stop nobody."""

from __future__ import annotations

from config.settings import *  # noqa: F403 - as the docs of Django do it

INSTALLED_APPS = [*INSTALLED_APPS, "bench.plain"]  # noqa: F405 - as above
ROOT_URLCONF = "bench.plain.urls"
MIGRATION_MODULES = {"plain": None}
CAPTURE_RATES = dict.fromkeys(CAPTURE_RATES, (1_000_000, 100_000_000))  # noqa: F405 - as above
ALLOWED_HOSTS = ["testserver"]
SECURE_SSL_REDIRECT = False
