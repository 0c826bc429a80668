"""Paths of step-up; with and without a slash, no redirect."""

from __future__ import annotations

from django.urls import re_path

from audit.api.step_up import PinView, StepUpView

urlpatterns = [
    re_path(r"^api/v1/auth/step-up/?$", StepUpView.as_view(), name="step_up"),
    re_path(r"^api/v1/auth/pin/?$", PinView.as_view(), name="pin"),
]
