"""The two descriptions of the API: what the library finds, and the plain views.

`description` is what /api/schema/ and /api/schema/contracts/ answer; docs/openapi.json
and docs/openapi-contracts.json are copies that a test compares.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import TextChoices
from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator

from config.api import health_schemas as health
from config.api.examples import with_examples
from config.paths import HAS_CAPTURE

# Modules with `build_paths` and `build_components`, for views that no serializer
# describes.
_PLAIN: list[Any] = [health]
_SHARING: dict[str, Any] = {}
if HAS_CAPTURE:
    from capture.api import openapi as capture

    _PLAIN.append(capture)
    _SHARING = capture.SHARING
# No table has places on a map. Asked whether a filter is of one, the library would look
# for a library of them on the whole machine, with a compiler, in the first request.
DjangoFilterExtension._has_gis = False  # type: ignore[attr-defined]  # set by the library itself
# What the viewer offers first.
_FIRST = ("staffToken", "captureKey")
_SAFE = ("GET", "HEAD", "OPTIONS")
# Components whose names clients know; the classes are called otherwise.
_PUBLISHED = {"IngestStatus": "Status"}
_SCHEMA_REF = re.compile(r'"#/components/schemas/([^"]+)"')
_CSRF = {
    "type": "apiKey",
    "in": "header",
    "name": "X-CSRFToken",
    "description": "With a session, for everything but GET; of /api/v1/auth/csrf.",
}


class CanonicalGenerator(SchemaGenerator):
    """Describes `/api/v1/…` and what belongs to no document."""

    is_of_contracts = False
    about = str(settings.SPECTACULAR_SETTINGS["DESCRIPTION"])

    def _initialise_endpoints(self) -> None:
        super()._initialise_endpoints()  # type: ignore[no-untyped-call]  # the library has no types there
        self.endpoints = [
            each for each in self.endpoints or () if self.describes(each[0])
        ]

    def describes(self, path: str) -> bool:
        """Tell whether a path stands in this document."""
        is_fixed = path.startswith("/api/") and not path.startswith("/api/v1/")
        return is_fixed is self.is_of_contracts


class ContractsGenerator(CanonicalGenerator):
    """Describes the addresses that the source documents fix."""

    is_of_contracts = True
    about = (
        "The addresses of the source documents, exactly as written there. They stay; "
        "build on those of /api/v1/, which another description is about."
    )


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types there
    """An access token in the header."""

    target_class = "audit.rest.authentication.TokenAuthentication"
    name = "staffToken"

    def get_security_definition(self, auto_schema: object) -> Any:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of POST /api/v1/auth/token.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types there
    """The session of a person who is signed in to the admin."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "staffSession"
    priority = 1

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return _with_csrf("staffSession", auto_schema.method)

    def get_security_definition(self, auto_schema: object) -> Any:
        # With https the name begins with __Host-; the description is one for all.
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def _with_csrf(name: str, method: str) -> dict[str, Any]:
    return {name: []} if method in _SAFE else {name: [], "csrfToken": []}


def without_slashes(endpoints: list[Any]) -> list[Any]:
    """Name each path once; both forms answer. Add those that share an address."""
    named = [(path.rstrip("/") or "/", *rest) for path, *rest in endpoints]
    return [*named, *((path, path, "POST", view) for path, view in _SHARING.items())]


def complete(result: Any, generator: CanonicalGenerator, **_: Any) -> Any:
    """Add the plain views, name the lists of values, and put the tags in order."""
    components = result.setdefault("components", {})
    for part in _PLAIN:
        for path, operations in part.build_paths().items():
            if generator.describes(path):
                result["paths"].setdefault(path, {}).update(operations)
        for kind, added in part.build_components().items():
            components.setdefault(kind, {}).update(added)
    components.setdefault("securitySchemes", {})["csrfToken"] = dict(_CSRF)
    for path, item in result["paths"].items():
        for operation in item.values():
            with_examples(path, operation)
    schemes = components["securitySchemes"]
    first = [name for name in _FIRST if name in schemes]
    order = [*first, *(name for name in schemes if name not in first)]
    components["securitySchemes"] = {name: schemes[name] for name in order}
    _name_choices(result)
    _share_refusals(result)
    _drop_unused(result)
    result["info"]["description"] = generator.about
    result["paths"] = dict(sorted(result["paths"].items()))
    result["tags"] = _tags(result)
    return result


@lru_cache
def description(
    generator_class: type[CanonicalGenerator] = CanonicalGenerator,
) -> dict[str, Any]:
    """Return an OpenAPI document; made once, it depends on code and settings alone."""
    document: dict[str, Any] = generator_class().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the library has no types there
    return document


def _drop_unused(result: dict[str, Any]) -> None:
    """Leave out schemas of plain views that stand in the other document."""
    schemas = result["components"]["schemas"]
    names: set[str] = set()
    queue: list[Any] = [result["paths"], result["components"].get("responses")]
    while queue:
        text = json.dumps(queue.pop(), default=str)
        used = set(_SCHEMA_REF.findall(text)) - names
        names |= used
        queue += [schemas[name] for name in used]
    result["components"]["schemas"] = {n: schemas[n] for n in schemas if n in names}


def _tags(result: dict[str, Any]) -> list[dict[str, str]]:
    """Return the tags that are used: the known ones first, in their order."""
    settings_tags: Any = settings.SPECTACULAR_SETTINGS["TAGS"]
    listed = {tag["name"]: tag for tag in settings_tags}
    used = {tag for operation in _operations(result) for tag in operation["tags"]}
    order = [*(n for n in listed if n in used), *sorted(used - listed.keys())]
    return [listed.get(name, {"name": name}) for name in order]


def _operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in result["paths"].values():
        yield from item.values()


def _share_refusals(result: dict[str, Any]) -> None:
    """Name the refusals that most endpoints have in common; they fill a document."""
    counts = Counter(
        (status, json.dumps(answer, sort_keys=True))
        for operation in _operations(result)
        for status, answer in operation["responses"].items()
        if status >= "400"
    )
    shared = result["components"].setdefault("responses", {})
    names: dict[tuple[str, str], str] = {}
    for (status, text), _ in counts.most_common():
        name = f"Refused{status}"
        if name not in shared:
            shared[name], names[status, text] = json.loads(text), name
    for operation in _operations(result):
        answers = operation["responses"]
        for status, answer in answers.items():
            name = names.get((status, json.dumps(answer, sort_keys=True)), "")
            if name:
                answers[status] = {"$ref": f"#/components/responses/{name}"}


def _name_choices(result: dict[str, Any]) -> None:
    """Give each TextChoices one component, under the name of its class.

    A list that two classes share stays where it is used.
    """
    schemas = result["components"].setdefault("schemas", {})
    names: dict[tuple[str, ...], str] = {}
    for choices in sorted(TextChoices.__subclasses__(), key=lambda c: c.__name__):
        values = tuple(sorted(choices.values))
        published = _PUBLISHED.get(choices.__name__, choices.__name__)
        names[values] = "" if values in names else published
    for place in [*_choice_maps(copy.copy(schemas)), *_choice_maps(result["paths"])]:
        for key, schema in list(place.items()):
            if not isinstance(schema, dict) or "enum" not in schema:
                continue
            values = tuple(sorted(v for v in schema.get("enum", ()) if v))
            name = names.get(values)
            if not name or set(schema) - {"enum", "type", "description", "title"}:
                continue
            schemas[name] = {"type": "string", "enum": list(values)}
            place[key] = _referred(name, schema)


def _choice_maps(node: object) -> Iterator[dict[str, Any]]:
    """Yield each mapping whose values are schemas, one of which may be replaced."""
    if isinstance(node, dict):
        choices = {k: v for k, v in node.items() if isinstance(v, dict) and "enum" in v}
        if choices:
            yield node
        for key, inner in node.items():
            if key not in choices:
                yield from _choice_maps(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _choice_maps(inner)


def _referred(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{name}"}
    if None in schema["enum"]:
        return {"oneOf": [reference, {"type": "null"}]}
    return reference
