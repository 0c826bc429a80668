"""The ASGI application, for servers that want one."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from config import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = startup.application(get_asgi_application)
