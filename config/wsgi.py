"""The WSGI application. It refuses to start where it could not do its work."""

from __future__ import annotations

import os
from wsgiref.types import WSGIApplication

from django.core.wsgi import get_wsgi_application

from config import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def _make() -> WSGIApplication:
    from config.admission import Admission  # noqa: PLC0415 - once the apps are loaded

    return Admission(get_wsgi_application())


application = startup.application(_make)
