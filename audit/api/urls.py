"""Paths of sign-in by token, step-up and the trail; with or without a slash."""

from __future__ import annotations

from django.urls import re_path

from audit.api import tokens
from audit.api.step_up import PasskeyQuestionView, PasskeyView, PinView, StepUpView
from audit.api.trail import EventViewSet, OperationViewSet, UserViewSet
from audit.rest.routers import HubRouter

router = HubRouter()
router.register("events", EventViewSet)
router.register("operations", OperationViewSet)
router.register("users", UserViewSet)

urlpatterns = [
    re_path(r"^api/v1/auth/token/?$", tokens.TokenView.as_view()),
    re_path(
        r"^api/v1/auth/token/passkey/begin/?$",
        tokens.TokenPasskeyQuestionView.as_view(),
    ),
    re_path(r"^api/v1/auth/token/passkey/?$", tokens.TokenPasskeyView.as_view()),
    re_path(r"^api/v1/auth/refresh/?$", tokens.RefreshView.as_view()),
    re_path(r"^api/v1/auth/revoke/?$", tokens.RevokeView.as_view()),
    re_path(r"^api/v1/auth/csrf/?$", tokens.CsrfView.as_view()),
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
    *router.urls,
]
