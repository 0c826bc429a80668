"""Addresses of the staff's API; with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from config.api import docs, tokens

urlpatterns = [
    re_path(r"^api/schema/?$", docs.SchemaView.as_view(), name="schema"),
    # The address that capture clients know.
    re_path(r"^api/v1/openapi\.json$", docs.SchemaView.as_view()),
    re_path(r"^api/docs/?$", docs.DocsView.as_view(), name="docs"),
    re_path(r"^api/v1/auth/token/?$", tokens.token_view),
    re_path(r"^api/v1/auth/token/passkey/begin/?$", tokens.ask_passkey_view),
    re_path(r"^api/v1/auth/token/passkey/?$", tokens.passkey_view),
    re_path(r"^api/v1/auth/refresh/?$", tokens.refresh_view),
    re_path(r"^api/v1/auth/revoke/?$", tokens.revoke_view),
    re_path(r"^api/v1/auth/csrf/?$", tokens.csrf_view),
]
