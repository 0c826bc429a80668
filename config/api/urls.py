"""Addresses of the staff's API; with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from config.api import tokens

urlpatterns = [
    re_path(r"^api/v1/auth/token/?$", tokens.token_view),
    re_path(r"^api/v1/auth/refresh/?$", tokens.refresh_view),
    re_path(r"^api/v1/auth/revoke/?$", tokens.revoke_view),
]
