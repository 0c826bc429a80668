"""Paths of step-up and of the trail; with and without a slash, no redirect."""

from __future__ import annotations

from django.urls import re_path

from audit.api.step_up import PasskeyQuestionView, PasskeyView, PinView, StepUpView
from audit.api.trail import Events, Operations, Users
from audit.rest.routers import routes

urlpatterns = [
    re_path(r"^api/v1/auth/step-up/?$", StepUpView.as_view(), name="step_up"),
    re_path(
        r"^api/v1/auth/step-up/passkey/begin/?$",
        PasskeyQuestionView.as_view(),
        name="step_up_passkey_begin",
    ),
    re_path(
        r"^api/v1/auth/step-up/passkey/?$",
        PasskeyView.as_view(),
        name="step_up_passkey",
    ),
    re_path(r"^api/v1/auth/pin/?$", PinView.as_view(), name="pin"),
    *routes("events", Events),
    *routes("operations", Operations),
    *routes("users", Users),
]
