"""Addresses of tables; with and without a slash, literal ones before identifiers."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from audit.rest.viewsets import ResourceViewSet

UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


def routes(path: str, view: type[ResourceViewSet], *, key: str = UUID) -> list[Any]:
    """Return the addresses of a table, as far as it has their actions."""
    row = rf"{path}/(?P<{view.lookup_url_kwarg}>{key})"
    name = f"v1_{view.model._meta.model_name}"
    of_row = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
    return [
        *route(path, view, {"get": "list", "post": "create"}),
        *route(f"{path}/bulk", view, {"post": "bulk_create", "patch": "bulk_update"}),
        *route(row, view, of_row, name),
        *route(f"{row}/archive", view, {"post": "archive"}),
        *route(f"{row}/restore", view, {"post": "restore"}),
    ]


def route(
    path: str,
    view: type[ResourceViewSet],
    actions: dict[str, str],
    name: str | None = None,
    **options: Any,
) -> list[Any]:
    """Return one address with the actions that the table has; none without any."""
    known: dict[str, Any] = {
        verb: act for verb, act in actions.items() if act in view.action_specs
    }
    if not known:
        return []
    answer: Any = view.as_view(known, **options)
    return [re_path(rf"^api/v1/{path}/?$", answer, name=name)]
