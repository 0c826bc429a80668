"""What the schema says of the parameters of a list, beyond what the library finds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from audit.json_text import JsonObject
from audit.rest.schema_fields import NO_NUL, TIMES

# The parameters that say which columns and rows an answer holds.
_SELECTION = ("fields", "expand")


def refine_parameter(view: object, parameter: JsonObject) -> JsonObject:
    """Return a parameter with a schema that is no wider than what is taken.

    Lists stand in one text with commas: most clients repeat the name otherwise.
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
    if names := _names(view, name):
        pattern = _one(names) if name == "ordering" else _some(names)
        return {**refined, "schema": {"type": "string", "pattern": pattern}}
    if schema.get("type") == "array":
        listed = _some(values) if (values := _choices(view, name)) else NO_NUL
        return {**refined, "schema": {"type": "string", "pattern": listed}}
    if schema in ({}, {"type": "string"}):
        return {**refined, "schema": {"type": "string", "pattern": NO_NUL}}
    return _bounded(parameter)


def _bounded(parameter: JsonObject) -> JsonObject:
    is_time = parameter.get("schema", {}).get("format") == "date-time"
    return {"description": TIMES, **parameter} if is_time else parameter


def is_taken(view: object, parameter: JsonObject) -> bool:
    """Tell whether a view takes a parameter: a table without relations expands none."""
    return parameter["name"] != "expand" or bool(getattr(view, "related", True))


def _names(view: Any, name: str) -> list[str]:
    """Return which names a parameter of a table takes, or nothing."""
    if not hasattr(view, "ordering_fields"):
        return []
    if name == "ordering":
        return [f"-?{column}" for column in view.ordering_fields]
    related = list(getattr(view, "related", {})) if name in _SELECTION else []
    return [*view.serializer_class().fields, *related] if name == "fields" else related


def _choices(view: object, name: str) -> list[str]:
    choices = getattr(_filters(view).get(name), "extra", {}).get("choices", ())
    return [re.escape(str(value)) for value, _ in choices]


def _filters(view: object) -> dict[str, object]:
    filters: dict[str, object] = getattr(
        getattr(view, "filterset_class", None), "base_filters", {}
    )
    return filters


def _one(names: Iterable[str]) -> str:
    return f"^({'|'.join(names)})$"


def _some(names: Iterable[str]) -> str:
    each = f"({'|'.join(names)})"
    return f"^{each}(,{each})*$"
