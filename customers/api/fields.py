"""Serializer fields of the hub: numbers and amounts, and answers of requests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as RuleBroken
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import get_attribute, get_error_detail

from audit.json_text import JsonObject
from customers import services
from customers.values.amount import check_amount, parse_number
from customers.values.answer import parse_answer

# What people read from A to Z.
_UPWARDS = ("name", "email")


class NumberField(serializers.DecimalField):
    """A JSON number with all its digits."""

    def __init__(
        self, max_digits: int = 15, decimal_places: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(max_digits, decimal_places, coerce_to_string=False, **kwargs)

    def to_representation(self, value: Decimal) -> Any:  # no text, as the library says
        return value


class NumberInput(serializers.DecimalField):
    """A number in a body or a parameter, written as amounts are."""

    def to_internal_value(self, data: object) -> Decimal:
        try:
            number = parse_number(data)
        except RuleBroken:
            number = None
        if number is None:
            self.fail("invalid")
        checked: Decimal = super().to_internal_value(number)
        return checked


class AmountInput(serializers.DecimalField):
    """An amount in a body: its currency, which the service knows, limits its decimals.

    A text of blanks is null. With a `min_value` above zero the body alone decides what
    is too small; else the column does.
    """

    def __init__(self, max_digits: int = 15, decimal_places: int = 3, **kwargs: Any):
        super().__init__(max_digits, decimal_places, **kwargs)
        # Bounds are the service's to judge; the schema names them.
        self.validators = []

    def validate_empty_values(self, data: object) -> tuple[bool, Any]:
        is_blank = isinstance(data, str) and not data.strip()
        return super().validate_empty_values(None if is_blank else data)

    def to_internal_value(self, data: object) -> Any:
        try:
            amount = parse_number(data)
            if self.min_value:
                check_amount(amount or Decimal(0), None)
        except RuleBroken as error:
            raise ValidationError(get_error_detail(error)) from error
        if not amount and self.min_value:
            self.fail("min_value", min_value=self.min_value)
        return amount


class NumberTextField(serializers.CharField):
    """A number as a string, without an exponent."""

    def to_representation(self, value: object) -> str:
        return format(value, "f")


class InCurrency(serializers.Field):
    """Rounds an amount to the decimals of its currency.

    `currency` is the path from the row to the code, `absent` stands for no amount.
    """

    def __init__(
        self,
        *,
        currency: str = "currency",
        absent: Decimal | None = None,
        **kwargs: Any,
    ) -> None:
        self.currency, self.absent = currency.split("."), absent
        super().__init__(**kwargs)

    def get_attribute(self, instance: object) -> Decimal | None:
        amount = super().get_attribute(instance)
        if amount is None:
            return self.absent
        return services.quantise(amount, get_attribute(instance, self.currency))


class AmountField(InCurrency, NumberField):
    """An amount as a number."""


class AmountTextField(InCurrency, NumberTextField):
    """An amount as a string."""


class AmountsField(serializers.DictField):
    """Amounts as strings, by currency."""

    child = serializers.CharField()

    def to_representation(self, value: dict[str, str]) -> dict[str, str]:
        return {
            code: services.amount_text(Decimal(amount), code)
            for code, amount in value.items()
        }


class AnswerField(serializers.BooleanField):
    """A yes or no of a request, in any spelling.

    The schema says `boolean`, which is what a program should send.
    """

    reads_any_type = True

    def to_internal_value(self, data: object) -> bool | None:  # type: ignore[override]  # null where nothing was said
        answer = parse_answer(data)
        if answer is None and not self.allow_null:
            self.fail("null")
        return answer


class PresumedField(serializers.BooleanField):
    """Yes or no; where nothing is stored, what the document presumes."""

    def __init__(self, *, source: str, presumed: bool) -> None:
        self.presumed = presumed
        super().__init__(source=source)

    def get_attribute(self, instance: object) -> bool:
        value = super().get_attribute(instance)
        return self.presumed if value is None else value


class MaybeTextField(serializers.CharField):
    """A string, or null where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)


class SortOrderField(serializers.ChoiceField):
    """The direction of a list; without it, that which people expect of the column."""

    def __init__(self, **options: Any) -> None:
        options = {"required": False, **options}
        text = "Without it names and addresses go upwards, and the rest downwards."
        super().__init__(("asc", "desc"), **{"help_text": text, **options})


def is_descending(params: JsonObject) -> bool:
    """Tell in which direction a list is asked for."""
    order = params.get("sort_order")
    return order == "desc" or (order is None and params["sort_by"] not in _UPWARDS)
