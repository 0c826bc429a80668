"""The tables of captures in the canonical API; what lets captures in is in `urls`."""

from __future__ import annotations

from audit.rest.routers import routes
from capture.api import tables

urlpatterns = [
    *routes("signups", tables.SignupViewSet),
    *routes("logins", tables.LoginViewSet),
    *routes("payments", tables.PaymentViewSet),
    *routes("questionnaires", tables.QuestionnaireViewSet),
    *routes("dashboards", tables.DashboardViewSet),
    *routes("sources", tables.SourceViewSet),
    *routes("keys", tables.KeyViewSet),
]
