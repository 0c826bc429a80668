"""Rows as the canonical API answers and takes them: one serializer for each table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.utils.model_meta import FieldInfo

from audit.fields import TypedField, long_columns
from audit.json_text import JsonObject
from audit.privacy.classes import business_of, declaration
from audit.privacy.masking import masked_value, masks_of, shortened
from audit.rest.serializers import (
    DayField,
    EmailAddressField,
    OffsetDateTimeField,
    StrictSerializer,
    snake_case,
)

# What a body is checked for; what is answered was checked when it was written.
_CHECKS = (
    "allow_blank",
    "allow_unicode",
    "max_length",
    "max_value",
    "min_value",
    "validators",
)

# What is read by a rule that files and forms have, too.
_OURS: dict[type[serializers.Field], type[serializers.Field]] = {
    serializers.DateField: DayField,
    serializers.DateTimeField: OffsetDateTimeField,
    serializers.EmailField: EmailAddressField,
}
# What every write changes; an older one sent back is no mistake.
_STAMPS = frozenset({"rev", "updated_at"})
PARENTS = ("customer_id", "ticket_id")
_NO_PARENT = "Say whose it is, or use the address below the one whose it is."
_MASKED = "You see this masked. Reveal it first, or leave it out."
_FIXED = "This cannot be changed here. Leave it out."


class HubModelSerializer(serializers.ModelSerializer[models.Model]):
    """A row with its foreign keys as ids; masked unless the context says otherwise.

    `is_unmasked` of the context tells whether somebody sees this row's contact data,
    and `room` how much of long texts a list still shows.
    """

    # What needs a permission of its own, which the context's `has_perm` tells.
    permissions: ClassVar[Mapping[str, str]] = {}
    # Privacy classes of keys that are no column, or are named otherwise.
    privacy: ClassVar[Mapping[str, str]] = {}
    # Rows that repeat what somebody sent hold addresses in other texts too.
    is_copy: ClassVar[bool] = False
    # Answers of `fields` have some keys alone; see `partial_of`.
    is_partial: ClassVar[bool] = False

    def build_field(
        self,
        field_name: str,
        info: FieldInfo,
        model_class: type[models.Model],
        nested_depth: int,
    ) -> tuple[type[serializers.Field], dict[str, Any]]:
        column = _foreign_key(model_class, field_name)
        if column is not None:
            return serializers.UUIDField, {
                "allow_null": column.null,
                "read_only": True,
            }
        kind, options = super().build_field(field_name, info, model_class, nested_depth)
        for name in _CHECKS:
            options.pop(name, None)
        if issubclass(kind, serializers.EmailField | serializers.SlugField):
            # A masked value is no address.
            kind = serializers.CharField
        if issubclass(kind, serializers.DateTimeField | serializers.DateField):
            # The renderer writes it, in UTC.
            options["format"] = None
        if issubclass(kind, serializers.ReadOnlyField):
            return kind, options
        for name in ("required", "default"):
            options.pop(name, None)
        return kind, options | {"read_only": True}

    def get_validators(self) -> list[Any]:
        return []

    def to_representation(self, instance: Any) -> JsonObject:
        data = dict(super().to_representation(instance))
        has_perm = self.context.get("has_perm")
        for name in data.keys() & self.permissions.keys():
            permission = self.permissions[name]
            if has_perm is None or not has_perm(permission, business_of(instance)):
                data[name] = None
        room = self.context.get("room")
        if room is not None:
            model: Any = self.Meta.model
            for name in data.keys() & long_columns(model):
                data[name] = room.fitted(data[name])
        is_unmasked = self.context.get("is_unmasked")
        if is_unmasked is None or not is_unmasked(instance):
            kinds = {**declaration(type(instance)), **self.privacy}
            for name in data.keys() & kinds.keys():
                data[name] = masked_value(data[name], kinds[name], is_copy=self.is_copy)
        return data


@cache
def partial_of(
    serializer_class: type[HubModelSerializer],
) -> type[HubModelSerializer]:
    """Return the serializer of a row of which `fields` selects keys, for the schema."""
    name = serializer_class.__name__.removesuffix("Serializer")
    members = {
        "__module__": serializer_class.__module__,
        "__doc__": f"{serializer_class.__doc__} Only the keys that `fields` names.",
        "is_partial": True,
    }
    return type(f"{name}Partial", (serializer_class,), members)


def with_fields(
    serializer_class: type[HubModelSerializer],
    suffix: str,
    extra: Mapping[str, serializers.Field],
) -> type[HubModelSerializer]:
    """Return a row's serializer with more keys and a longer name, for the schema."""
    if not extra:
        return serializer_class
    name = serializer_class.__name__.removesuffix("Serializer")
    meta: Any = serializer_class.Meta
    body = {
        "__module__": serializer_class.__module__,
        "__doc__": serializer_class.__doc__,
        "Meta": type("Meta", (meta,), {"fields": [*meta.fields, *extra]}),
        **extra,
    }
    return type(f"{name}{suffix}", (serializer_class,), body)


@cache
def page_serializer(
    serializer_class: type[HubModelSerializer],
) -> type[serializers.Serializer[object]]:
    """Return the serializer of a list's answer, for the schema."""
    name = serializer_class.__name__.removesuffix("Serializer")
    return type(f"{name}Page", (_Page,), {"results": serializer_class(many=True)})


class _Page(serializers.Serializer[object]):
    """One page. With a cursor nothing is counted, and `previous` is null."""

    count = serializers.IntegerField(required=False)
    count_is_capped = serializers.BooleanField(required=False)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class CreateSerializer(StrictSerializer, serializers.ModelSerializer[models.Model]):
    """What is written to a row: its columns, and rows of others by their ids.

    Columns that are unique are compared by the service, within the business: the
    library would look through the rows of all of them.
    """

    # Whose rows these are, where an address may say so.
    parents: ClassVar[tuple[str, ...]] = PARENTS

    def build_field(
        self,
        field_name: str,
        info: FieldInfo,
        model_class: type[models.Model],
        nested_depth: int,
    ) -> tuple[type[serializers.Field], dict[str, Any]]:
        column = _foreign_key(model_class, field_name)
        if column is not None:
            return serializers.UUIDField, {
                "allow_null": column.null,
                # The parent may stand in the address instead.
                "required": not column.null and field_name not in self.parents,
            }
        kind, options = super().build_field(field_name, info, model_class, nested_depth)
        options["validators"] = [
            check
            for check in options.get("validators", ())
            if type(check).__name__ != "UniqueValidator"
        ]
        if not options["validators"]:
            del options["validators"]
        for base, ours in _OURS.items():
            if issubclass(kind, base):
                kind = ours
        if isinstance(typed := info.fields.get(field_name), TypedField):
            # Checked once it has been cleaned.
            options.pop("validators", None)
            if typed.typed_length is not None:
                options["max_length"] = typed.typed_length
        if options.get("allow_null"):
            # What is not there is null, and has no second spelling.
            options.pop("allow_blank", None)
        return kind, options

    def get_uniqueness_extra_kwargs(
        self, field_names: object, declared_fields: object, extra_kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, serializers.HiddenField]]:
        return extra_kwargs, {}

    def get_validators(self) -> list[Any]:
        return []


class UpdateSerializer(CreateSerializer):
    """A change: what is not named stays, and what is seen masked is not overwritten.

    The context holds the stored `instance`, what its answer shows (`seen`), and
    `is_unmasked`.
    """

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = dict(super().get_fields())
        for name, field in fields.items():
            field.required = name == "id"
        return fields

    def to_internal_value(self, data: object) -> JsonObject:
        """Leave out what comes back as it was answered; it is no mistake.

        Raises ValidationError for another value in the place of a masked one, or of
        one that is not written here.
        """
        seen, instance = self.context.get("seen", {}), self.context.get("instance")
        if not isinstance(data, Mapping) or instance is None:
            return super().to_internal_value(data)
        data = {
            key: value
            for key, value in data.items()
            if not _is_cut(instance, key, value)
        }
        masks = masks_of(instance)
        is_unmasked = bool(self.context.get("is_unmasked"))
        data, wrong = without_masked(data, masks, is_unmasked=is_unmasked)
        changes = {}
        for key, value in data.items():
            name = snake_case(str(key))
            if name in self.fields or name not in seen:
                changes[key] = value
            elif name not in _STAMPS and value != seen[name]:
                wrong[str(key)] = [ErrorDetail(_FIXED, "read_only")]
        checked: JsonObject = {}
        try:
            checked = super().to_internal_value(changes)
        except ValidationError as error:
            wrong = {**error.detail, **wrong}  # type: ignore[dict-item]  # of a body, by names
        if wrong:
            raise ValidationError(wrong)
        return checked


def _is_cut(instance: models.Model, key: object, value: object) -> bool:
    """Tell whether a text is what a list showed of a longer one."""
    name = snake_case(str(key))
    if not isinstance(value, str) or name not in long_columns(type(instance)):
        return False
    stored = getattr(instance, name)
    if not isinstance(stored, str) or len(stored) < len(value):
        return False
    cut = shortened(stored)
    kind = declaration(type(instance)).get(name)
    return cut != stored and value in (cut, masked_value(cut, kind))


@cache
def naming_parent(body: type[StrictSerializer]) -> type[StrictSerializer]:
    """Return the body of a new row at an address that does not say whose it is.

    It names the parent itself. A body whose rows have none is returned as it is.
    """
    named = [name for name in PARENTS if name in body().fields]
    if not named:
        return body

    def get_fields(self: StrictSerializer) -> dict[str, serializers.Field]:
        fields = body.get_fields(self)
        for name in named:
            fields[name].required = True
            fields[name].error_messages["required"] = _NO_PARENT
        return fields

    name = body.__name__.removesuffix("Serializer")
    members = {"get_fields": get_fields, "__doc__": body.__doc__}
    return type(f"{name}WithParentSerializer", (body,), members)


def without_masked(
    data: Mapping[object, object], masks: Mapping[str, object], *, is_unmasked: bool
) -> tuple[dict[object, object], dict[str, list[ErrorDetail]]]:
    """Return a change without what came back masked, and what is wrong with it.

    Whoever sends what a list showed in place of a value means no change, whatever their
    role. Another value is a mistake of those who do not see the stored one.
    """
    changes: dict[object, object] = {}
    wrong: dict[str, list[ErrorDetail]] = {}
    for key, value in data.items():
        name = snake_case(str(key))
        if name not in masks:
            changes[key] = value
        elif value != masks[name]:
            if is_unmasked:
                changes[key] = value
            else:
                wrong[str(key)] = [ErrorDetail(_MASKED, "masked")]
    return changes, wrong


def _foreign_key(model: type[models.Model], name: str) -> models.Field | None:
    """Return the foreign key whose column has this name."""
    if not name.endswith("_id"):
        return None
    column = {f.attname: f for f in model._meta.concrete_fields}.get(name)
    return column if column is not None and column.is_relation else None
