"""The paths that the source documents fix; with and without a slash, no redirect."""

from __future__ import annotations

from django.urls import re_path

from capture.api.views import capture_view
from capture.choices import CaptureType

ROUTES = {
    "api/customer-data/capture-signup": (CaptureType.SIGNUP, ("POST",)),
    "api/customer-data/capture-payment": (CaptureType.PAYMENT, ("POST",)),
    "api/customer-data/capture-questionnaire": (CaptureType.QUESTIONNAIRE, ("POST",)),
    "api/data-capture/payment": (CaptureType.PAYMENT, ("POST",)),
    "api/data-capture/questionnaire": (CaptureType.QUESTIONNAIRE, ("POST",)),
    "api/data-capture/dashboard": (CaptureType.DASHBOARD, ("POST",)),
    "api/v1/tracking/profiles": (CaptureType.PROFILE, ("POST", "PATCH")),
    "api/v1/tracking/logins": (CaptureType.LOGIN, ("POST",)),
}

urlpatterns = [
    re_path(rf"^{path}/?$", capture_view(kind, methods=methods), name=path)
    for path, (kind, methods) in ROUTES.items()
]
