"""Addresses of tables; with and without a slash, literal ones before identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.routers import DynamicRoute, Route, SimpleRouter
from rest_framework.viewsets import ViewSetMixin

UUID_REGEX = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
LIST: dict[str, Any] = {"get": "list", "post": "create"}
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


def _action_route(url: str, *, detail: bool) -> DynamicRoute:
    """Return the pattern of the routes of methods with `@action`."""
    url = f"^api/v1/{url}{{trailing_slash}}$"
    return DynamicRoute(url=url, name="", detail=detail, initkwargs={})


class HubRouter(SimpleRouter):
    """Registers viewsets at the addresses of the actions that they have.

    Those are the usual ones of a table, and methods with DRF's `@action`.
    """

    routes = [
        api_route("{prefix}", LIST),
        _action_route("{prefix}/{url_path}", detail=False),
        api_route("{prefix}/{lookup}", _DETAIL, "v1_{basename}"),
        _action_route("{prefix}/{lookup}/{url_path}", detail=True),
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

    def register(
        self, prefix: str, viewset: type[ViewSetMixin], basename: str | None = None
    ) -> None:
        """Register a viewset. Raises ImproperlyConfigured for an unnamed action."""
        named = {*viewset.action_specs, *viewset.optional_actions}  # type: ignore[attr-defined]  # of all viewsets here
        for action in viewset.get_extra_actions():
            if action.__name__ not in named:
                raise ImproperlyConfigured(
                    f"{viewset.__name__}.{action.__name__} has an address and no "
                    "ActionSpec. Name it in get_action_specs."
                )
        super().register(prefix, viewset, basename)
