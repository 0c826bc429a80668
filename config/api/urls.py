"""Addresses of the descriptions of the API; with and without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from config.api import docs
from config.api.schema import ContractsGenerator

urlpatterns = [
    re_path(r"^api/schema/?$", docs.SchemaView.as_view(), name="schema"),
    # The address that capture clients know.
    re_path(r"^api/v1/openapi\.json$", docs.SchemaView.as_view()),
    re_path(r"^api/docs/?$", docs.DocsView.as_view(), name="docs"),
    re_path(
        r"^api/schema/contracts/?$",
        docs.SchemaView.as_view(generator_class=ContractsGenerator),
        name="contracts_schema",
    ),
    re_path(
        r"^api/docs/contracts/?$",
        docs.DocsView.as_view(url_name="contracts_schema"),
        name="contracts_docs",
    ),
]
