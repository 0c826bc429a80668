"""What the schema says of one field of a request: no more and no less than is taken."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import RegexValidator
from rest_framework import serializers

from audit.json_text import JsonObject

# What `str.strip` takes away, and NUL, which no text may have.
_BLANK = r"\s\u0000\u001c-\u001f\u0085"
NO_NUL = r"^[^\u0000]*$"
NOT_BLANK = rf"^[^\u0000]*[^{_BLANK}][^\u0000]*$"


# Which times are taken; JSON Schema has no word for it.
TIMES = "With its zone, from 1900 on and before 2200."


def refine(field: serializers.Field, schema: JsonObject) -> JsonObject:
    """Return the schema of a field of a request with what the field also checks."""
    if isinstance(field, serializers.DecimalField):
        return _decimal_schema(field, schema)
    if isinstance(field, serializers.DateTimeField):
        return {"description": TIMES, **schema}
    is_any = isinstance(field, serializers.JSONField) and "type" not in schema
    if is_any and not field.allow_null:
        kinds = ["object", "array", "string", "number", "boolean"]
        # Makers of clients want to know of what a list is.
        return schema | {"type": kinds, "items": {}}
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return _list(field, schema)
    if _is_free_text(field) and "pattern" not in schema and "oneOf" not in schema:
        is_blank = getattr(field, "allow_blank", False)
        return {**schema, "pattern": NO_NUL if is_blank else NOT_BLANK}
    return schema


def refine_response(field: object, schema: JsonObject) -> JsonObject:
    """Return the schema of a field of an answer; a number has no limits there."""
    if {} in schema.get("oneOf", ()):
        # Any JSON; null is one of its values.
        return {k: v for k, v in schema.items() if k != "oneOf"}
    is_number = isinstance(field, serializers.DecimalField) and "number" in str(
        schema.get("type")
    )
    if not is_number:
        return schema
    return {k: v for k, v in schema.items() if k in ("type", "description")}


def _is_free_text(field: serializers.Field) -> bool:
    # Others are described by a format, which is narrower.
    is_text = type(field) is serializers.CharField
    return is_text and not any(isinstance(v, RegexValidator) for v in field.validators)


def _list(
    field: serializers.ListSerializer | serializers.ListField, schema: JsonObject
) -> JsonObject:
    limits = {
        "maxItems": getattr(field, "max_length", None),
        "minItems": getattr(field, "min_length", None)
        or (None if field.allow_empty else 1),
    }
    refined = schema | {k: v for k, v in limits.items() if v is not None}
    if isinstance(field, serializers.ListField) and "items" in refined:
        refined["items"] = refine(field.child, refined["items"])
    return refined


def _decimal_schema(field: serializers.DecimalField, schema: JsonObject) -> JsonObject:
    """Describe a decimal: a JSON number, or a text for whoever computes exactly."""
    decimals, digits = field.decimal_places or 0, field.max_digits or 30
    step, whole = Decimal(1).scaleb(-decimals), digits - decimals
    top = Decimal(10) ** whole - step
    low = -top if field.min_value is None else Decimal(str(field.min_value))
    high = top if field.max_value is None else Decimal(str(field.max_value))
    number = {
        "type": "number",
        "minimum": _json_number(low),
        "maximum": _json_number(high),
        "multipleOf": _json_number(step),
    }
    sign = "" if low >= 0 else "-?"
    fraction = rf"(\.\d{{1,{decimals}}})?" if decimals else ""
    some = "(?=.*[1-9])" if low > 0 else ""
    text = {"type": "string", "pattern": rf"^{some}{sign}\d{{1,{whole}}}{fraction}$"}
    meta = {k: v for k, v in schema.items() if k in ("description", "default")}
    is_nullable = [{"type": "null"}] if field.allow_null else []
    return {"anyOf": [number, text, *is_nullable], **meta}


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
