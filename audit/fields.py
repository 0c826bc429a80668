"""Column types that keep sealed rows exact: nullable text, strict JSON, salt, seal."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Length

from audit.json_text import JsonObject, JsonValue

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

from audit import canonical, clock
from audit.datetimes import check_happened
from audit.json_text import is_nested_deeper
from audit.privacy.addresses import clean_email
from audit.privacy.classes import personal_fields, public_fields
from audit.privacy.invisible import clean_address

_MAX_INTEGER = 2**53 - 1
_MAX_DIGITS = 15
# Of what is typed into a form.
_DEEPEST = 32
_SURROGATE = re.compile("[\ud800-\udfff]")

models.BinaryField.register_lookup(Length, "length")


if TYPE_CHECKING:
    _CharField = models.CharField[str | Combinable | None, str | None]
    _EmailField = models.EmailField[str | Combinable | None, str | None]
    _TextField = models.TextField[str | Combinable | None, str | None]
else:
    _CharField, _TextField = models.CharField, models.TextField
    _EmailField = models.EmailField


# What a field says of itself to a migration: name, path, arguments, options.
Deconstructed: TypeAlias = tuple[str, str, Sequence[object], dict[str, object]]


class _EmptyIsNull:
    """Stores the empty string as null: an erased value and none look the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "blank": True})

    def deconstruct(self) -> Deconstructed:
        name, path, args, kwargs = super().deconstruct()  # type: ignore[misc]  # of the field it is mixed into
        del kwargs["null"], kwargs["blank"]
        return name, path, args, kwargs

    def get_prep_value(self, value: object) -> object:
        value = super().get_prep_value(value)  # type: ignore[misc]  # of the field it is mixed into
        return None if value == "" else value


class NullCharField(_EmptyIsNull, _CharField):
    """A short text that is null when there is none, as personal columns must be."""


class NullTextField(_EmptyIsNull, _TextField):
    """A long text that is null when there is none."""


class TypedField:
    """Cleans what is typed, in one way for forms, endpoints and files.

    Only what is validated: a stored value is read as it is, and sealed as it is.
    """

    cleaned: Callable[[str], str]
    # Of what may be typed, where that is longer than what is stored.
    typed_length: int | None = None

    def clean(self, value: object, model_instance: object) -> object:
        if isinstance(value, str):
            value = self.cleaned(value)
        return super().clean(value, model_instance)  # type: ignore[misc]  # of the field it is mixed into

    def deconstruct(self) -> Deconstructed:
        # For a migration this is the type of Django's, or ours, that stores it.
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc]  # of the field it is mixed into
        order = type(self).__mro__
        kind = order[order.index(TypedField) + 1]
        module = kind.__module__.replace("django.db.models.fields", "django.db.models")
        return name, f"{module}.{kind.__qualname__}", args, kwargs


class EmailField(TypedField, _EmailField):
    """An e-mail address, by the one rule of `audit.privacy.addresses`."""

    cleaned = staticmethod(clean_email)
    # Django's knows no letters but ASCII ones before the @.
    default_validators: ClassVar[list[Callable[[object], None]]] = []  # type: ignore[misc]  # of the instance, say the stubs

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        return super().formfield(**{"form_class": EmailFormField, **kwargs})


class EmailFormField(forms.EmailField):
    """The same in a form, whose own rule would come first."""

    default_validators: ClassVar[list[Callable[[object], None]]] = []  # type: ignore[misc]  # of the instance, say the stubs

    def clean(self, value: object) -> object:
        if isinstance(value, str) and value.strip():
            value = clean_email(value)
        return super().clean(value)


class PastDateTimeField(models.DateTimeField):
    """When something happened: five minutes from now at the latest."""

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if value is not None:
            check_happened(value, clock.now())

    def deconstruct(self) -> Deconstructed:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class CodeField(TypedField, NullCharField):
    """A phone number, or a number or name of another system."""

    cleaned = staticmethod(clean_address)


class TypedJSON(json.JSONDecoder):
    """Reads JSON that was typed; what no reader of ours takes is none."""

    def decode(self, s: str, *args: Any) -> JsonValue:
        """Return the value. Raises JSONDecodeError, and nothing else."""
        if is_nested_deeper(s, _DEEPEST):
            msg = "Nested too deep"
            raise json.JSONDecodeError(msg, s, 0)
        try:
            value = super().decode(s, *args)
            # Half a character, like \\ud800, is none that a page could show.
            json.dumps(value, ensure_ascii=False).encode()
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            # Python reads no number of more than 4300 digits.
            raise json.JSONDecodeError(str(error), s, 0) from error
        return value


class SealedJSONField(models.JSONField):
    """JSON that hashes the same on both engines: text, whole numbers, yes, no, null.

    Decimals are written as strings. Anything else is refused when the row is written,
    JSON null at the top included.
    """

    def get_db_prep_value(
        self,
        value: object,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> object:
        if not hasattr(value, "resolve_expression") and value is not None:
            check_json(value, self.name)
        return super().get_db_prep_value(value, connection, prepared)

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        return super().formfield(**{"decoder": TypedJSON, **kwargs})

    def validate(self, value: object, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        try:
            check_json(value, self.name)
        except ValueError as error:
            raise ValidationError(str(error), code="outside_profile") from error


_LONG = (models.TextField, models.JSONField, models.BinaryField)
_QuerySet = TypeVar("_QuerySet", bound=models.QuerySet)
# The joins of a query, as Django keeps them: each with those that start from it.
_Related: TypeAlias = Mapping[str, "_Related"]


@cache
def long_columns(model: type[models.Model]) -> frozenset[str]:
    """Return the columns of a table that hold texts, JSON or bytes of any length."""
    fields = model._meta.concrete_fields
    return frozenset(field.name for field in fields if isinstance(field, _LONG))


def without_long(queryset: _QuerySet, *, columns: Iterable[str] = ()) -> _QuerySet:
    """Return a query that leaves long columns where they are, but those it shows.

    For lists: what is not shown is neither read nor masked, however long it is.
    `columns` are columns of the rows and, as `customer__notes`, of the rows that are
    loaded with them. Reading another one all the same costs a query of its own.
    """
    related = queryset.query.select_related
    names = _long_paths(queryset.model, related if isinstance(related, dict) else {})
    left = names - set(columns)
    return queryset.defer(*left) if left else queryset


def _long_paths(
    model: type[models.Model], related: _Related, above: str = ""
) -> set[str]:
    names = {above + name for name in long_columns(model)}
    for name, further in related.items():
        other: Any = model._meta.get_field(name).related_model  # A table: it is a join.
        names |= _long_paths(other, further, f"{above}{name}__")
    return names


def check_json(value: object, name: str) -> None:
    """Raise ValueError unless a value is inside the profile of `audit.canonical`."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii() and "\0" not in key):
                msg = f"{name}: keys are plain ASCII text."
                raise ValueError(msg)
            check_json(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            check_json(item, name)
    else:
        _check_scalar(value, name)


def _check_scalar(value: object, name: str) -> None:
    match value:
        case None | bool():
            return
        case str():
            _check_text(value, name)
        case int():
            _check_integer(value, name)
        case _:
            msg = (
                f"{name}: a {type(value).__name__} cannot be sealed. "
                "Use text, whole numbers, true, false and null; write decimals as text."
            )
            raise ValueError(msg)


def _check_text(value: str, name: str) -> None:
    if "\0" in value or _SURROGATE.search(value):
        msg = f"{name}: text holds a NUL or half a surrogate pair. Remove it."
        raise ValueError(msg)


def _check_integer(value: int, name: str) -> None:
    if abs(value) > _MAX_INTEGER:
        msg = f"{name}: whole numbers have at most 53 bits. Write it as text."
        raise ValueError(msg)


def canonical_value(field: models.Field, value: object) -> JsonValue:
    """Return a column's value as the sealed log hashes it, None for null.

    The value is read as the column would store it, so 7, "7.00" and Decimal("7.0")
    are one. Raises ValueError for what a database would round, for expressions and
    for column types that have no canonical form.
    """
    if isinstance(field, models.ForeignKey):
        return canonical_value(field.target_field, value)
    if hasattr(value, "resolve_expression"):
        msg = f"{field.name}: an expression cannot be sealed; give the value itself."
        raise ValueError(msg)
    try:
        value = field.to_python(value)
    except ValidationError as error:
        msg = f"{field.name}: {' '.join(error.messages)}"
        raise ValueError(msg) from error
    if value is None or (value == "" and isinstance(field, _EmptyIsNull)):
        return None
    return _canonical(field, value)


def _canonical(field: models.Field, value: object) -> JsonValue:
    if isinstance(field, models.JSONField):
        check_json(value, field.name)
        return value
    for kind, form in _FORMS:
        if isinstance(value, kind):
            return form(field, value)
    msg = f"{field.name}: a {type(field).__name__} cannot be sealed."
    raise ValueError(msg)


def _canonical_integer(field: models.Field, value: int) -> int | str:
    if isinstance(field, models.BigIntegerField):
        return str(value)
    _check_integer(value, field.name)
    return value


def _canonical_text(field: models.Field, value: str) -> str:
    _check_text(value, field.name)
    return value


def _canonical_decimal(field: models.DecimalField, value: Decimal) -> str:
    scale = field.decimal_places
    whole_digits = _MAX_DIGITS - scale
    if not value.is_finite() or value.adjusted() >= whole_digits:
        msg = f"{field.name}: at most {_MAX_DIGITS} digits, {scale} of them decimals."
        raise ValueError(msg)
    exact = value.quantize(Decimal(1).scaleb(-scale))
    if exact != value:
        msg = f"{field.name}: more than {scale} decimals. Round it before saving."
        raise ValueError(msg)
    return format(abs(exact) if exact == 0 else exact, "f")


def _canonical_time(field: models.Field, value: datetime | date | time) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            msg = f"{field.name}: a time without a zone cannot be sealed."
            raise ValueError(msg)
        text = value.astimezone(UTC).isoformat(timespec="microseconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, time):
        return value.isoformat(timespec="microseconds")
    return value.isoformat()


# The first kind that fits decides; bool comes before int, which it is one of.
_FORMS: tuple[tuple[type | tuple[type, ...], Callable[..., JsonValue]], ...] = (
    (bool, lambda _, value: value),
    (int, _canonical_integer),
    (Decimal, _canonical_decimal),
    ((datetime, date, time), _canonical_time),
    (UUID, lambda _, value: str(value)),
    (str, _canonical_text),
    ((bytes, memoryview), lambda _, value: bytes(value).hex()),
)


def personal_values(obj: models.Model) -> JsonObject:
    """Return the personal columns of a row that are not null, in canonical form."""
    return _values(obj, personal_fields(type(obj)))


def public_values(obj: models.Model) -> JsonObject:
    """Return the public columns of a row that are not null, in canonical form."""
    return _values(obj, public_fields(type(obj)))


def _values(obj: models.Model, fields: list[models.Field]) -> JsonObject:
    pairs = (
        (str(f.column), canonical_value(f, getattr(obj, f.attname))) for f in fields
    )
    return {column: value for column, value in pairs if value is not None}


def seal(obj: models.Model) -> None:
    """Draw the salt of a new row and compute its commitment.

    Called by the two columns below for every `save()` and `bulk_create()`, and by
    hand where rows are written with SQL of our own.
    """
    salted: Any = obj
    if salted.salt is None:
        salted.salt = secrets.token_bytes(canonical.SALT_BYTES)
    salted.commitment = canonical.commitment(
        obj._meta.label_lower, str(obj.pk), personal_values(obj), bytes(salted.salt)
    )


class SaltField(models.BinaryField):
    """Thirty-two random bytes, drawn once for each row."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"null": True, "editable": False, "max_length": canonical.SALT_BYTES}
        super().__init__(**kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> object:  # noqa: FBT001 - Django's signature
        if add:
            seal(model_instance)
        return super().pre_save(model_instance, add)


class CommitmentField(models.BinaryField):
    """SHA-256 over salt and personal columns; stays when those are erased."""

    def __init__(self, **kwargs: Any) -> None:
        # Computed on the way into the database; until then there is none.
        kwargs |= {"editable": False, "blank": True, "default": None, "max_length": 32}
        super().__init__(**kwargs)
