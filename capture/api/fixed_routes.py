"""Which type each capture route of the source documents takes, by which methods."""

from __future__ import annotations

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
