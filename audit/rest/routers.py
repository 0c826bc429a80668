"""Addresses of tables; with and without a slash, literal ones before identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.routers import Route, SimpleRouter
from rest_framework.viewsets import ViewSetMixin

UUID_REGEX = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
LIST: dict[str, Any] = {"get": "list", "post": "create"}
_BULK = {"post": "bulk_create", "patch": "bulk_update"}
_DETAIL = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}


def api_route(
    url: str, actions: dict[str, str], name: str = "", **initkwargs: object
) -> Route:
    """Return a route below `/api/v1/`; only one that `reverse` needs has a name."""
    return Route(
        url=f"^api/v1/{url}{{trailing_slash}}$",
        mapping=actions,
        name=name,
        detail="{lookup}" in url,
        initkwargs=initkwargs,
    )


class HubRouter(SimpleRouter):
    """Registers viewsets at the addresses of the actions that they have."""

    routes = [
        api_route("{prefix}", LIST),
        api_route("{prefix}/bulk", _BULK),
        api_route("{prefix}/{lookup}", _DETAIL, "v1_{basename}"),
        api_route("{prefix}/{lookup}/archive", {"post": "archive"}),
        api_route("{prefix}/{lookup}/restore", {"post": "restore"}),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"

    def get_method_map(
        self, viewset: type[ViewSetMixin], method_map: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the actions that `action_specs` of the viewset names, by method."""
        specs: Mapping[str, object] = viewset.action_specs  # type: ignore[attr-defined]  # of all viewsets here
        return {method: act for method, act in method_map.items() if act in specs}
