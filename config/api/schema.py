"""The two descriptions of the API.

`description` is what /api/schema/ and /api/schema/contracts/ answer; docs/openapi.json
and docs/openapi-contracts.json are copies that a test compares.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import TextChoices
from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import SAFE_METHODS

from audit.json_text import JsonObject
from audit.rest.openapi import Endpoint
from config.api import health_schemas as health
from config.api.examples import with_examples
from config.paths import HAS_CAPTURE

# Of the routes that are no views of the library.
_DESCRIBED = [health.endpoints]
if HAS_CAPTURE:
    from capture.api import openapi as capture

    _DESCRIBED.append(capture.endpoints)
# No table has places on a map. Asked whether a filter is of one, the library would look
# for a library of them on the whole machine, with a compiler, in the first request.
DjangoFilterExtension._has_gis = False  # type: ignore[attr-defined]  # set by the library itself
# What the viewer offers first.
_FIRST = ("staffToken", "captureKey")
# Components whose names clients know; the classes are called otherwise.
# Clients are generated that name the status of a customer, as it is answered, by its
# place, which is CustomerStatus, too.
_PUBLISHED = {"IngestStatus": "Status", "CustomerStatus": "WritableCustomerStatus"}
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
    match_subclasses = True
    name = "staffToken"

    def get_security_definition(self, auto_schema: object) -> JsonObject:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of POST /api/v1/auth/token.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types there
    """The session of a person who is signed in to the admin."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    match_subclasses = True
    name = ["staffSession", "csrfToken"]
    priority = 1

    def get_security_requirement(
        self, auto_schema: AutoSchema
    ) -> dict[str, list[object]]:
        is_safe = auto_schema.method in SAFE_METHODS
        return {name: [] for name in (self.name[:1] if is_safe else self.name)}

    def get_security_definition(self, auto_schema: object) -> list[JsonObject]:
        # With https the name begins with __Host-; the description is one for all.
        session = {"type": "apiKey", "in": "cookie", "name": "sessionid"}
        return [session, _CSRF]


def without_slashes(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Name each path once; both forms answer. Add those that are described apart."""
    named = [
        (path.rstrip("/") or "/", pattern, method, view)
        for path, pattern, method, view in endpoints
    ]
    return [*named, *(each for endpoints_of in _DESCRIBED for each in endpoints_of())]


def complete(
    result: JsonObject, generator: CanonicalGenerator, **_: object
) -> JsonObject:
    """Add examples, name the lists of values, and put schemes and tags in order."""
    for path, item in result["paths"].items():
        for operation in item.values():
            # Who may call it is always said; here everybody.
            operation.setdefault("security", [])
            with_examples(path, operation)
    schemes = result["components"]["securitySchemes"]
    first = [name for name in _FIRST if name in schemes]
    order = [*first, *(name for name in schemes if name not in first)]
    result["components"]["securitySchemes"] = {name: schemes[name] for name in order}
    _name_lists(result)
    _name_choices(result)
    _share_refusals(result)
    result["info"]["description"] = generator.about
    result["paths"] = dict(sorted(result["paths"].items()))
    result["tags"] = _tags(result)
    return result


@lru_cache
def description(
    generator_class: type[CanonicalGenerator] = CanonicalGenerator,
) -> JsonObject:
    """Return an OpenAPI document; made once, it depends on code and settings alone."""
    document: JsonObject = generator_class().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the library has no types there
    return document


def _tags(result: JsonObject) -> list[dict[str, str]]:
    """Return the tags that are used: the known ones first, in their order."""
    settings_tags: Any = settings.SPECTACULAR_SETTINGS["TAGS"]
    listed = {tag["name"]: tag for tag in settings_tags}
    used = {tag for operation in _operations(result) for tag in operation["tags"]}
    order = [*(n for n in listed if n in used), *sorted(used - listed.keys())]
    return [listed.get(name, {"name": name}) for name in order]


def _operations(result: JsonObject) -> Iterator[JsonObject]:
    for item in result["paths"].values():
        yield from item.values()


def _share_refusals(result: JsonObject) -> None:
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


def _name_lists(result: JsonObject) -> None:
    """Give what `fields`, `expand` and `ordering` of a table take one component."""
    schemas = result["components"].setdefault("schemas", {})
    for operation in _operations(result):
        for parameter in operation.get("parameters", ()):
            item = parameter["schema"].get("items", {})
            if name := item.get("title", ""):
                schemas[name] = item
                reference = {"$ref": f"#/components/schemas/{name}"}
                parameter["schema"]["items"] = reference


def _name_choices(result: JsonObject) -> None:
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


def _choice_maps(node: object) -> Iterator[JsonObject]:
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


def _referred(name: str, schema: JsonObject) -> JsonObject:
    reference = {"$ref": f"#/components/schemas/{name}"}
    if None in schema["enum"]:
        return {"oneOf": [reference, {"type": "null"}]}
    return reference
