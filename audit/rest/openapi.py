"""Routes that are no views of the library, as it describes them.

Each is described by a view that is made for that alone, and is never called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema

from audit.json_text import JsonObject
from audit.rest.views import ActionSpec, HubAPIView

# A path, its pattern, a method, and the view that says what it takes and answers.
Endpoint: TypeAlias = tuple[str, str, str, Callable[..., HttpResponseBase]]
# An object of which nothing else is said.
ANYTHING: JsonObject = {"type": "object", "additionalProperties": True}


def described(
    address: str,
    summary: str,
    spec: ActionSpec,
    *,
    tag: str,
    auth: Sequence[Mapping[str, list[object]]] = (),
    parameters: Sequence[OpenApiParameter] = (),
) -> Endpoint:
    """Return what the library goes by for a method and a path.

    `auth` are the ways to sign in, each an alternative; without any, it is for all.
    """
    method, path = address.split()

    @extend_schema(summary=summary, auth=[*auth], parameters=[*parameters])  # type: ignore[list-item]  # the library says texts, and means these
    def act(view: HubAPIView, request: object) -> None:
        raise NotImplementedError  # described only

    name = method.lower()
    body = {name: act, "action_specs": {name: spec}, "tag": tag}
    view: type[HubAPIView] = type("Described", (HubAPIView,), body)
    return path, path, method, view.as_view()
