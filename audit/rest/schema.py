"""The OpenAPI description of an endpoint, from what the endpoint itself goes by."""

from __future__ import annotations

import copy
from http import HTTPStatus
from typing import Any, TypeAlias

from django.db.models import Model
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.filters import BaseFilterBackend

from audit.json_text import JsonObject
from audit.rest.schema_fields import refine, refine_response
from audit.rest.schema_parameters import is_taken, refine_parameter
from audit.rest.serializers import QuerySerializer, StrictSerializer, camel_case
from audit.rest.views import PARTIAL_TYPE, ActionSpec

_Serializer: TypeAlias = serializers.Serializer[object]
_Parameter: TypeAlias = OpenApiParameter | _Serializer | type[_Serializer]
_JSON, _PROBLEM_TYPE = "application/json", "application/problem+json"
_TAG = r'^"r\d+"$'
_KEY = r"^[\x20-\x7e]{1,255}$"


class FieldError(serializers.Serializer[object]):
    """One thing that is wrong, and where: a JSON pointer (RFC 6901)."""

    pointer = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemDocument(serializers.Serializer[object]):
    """Why a request was refused (RFC 9457)."""

    # RFC 9457 names its members, whatever the endpoint's own answers look like.
    is_never_camel = True

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
    403: "The role lacks the permission.",
    404: "There is no such thing, or it belongs to another business.",
    406: "Only JSON can be answered.",
    409: "The act does not fit the state.",
    412: "Somebody changed it since; ETag names the current version.",
    413: "Too large.",
    415: "Only JSON is taken.",
    422: "The Idempotency-Key was sent with another request.",
    429: "Too many requests; wait as long as Retry-After says.",
}

_PATH_WORDS = {
    "business": "The id or the slug of a business.",
    "customer": "The id, the C- number, or the id of an imported system.",
    "id": "The id.",
    "segment": "The key of a ready segment.",
}


def _header(name: str, text: str, pattern: str) -> OpenApiParameter:
    schema = {"type": "string", **({"pattern": pattern} if pattern else {})}
    return OpenApiParameter(
        name, schema, OpenApiParameter.HEADER, required=False, description=text
    )


def _answered(text: str, *, is_required: bool = False, **schema: object) -> JsonObject:
    """Return the description of a header of an answer."""
    return {
        "description": text,
        "required": is_required,
        "schema": {"type": "string", **schema},
    }


def _about(model: type[Model] | None, text: str) -> str:
    """Return a sentence of the base of tables with the table's own words."""
    if model is None:
        return text
    name, plural = str(model._meta.verbose_name), model._meta.verbose_name_plural
    article = "an" if name[0].lower() in "aeio" else "a"
    for word, noun in (
        ("the rows that the filters keep", plural),
        ("rows", plural),
        ("one row", f"{article} {name}"),
        ("a row", f"{article} {name}"),
    ):
        if word in text:
            return text.replace(word, str(noun))
    return text


class StaffSchema(AutoSchema):
    """Describes a view by its `action_specs`; other views as the library does."""

    @property
    def spec(self) -> ActionSpec | None:
        """What the view says of the method that is described."""
        return getattr(self.view, "spec", None)

    def _is_camel(self, serializer: object) -> bool:
        if getattr(serializer, "is_never_camel", False):
            return False
        return bool(getattr(self.view, "is_camel", False))

    def is_excluded(self) -> bool:
        return self.spec is None

    def get_operation_id(self) -> str:
        """Return a name made of the address and what is done there: `customers_list`.

        Generated clients call their methods by it, so it is stable. An act is the last
        word of its address: `refunds_approve`.
        """
        words = [
            part
            for part in self.path.removeprefix("/api/v1").strip("/").split("/")
            if part != "api" and not part.startswith("{")
        ]
        return "_".join([*words, *self._verbs(words)]).replace("-", "_")

    def _verbs(self, words: list[str]) -> list[str]:
        """Return what the name of an operation says beyond the words of its address."""
        method, last = self.method.lower(), words[-1]
        usual, usuals = self.method_mapping[method], {*self.method_mapping.values()}
        action = getattr(self.view, "action", None) or ""
        if action.removeprefix(f"{last}_") in usuals | {"list"}:
            return [action.removeprefix(f"{last}_")]
        if method == "get":
            answered = self.spec.response if self.spec else None
            is_list = "results" in getattr(answered, "_declared_fields", {})
            return ["list"] if is_list else [usual]
        methods = getattr(self.view, "action_map", None) or self.view.allowed_methods
        is_act = {each.lower() for each in methods} <= {"post", "options"}
        return [] if is_act and len(words) > 1 else [usual]

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "tag", "")
        return [tag] if tag else super().get_tags()

    def get_summary(self) -> str:
        return self._sentences()[0]

    def get_description(self) -> str:  # type: ignore[override]  # the library says it may be none
        """Return what else the docstring says, and the permission."""
        permission = (
            f"Needs `{self.spec.permission}`."
            if self.spec and self.spec.permission
            else ""
        )
        return "\n\n".join(part for part in (self._sentences()[1], permission) if part)

    def _sentences(self) -> tuple[str, str]:
        name = getattr(self.view, "action", None) or self.method.lower()
        act = getattr(type(self.view), name, None)
        text = getattr(act, "__doc__", None) or type(self.view).__doc__ or ""
        first, _, rest = " ".join(text.split()).partition(". ")
        return _about(getattr(self.view, "model", None), first.rstrip(".")), rest

    def get_request_serializer(self) -> type[StrictSerializer] | None:
        return self.spec.body if self.spec else None

    def get_response_serializers(self) -> Any:
        spec = self.spec
        if spec is None:
            return None
        responses: dict[Any, Any] = {
            spec.status: spec.response,
            **(spec.other_responses or {}),
        }
        for status, answer in responses.items():
            if not isinstance(answer, OpenApiResponse):
                text = "Done." if answer is not None else "Done; no body."
                responses[status] = OpenApiResponse(answer, description=text)
        if spec.media_type != _JSON:
            responses[spec.status, spec.media_type] = responses.pop(spec.status)
        if spec.partial is not None:
            text = "Done. Of another type with `fields`: rows with some keys alone."
            responses[spec.status] = OpenApiResponse(spec.response, description=text)
            responses[spec.status, PARTIAL_TYPE] = OpenApiResponse(
                spec.partial, description=text
            )
        for status, text in self.refusals(spec).items():
            responses[status, _PROBLEM_TYPE] = OpenApiResponse(
                ProblemDocument, description=text
            )
        return responses

    def refusals(self, spec: ActionSpec) -> dict[int, str]:
        """Return what each status says that a request may be refused with."""
        if spec.refusals is not None:
            return dict(spec.refusals)
        statuses = [400, 401, 403, 404, 406, 429]
        if self.method != "GET":
            statuses += [409, 413, 415]
        if self._takes_versions(spec):
            statuses.append(412)
        if self.method == "POST" and spec.takes_key:
            statuses.append(422)
        return {status: _REFUSALS[status] for status in sorted(statuses)}

    def _takes_versions(self, spec: ActionSpec) -> bool:
        return spec.has_versions and self.method in ("PUT", "PATCH")

    def _resolve_path_parameters(self, variables: object) -> list[JsonObject]:
        parameters: list[JsonObject] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]  # the library has no types there
        for parameter in parameters:
            text = _PATH_WORDS.get(parameter["name"])
            if text and not parameter.get("description"):
                parameter["description"] = text
        return parameters

    def _get_format_parameters(self) -> list[JsonObject]:
        # Files say their format in the body, and everything else is JSON.
        return []

    def _get_parameters(self) -> list[JsonObject]:
        parameters = super()._get_parameters()
        return [
            refine_parameter(self.view, parameter)
            for parameter in parameters
            if is_taken(self.view, parameter)
        ]

    def get_override_parameters(self) -> list[_Parameter]:
        spec = self.spec
        if spec is None:
            return []
        parameters: list[_Parameter] = [spec.query] if spec.query().fields else []
        if self._takes_versions(spec):
            # Empty is as good as not sent.
            text = "The version to change: its ETag. Another one is refused (412)."
            parameters.append(_header("If-Match", text, r'^("r\d+"|\*)?$'))
        if self.method == "POST" and spec.takes_key:
            text = "A random text. Who sends it again gets the first answer."
            parameters.append(_header("Idempotency-Key", text, _KEY))
        if getattr(self.view, "takes_business", False):
            text = (
                "Which business, by id or slug. Whoever works for several names one "
                "where neither the address nor the body does (`business_needed`)."
            )
            # Empty is as good as not sent, and what nobody is called is not found.
            parameters.append(_header("X-Business", text, ""))
        return parameters

    def get_filter_backends(self) -> list[type[BaseFilterBackend]]:
        # Of a table only its list has filters.
        if getattr(self.view, "action", None) not in (None, "list"):
            return []
        return list(getattr(self.view, "filter_backends", []))

    def get_serializer_name(self, serializer: _Serializer, direction: Direction) -> str:
        """Return the name of a component; camelCase ones have their own."""
        name = super().get_serializer_name(serializer, direction)
        # Whether keys have humps takes long to tell, so it is asked last.
        is_named = name.startswith("Hub") or not self._is_camel(serializer)
        return name if is_named or not _has_humps(serializer) else f"Hub{name}"

    def _is_list_view(self, serializer: object = None) -> bool:
        # Answers name their envelope themselves.
        return False

    def _get_request_body(self, direction: Direction = "request") -> JsonObject | None:
        body = self.get_request_serializer()
        if body is None:
            return None
        if self.method != "DELETE":
            described = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # the library has no types there
            is_required = body.one_of or body.json_schema
            return {**described, "required": True} if is_required else described
        # The library does not know that archiving takes a reason.
        schema, _ = self._get_request_for_media_type(body, direction)  # type: ignore[no-untyped-call]  # the library has no types there
        return {"content": {"application/json": {"schema": schema}}}

    def _get_response_headers_for_code(
        self, status_code: str, direction: Direction = "response"
    ) -> JsonObject:
        headers = super()._get_response_headers_for_code(status_code, direction)
        spec, status = self.spec, int(status_code)
        text = "The name of this request in the log."
        headers["X-Request-Id"] = _answered(text, is_required=True, format="uuid")
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = _answered("How to sign in.", is_required=True)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            text = "How many seconds to wait."
            headers["Retry-After"] = _answered(text, type="integer", minimum=1)
        if spec and spec.has_versions and status == spec.status:
            text = "The version, for If-Match."
            headers["ETag"] = _answered(text, is_required=True, pattern=_TAG)
        if status == HTTPStatus.CREATED:
            headers["Location"] = _answered("Where what was made can be read.")
        return headers

    def _map_basic_serializer(
        self, serializer: _Serializer, direction: Direction
    ) -> JsonObject:
        if isinstance(serializer, StrictSerializer) and serializer.json_schema:
            # What is made later of the document changes it.
            return copy.deepcopy(serializer.json_schema)
        schema: JsonObject = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # the library has no types there
        properties = schema.get("properties", {})
        if not vars(type(serializer)).get("__doc__"):
            # The library takes the docstring of a base, which is about the base.
            schema.pop("description", None)
        is_camel = self._is_camel(serializer)
        if isinstance(serializer, StrictSerializer):
            _describe_body(serializer, schema, is_camel=is_camel)
        else:
            for name in properties:
                properties[name] = refine_response(
                    serializer.fields[name], properties[name]
                )
        if getattr(serializer, "is_partial", False):
            schema.pop("required", None)
        if is_camel and properties:
            schema["properties"] = {camel_case(k): v for k, v in properties.items()}
            if "required" in schema:
                schema["required"] = [camel_case(name) for name in schema["required"]]
        return schema


def _describe_body(
    serializer: StrictSerializer, schema: JsonObject, *, is_camel: bool
) -> None:
    properties = schema.get("properties", {})
    for name, field in serializer.fields.items():
        properties[name] = refine(field, properties[name])
    if serializer.one_of:
        schema["oneOf"] = [{"required": [name]} for name in serializer.one_of]
    if not isinstance(serializer, QuerySerializer):
        schema["additionalProperties"] = False
        _describe_ignored(serializer, schema, is_camel=is_camel)


def _describe_ignored(
    serializer: StrictSerializer, schema: JsonObject, *, is_camel: bool
) -> None:
    names = sorted(camel_case(n) if is_camel else n for n in serializer.ignored)
    if names:
        listed = ", ".join(f"`{name}`" for name in names)
        text = f"An answer may be sent back: {listed} change nothing."
        schema["description"] = f"{schema.get('description', '')}\n\n{text}".strip()


def _has_humps(serializer: object) -> bool:
    """Tell whether any key is spelled otherwise in camelCase, here or below."""
    return any(
        "_" in name or _has_humps(getattr(field, "child", field))
        for name, field in getattr(serializer, "fields", {}).items()
    )
