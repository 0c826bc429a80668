"""The settings of a site that takes no captures: two lines less."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [name for name in INSTALLED_APPS if not name.startswith("capture.")]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("capture.")]
