"""The OpenAPI description of an endpoint, from what the endpoint itself goes by."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from audit.api.reading import StrictSerializer, camel_case
from audit.api.views import Method, StaffView

_PROBLEM_TYPE = "application/problem+json"


class FieldError(serializers.Serializer[Any]):
    """One thing that is wrong, and where: a JSON pointer (RFC 6901)."""

    pointer = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemDocument(serializers.Serializer[Any]):
    """Why a request was refused (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField()
    errors = FieldError(many=True)  # type: ignore[assignment]  # the name of RFC 9457


_REFUSALS = {
    400: "Something that was sent is wrong; see errors.",
    401: "Sign in, send a valid token, or confirm the act (step-up).",
    403: "The role lacks the right.",
    404: "There is no such thing, or it belongs to another business.",
    409: "The act does not fit the state.",
    412: "Somebody changed it since; ETag names the current version.",
    413: "Too large.",
    415: "Only JSON is taken.",
    422: "The Idempotency-Key was sent with another request.",
    429: "Too many requests; wait as long as Retry-After says.",
}


def _header(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, required=False, description=text
    )


class StaffSchema(AutoSchema):
    """Describes a `StaffView` by its `methods`; other views as the library does."""

    @property
    def spec(self) -> Method | None:
        """What the view says of the method that is described."""
        if not isinstance(self.view, StaffView):
            return None
        name = getattr(self.view, "action", None) or self.method.lower()
        return self.view.methods.get(name)

    def is_excluded(self) -> bool:
        return isinstance(self.view, StaffView) and self.spec is None

    def get_operation_id(self) -> str:
        """Return a name made of the method and the path: stable and unique."""
        words = [
            "by_" + part.strip("{}") if part.startswith("{") else part
            for part in self.path.strip("/").replace("-", "_").split("/")
            if part not in ("api", "v1")
        ]
        return "_".join([self.method.lower(), *words])

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "tag", "")
        return [tag] if tag else super().get_tags()

    def get_description(self) -> str:  # type: ignore[override]
        """Return what the method, or the view, says of itself."""
        text: str = super().get_description() or ""
        return f"{text}\n\nNeeds `{self.spec.right}`." if self.spec else text

    def get_request_serializer(self) -> Any:
        if self.spec is None:
            return super().get_request_serializer()
        return self.spec.body

    def get_response_serializers(self) -> Any:
        spec = self.spec
        if spec is None:
            return super().get_response_serializers()
        found: dict[Any, Any] = {spec.status: spec.answer, **(spec.also or {})}
        if spec.answer is None and not spec.also:
            found = {spec.status: OpenApiResponse(description="Done; no body.")}
        for status in self._refusals(spec):
            found[status, _PROBLEM_TYPE] = OpenApiResponse(
                ProblemDocument, description=_REFUSALS[status]
            )
        return found

    def _refusals(self, spec: Method) -> list[int]:
        statuses = [400, 401, 403, 404, 429]
        if self.method != "GET":
            statuses += [409, 413, 415]
        if spec.has_versions and self.method in ("PUT", "PATCH"):
            statuses.append(412)
        if self.method == "POST" and spec.takes_key:
            statuses.append(422)
        return sorted(statuses)

    def get_override_parameters(self) -> list[Any]:
        spec = self.spec
        if spec is None:
            return list(super().get_override_parameters())
        found: list[Any] = [spec.query] if spec.query().fields else []
        if spec.has_versions and self.method in ("PUT", "PATCH"):
            found.append(_header("If-Match", "The version to change: its ETag."))
        if self.method == "POST" and spec.takes_key:
            text = "A random text. Who sends it again gets the first answer."
            found.append(_header("Idempotency-Key", text))
        if getattr(self.view, "takes_business", False):
            text = "Which business, by id or slug, of somebody who works for several."
            found.append(_header("X-Business", text))
        return found

    def get_filter_backends(self) -> list[Any]:
        return list(getattr(self.view, "filter_backends", []))

    def _is_list_view(self, serializer: Any = None) -> bool:
        # Answers name their envelope themselves.
        return False

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema: Any = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, StrictSerializer) and direction == "request":
            schema["additionalProperties"] = False
        if getattr(self.view, "is_camel", False) and "properties" in schema:
            properties = schema["properties"]
            schema["properties"] = {camel_case(k): v for k, v in properties.items()}
            if "required" in schema:
                schema["required"] = [camel_case(name) for name in schema["required"]]
        return schema
