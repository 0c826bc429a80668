"""The tables of captures in the canonical API; what lets captures in is in `urls`."""

from __future__ import annotations

from audit.rest.routers import routes
from capture.api import tables

urlpatterns = [
    *routes("signups", tables.Signups),
    *routes("logins", tables.Logins),
    *routes("payments", tables.Payments),
    *routes("questionnaires", tables.Questionnaires),
    *routes("dashboards", tables.Dashboards),
    *routes("sources", tables.Sources),
    *routes("keys", tables.Keys),
]
