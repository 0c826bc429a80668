"""The WSGI application. It refuses to start without the declared guards."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from audit.guards import (  # noqa: E402 - the apps must be loaded
    require_guards,
    require_hardening,
)

require_guards()
require_hardening()
