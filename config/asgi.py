"""The ASGI application, for servers that want one."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_asgi_application()

from audit.guards import (  # noqa: E402 - the apps must be loaded
    require_guards,
    require_hardening,
)

require_guards()
require_hardening()
