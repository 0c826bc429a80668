"""The WSGI application. It refuses to start where it could not do its work."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from config import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = startup.application(get_wsgi_application)
