"""Addresses of the description of the API; with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from config.api import docs

urlpatterns = [
    re_path(r"^api/schema/?$", docs.SchemaView.as_view(), name="schema"),
    # The address that capture clients know.
    re_path(r"^api/v1/openapi\.json$", docs.SchemaView.as_view()),
    re_path(r"^api/docs/?$", docs.DocsView.as_view(), name="docs"),
]
