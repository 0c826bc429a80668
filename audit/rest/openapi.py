"""Pieces of OpenAPI for plain views, which no serializer describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
MAYBE_UUID: Schema = {"type": ["string", "null"], "format": "uuid"}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}

_REQUEST_ID = {
    "description": "The name of this request in the log.",
    "required": True,
    "schema": UUID,
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {
            "description": "How to sign in.",
            "required": True,
            "schema": TEXT,
        }
    },
    429: {
        "Retry-After": {
            "description": "How many seconds to wait.",
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}


@dataclass(frozen=True)
class Operation:
    """One method of one path, as far as it is not the same everywhere."""

    id: str
    tag: str
    summary: str
    # None for an answer without a body.
    answer: Schema | None
    # Which refusals there are: status and sentence.
    refusals: Mapping[int, str]
    body: Schema | None = None
    description: str = ""
    status: int = 200
    # Who may call it: each an alternative; without any, everybody.
    security: Sequence[Mapping[str, list[str]]] = ()
    parameters: Sequence[Schema] = ()
    headers: Mapping[str, Any] = field(default_factory=dict)
    media_types: Sequence[str] = ("application/json",)
    is_body_required: bool = True

    def build(self) -> Schema:
        """Return the operation object."""
        operation: Schema = {
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "security": [dict(each) for each in self.security],
            "responses": self._responses(),
        }
        if self.description:
            operation["description"] = self.description
        if self.parameters:
            operation["parameters"] = list(self.parameters)
        if self.body is not None:
            content = {kind: {"schema": self.body} for kind in self.media_types}
            operation["requestBody"] = {
                "required": self.is_body_required,
                "content": content,
            }
        return operation

    def _responses(self) -> Schema:
        done: Schema = {
            "description": "Done." if self.answer is not None else "Done; no body.",
            "headers": {"X-Request-Id": _REQUEST_ID, **self.headers},
        }
        if self.answer is not None:
            done["content"] = {"application/json": {"schema": self.answer}}
        problem = {"application/problem+json": {"schema": ref("ProblemDocument")}}
        refused = {
            str(status): {
                "description": text,
                "headers": {"X-Request-Id": _REQUEST_ID, **_HEADERS.get(status, {})},
                "content": problem,
            }
            for status, text in self.refusals.items()
        }
        return {str(self.status): done, **refused}


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(properties: Mapping[str, Schema], *, optional: Sequence[str] = ()) -> Schema:
    """Return the schema of an object; all but the optional keys are always there."""
    needed = [name for name in properties if name not in optional]
    return {"type": "object", "required": needed, "properties": dict(properties)}


def items(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def parameter(
    name: str, where: str, schema: Schema, text: str = "", *, is_required: bool = False
) -> Schema:
    """Return a parameter; those of the path are always required."""
    described: Schema = {"name": name, "in": where, "schema": schema}
    if is_required or where == "path":
        described["required"] = True
    return {**described, "description": text} if text else described
