"""What a request says, checked: bodies and parameters as serializers describe them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError as RuleBroken
from django.core.validators import EmailValidator
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit.datetimes import parse_day, parse_moment
from audit.json_text import JsonObject, JsonValue
from audit.privacy.addresses import clean_email

_Value = TypeVar("_Value")

_MOST_CHOICES = 12
# To look for the nearest of each of a hundred thousand names takes seconds.
_MOST_ERRORS = 50
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")

# Which JSON types a field takes.
_TYPES: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "Send true or false."),
    (serializers.IntegerField, (int,), "Send a whole number."),
    (serializers.DecimalField, (int, float, str, Decimal), "Send a number."),
    (serializers.CharField, (str,), "Send a text."),
    (serializers.UUIDField, (str,), "Send a UUID as a text."),
    (serializers.DateTimeField, (str,), "Send a time as a text (RFC 3339)."),
    (serializers.DateField, (str,), "Send a date as a text, like 2026-11-20."),
    (serializers.ChoiceField, (str,), "Send a text."),
)


def snake_case(name: str) -> str:
    """Return `postalCode` as `postal_code`; other names stay."""
    return _HUMP.sub(r"_\1", name).lower() if _HUMP.search(name) else name


def camel_case(name: str) -> str:
    """Return `postal_code` as `postalCode`."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def with_camel_keys(value: object) -> JsonValue:
    """Return the same answer with the keys of its objects in camelCase."""
    if isinstance(value, Mapping):
        return {camel_case(k): with_camel_keys(v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_camel_keys(item) for item in value]
    return value


def unknown_sentence(name: str, names: Iterable[str]) -> str:
    """Return what to say to who sent a name that is not known: the nearest one."""
    near = difflib.get_close_matches(name, list(names), n=1)
    hint = f" Do you mean {near[0]}?" if near else ""
    return f"This is not known here.{hint}"


def choices_sentence(values: Iterable[object]) -> str:
    """Return what to say to who sent none of these: they are named unless many."""
    names = [str(value) for value in values if value not in ("", None)]
    if len(names) > _MOST_CHOICES:
        return "This is not one of the choices."
    return f"Send one of {', '.join(names)}."


class OffsetDateTimeField(serializers.DateTimeField):
    """A time with its zone: a day begins at another moment in each."""

    def to_internal_value(self, value: Any) -> datetime:
        return _parsed(parse_moment, value)


class DayField(serializers.DateField):
    """A day like 2026-11-21."""

    def to_internal_value(self, value: Any) -> date:
        return _parsed(parse_day, value)


def _parsed(parse: Callable[[str], _Value], text: str) -> _Value:
    try:
        return parse(text)
    except RuleBroken as error:
        raise ValidationError(error.messages[0], error.code) from None


class EmailAddressField(serializers.EmailField):
    """An e-mail address, by the one rule of `audit.privacy.addresses`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # The library's knows no letters but ASCII ones before the @.
        self.validators = [
            check for check in self.validators if not isinstance(check, EmailValidator)
        ]

    def to_internal_value(self, data: str) -> str:
        return clean_email(super().to_internal_value(data))


class StrictSerializer(serializers.Serializer[object]):
    """Takes keys in both spellings, refuses unknown ones and names the nearest.

    Errors are all in one answer, and point to the keys as they were sent. `other_names`
    of the context are names that others take, and that may be meant.
    """

    unknown_code = "unknown_field"
    # Keys of which exactly one is sent, for the schema.
    one_of: ClassVar[tuple[str, ...]] = ()
    # The schema of a body that others check, in the place of what the fields say.
    json_schema: ClassVar[JsonObject | None] = None
    # Keys of an answer that may come back; they change nothing.
    ignored: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    @sensitive_variables("data", "serializer")
    def checked(cls, data: object, **context: object) -> JsonObject:
        """Return the values of some data. Raises ValidationError with what is wrong."""
        serializer = cls(data=data, context=context)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def to_internal_value(self, data: object) -> JsonObject:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        values: dict[str, object] = {}
        sent: dict[str, str] = {}
        errors: dict[str, Any] = {}
        for key, value in data.items():
            name = snake_case(str(key))
            if name in self.ignored:
                continue
            if len(errors) == _MOST_ERRORS:
                break
            if name not in self.fields:
                names = [*self.fields, *self.context.get("other_names", ())]
                text = unknown_sentence(name, names)
                errors[key] = [ErrorDetail(text, self.unknown_code)]
            elif name in values and values[name] != value:
                text = f"{sent[name]} and {key} differ. Send one of them."
                errors[key] = [ErrorDetail(text, "conflicting_keys")]
            else:
                values[name], sent[name] = value, key
        if len(errors) == _MOST_ERRORS:
            # The rest was not looked at, and would be missed.
            raise ValidationError(errors)
        return self._validated(values, sent, errors)

    def _validated(
        self,
        values: dict[str, object],
        sent: dict[str, str],
        errors: dict[str, Any],
    ) -> JsonObject:
        """Return the checked values. Raises ValidationError with all that is wrong."""
        wrong = self._mistyped(values)
        typed = {name: value for name, value in values.items() if name not in wrong}
        errors |= {sent[name]: details for name, details in wrong.items()}
        checked: JsonObject = {}
        try:
            checked = super().to_internal_value(typed)
        except ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            for name, details in error.detail.items():
                if name not in wrong:
                    errors[sent.get(name) or self._spelled(name)] = details
        if errors:
            raise ValidationError(errors)
        return checked

    def _spelled(self, name: str) -> str:
        """Return a name that did not come as the caller's face spells it."""
        is_camel = getattr(self.context.get("view"), "is_camel", False)
        return camel_case(name) if is_camel else name

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = dict(super().get_fields())
        for field in fields.values():
            if isinstance(field, serializers.ChoiceField):
                # The library's own sentence repeats what was sent.
                text = choices_sentence(field.choices)
                field.error_messages["invalid_choice"] = text
        return fields

    def _mistyped(self, values: dict[str, object]) -> dict[str, list[ErrorDetail]]:
        """Return what is wrong with values of another JSON type than their field's.

        The library takes "yes" for true and 5 for a text; a schema that is true cannot.
        A field with `reads_any_type` judges that itself.
        """
        wrong = {}
        for name, value in values.items():
            expected = next(
                (t for t in _TYPES if isinstance(self.fields[name], t[0])), None
            )
            reads_all = getattr(self.fields[name], "reads_any_type", False)
            if value is None or expected is None or reads_all:
                continue
            _, kinds, text = expected
            if isinstance(value, float) and value.is_integer() and kinds == (int,):
                continue  # JSON knows one kind of number: 5.0 is 5
            is_number_for_bool = isinstance(value, bool) and bool not in kinds
            if not isinstance(value, kinds) or is_number_for_bool:
                wrong[name] = [ErrorDetail(text, "incorrect_type")]
        return wrong


class QuerySerializer(StrictSerializer):
    """The parameters of an address."""

    unknown_code = "unknown_parameter"

    def _mistyped(self, values: dict[str, object]) -> dict[str, list[ErrorDetail]]:
        # In an address everything is text.
        return {}


class NamesField(serializers.CharField):
    """Some of the names that `choices` returns; in an address, with commas between."""

    def __init__(self, choices: Callable[[], Sequence[str]], **kwargs: Any) -> None:
        super().__init__(allow_blank=True, required=False, **kwargs)
        self.names = choices

    def to_internal_value(self, data: Any) -> Any:
        """Return the list. Raises ValidationError for a name that there is not."""
        text = super().to_internal_value(data)
        sent = [name.strip() for name in text.split(",") if name.strip()]
        if set(sent) - set(self.names()):
            raise ValidationError(choices_sentence(self.names()), "invalid_choice")
        return sent


class PageQuery(QuerySerializer):
    """The parameters of a list in pages."""

    page = serializers.IntegerField(min_value=1, max_value=100_000, default=1)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20)
