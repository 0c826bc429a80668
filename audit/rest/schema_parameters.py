"""What the schema says of the parameters of a list, beyond what the library finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.json_text import JsonObject
from audit.rest.expansion import names_of
from audit.rest.schema_fields import NO_NUL, TIMES
from audit.rest.serializers import NamesField

_NO_COMMA = r"^[^,\u0000]+$"


def refine_parameter(view: object, parameter: JsonObject) -> JsonObject:
    """Return a parameter with a schema that is no wider than what is taken.

    Lists are written with commas between their values; who repeats the name is
    understood, too.
    """
    schema, name = parameter.get("schema", {}), parameter["name"]
    if parameter["in"] != "query":
        return parameter
    refined = {k: v for k, v in parameter.items() if k not in ("explode", "style")}
    if name in _filters(view):
        # As good as not sent.
        parameter = refined = {**refined, "allowEmptyValue": True}
    if "" in schema.get("enum", ()):
        shortened = {k: v for k, v in schema.items() if k != "minLength"}
        return {**refined, "schema": shortened}
    if item := _item(view, name, schema):
        listed = {"type": "array", "items": item}
        return {**refined, "schema": listed, "style": "form", "explode": False}
    if schema in ({}, {"type": "string"}):
        return {**refined, "schema": {"type": "string", "pattern": NO_NUL}}
    return _bounded(parameter)


def _item(view: object, name: str, schema: JsonObject) -> JsonObject | None:
    """Return the schema of one of several values; None for a parameter with one."""
    if names := _names(view, name):
        item = {
            "type": "string",
            "enum": names,
            "title": _title(view, name),
        }
        if name == "ordering":
            # What generators call the values; of a minus most make nothing.
            words = [f"{n[1:]}_desc" if n.startswith("-") else n for n in names]
            item["x-enum-varnames"] = [word.upper() for word in words]
        return item
    sent = _query_of(view).get(name)
    if isinstance(sent, NamesField):
        return {"type": "string", "enum": [*sent.names()]}
    if schema.get("type") != "array":
        return None
    values = _choices(view, name)
    return {
        "type": "string",
        **({"enum": values} if values else {"pattern": _NO_COMMA}),
    }


def _title(view: Any, name: str) -> str:
    noun = view.serializer_class.__name__.removesuffix("Serializer")
    every = {*names_of(getattr(view, "related", {}), is_list=False)}
    is_shorter = name == "expand" and {*_names(view, name)} != every
    return f"{noun}{'List' if is_shorter else ''}{name.title()}"


def _bounded(parameter: JsonObject) -> JsonObject:
    is_time = parameter.get("schema", {}).get("format") == "date-time"
    return {"description": TIMES, **parameter} if is_time else parameter


def is_taken(view: object, parameter: JsonObject) -> bool:
    """Tell whether a view takes a parameter: a table without relations expands none."""
    return parameter["name"] != "expand" or bool(getattr(view, "related", True))


def _query_of(view: Any) -> Mapping[str, object]:
    """Return the declared parameters of what is described."""
    spec = getattr(view, "spec", None)
    return spec.query().fields if spec else {}


def _names(view: Any, name: str) -> list[str]:
    """Return which names a parameter of a table takes, or nothing."""
    if not hasattr(view, "ordering_fields"):
        return []
    if name == "ordering":
        return [f"{sign}{c}" for c in view.ordering_fields for sign in ("", "-")]
    related = getattr(view, "related", {})
    if name == "expand":
        return list(names_of(related, is_list=view.action in ("list", "query")))
    return [*view.serializer_class().fields, *related] if name == "fields" else []


def _choices(view: object, name: str) -> list[str]:
    choices = getattr(_filters(view).get(name), "extra", {}).get("choices", ())
    return [str(value) for value, _ in choices]


def _filters(view: object) -> dict[str, object]:
    filters: dict[str, object] = getattr(
        getattr(view, "filterset_class", None), "base_filters", {}
    )
    return filters
