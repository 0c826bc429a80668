"""The database's own rules, asked for many rows at once and without a statement each.

Django's `validate_constraints` sends one statement for each rule of each row. Here
check constraints are evaluated in Python, and a unique one asks once for all rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, values: value in values,
}


def broken_checks(row: models.Model) -> Iterator[tuple[set[str], str]]:
    """Yield the columns and the sentence of each check constraint a row breaks.

    Nothing is asked of the database. Raises NotImplementedError for a condition of a
    kind that `holds` does not know.
    """
    for rule in row._meta.constraints:
        if isinstance(rule, models.CheckConstraint):
            condition: Any = rule.condition
            # As in SQL: what is unknown breaks no rule.
            if holds(condition, row) is False:
                yield set(_columns(condition)), str(rule.get_violation_error_message())


def holds(condition: Q, row: models.Model) -> bool | None:
    """Tell whether a condition holds for a row; None where SQL would say unknown."""
    answers = [
        holds(child, row) if isinstance(child, Q) else _compared(child, row)
        for child in condition.children
    ]
    if condition.connector == Q.XOR:
        raise NotImplementedError(condition.connector)
    decisive = condition.connector == Q.OR
    if decisive in answers:
        answer: bool | None = decisive
    elif None in answers:
        answer = None
    else:
        answer = not decisive
    return answer if answer is None or not condition.negated else not answer


def _compared(child: Any, row: models.Model) -> bool | None:
    path, wanted = child
    name, _, kind = path.partition("__")
    value = _value(row, name)
    if kind == "isnull":
        return (value is None) is wanted
    if isinstance(wanted, F):
        source: Any = wanted
        wanted = _value(row, source.name)
    if kind == "" and wanted is None:
        return value is None
    compare = _COMPARISONS.get(kind or "exact")
    if compare is None:
        raise NotImplementedError(path)
    return None if value is None or wanted is None else compare(value, wanted)


def _value(row: models.Model, name: str) -> Any:
    field: Any = row._meta.get_field(name)
    value = getattr(row, field.attname)
    # Nullable texts store an empty one as null.
    return None if value == "" and field.get_prep_value("") is None else value


def _columns(condition: Q) -> Iterator[str]:
    children: list[Any] = condition.children
    for child in children:
        if isinstance(child, Q):
            yield from _columns(child)
        else:
            yield child[0].partition("__")[0]


def unique_rules(model: type[models.Model]) -> list[models.UniqueConstraint]:
    """Return the unique constraints of a table that are made of columns."""
    return [
        rule
        for rule in model._meta.constraints
        if isinstance(rule, models.UniqueConstraint) and rule.fields
    ]


def unique_values(rule: models.UniqueConstraint, row: models.Model) -> Any:
    """Return what a row claims under a rule, as a tuple; None for nothing."""
    if rule.condition is not None and holds(rule.condition, row) is not True:
        return None
    values = tuple(_value(row, name) for name in rule.fields)
    return None if None in values else values


def find_holders(
    rule: models.UniqueConstraint, rows: Sequence[models.Model]
) -> dict[Any, Any]:
    """Return who in the database holds what these rows claim: values to primary key.

    One statement for all rows, which are of one model.
    """
    claims = {pk for row in rows if (pk := unique_values(rule, row)) is not None}
    if not claims:
        return {}
    found: Any = type(rows[0])._base_manager.all()
    if rule.condition is not None:
        found = found.filter(rule.condition)
    for place, name in enumerate(rule.fields):
        found = found.filter(**{f"{name}__in": {claim[place] for claim in claims}})
    columns: Any = [row_field(rows[0], name) for name in rule.fields]
    held = found.order_by().values_list(*columns, "pk")
    return {tuple(values): pk for *values, pk in held}


def row_field(row: models.Model, name: str) -> str:
    """Return the attribute of a column, like `business_id` for `business`."""
    field: Any = row._meta.get_field(name)
    return str(field.attname)


def clean_columns(row: models.Model, names: Iterable[str]) -> dict[str, list[str]]:
    """Clean these columns of a row in place; return what is wrong with each.

    Asks nothing of the database: foreign keys are the caller's to have looked up.
    """
    chosen = set(names)
    others = {f.name for f in row._meta.fields if f.name not in chosen}
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        return {
            name: list(map(str, texts)) for name, texts in error.message_dict.items()
        }
    return {}
