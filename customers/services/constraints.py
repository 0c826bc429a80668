"""The constraints of models, checked with few statements, for one instance or many.

Django's `full_clean` sends one statement for each rule and each related row. Here check
constraints are evaluated in Python, and a unique one asks once for all rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

# Columns of a sealed model that are set on writing.
_SEAL = {"salt", "commitment"}
_COMPARISONS: dict[str, Callable[..., bool]] = {
    "exact": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, values: value in values,
}


def changed_columns(instance: models.Model, stored: models.Model | None) -> set[str]:
    """Return the columns that differ from the stored instance; all of a new one."""
    names = {field.attname for field in instance._meta.concrete_fields}
    if stored is None:
        return names
    return {name for name in names if getattr(instance, name) != getattr(stored, name)}


def clean_instance(
    instance: models.Model,
    stored: models.Model | None = None,
    *,
    exclude: Collection[str] = (),
    about: Mapping[str, str] | None = None,
) -> None:
    """Raise ValidationError as `full_clean` would, with few statements.

    The database is queried for unique columns and related rows alone: where the
    instance differs from `stored`, and not for a related row that the caller has
    loaded. `exclude` are columns that are not cleaned; nor are those that are as
    stored, maybe under an older rule. `about` maps a constraint to the column of its
    error, where Django names none.
    """
    wrong: dict[str, list[ValidationError]] = {}
    changed = changed_columns(instance, stored)
    same = {f.name for f in instance._meta.fields if f.attname not in changed}
    there = _stored_relations(instance, changed)
    steps: list[Callable[[], None]] = [
        lambda: instance.clean_fields({*exclude, *there, *same}),
        instance.clean,
        # By now the derived columns are there.
        lambda: _check_unique_columns(
            instance, changed_columns(instance, stored), set(wrong)
        ),
    ]
    for step in steps:
        try:
            step()
        except ValidationError as error:
            wrong = error.update_error_dict(wrong)
    changed = changed_columns(instance, stored)
    for rule in instance._meta.constraints:
        try:
            _check_rule(rule, instance, changed, _SEAL | set(wrong))
        except ValidationError as error:
            if name := (about or {}).get(rule.name) or _blamed(rule, error):
                wrong.setdefault(name, []).extend(error.error_list)
            else:
                wrong = error.update_error_dict(wrong)
    if wrong:
        raise ValidationError(wrong)


def _stored_relations(instance: models.Model, changed: set[str]) -> set[str]:
    """Return the foreign keys whose rows exist: unchanged, or loaded by the caller."""
    return {
        key.name
        for key in instance._meta.fields
        if isinstance(key, models.ForeignKey)
        and getattr(instance, key.attname) is not None
        and (key.attname not in changed or key.is_cached(instance))
    }


def _check_unique_columns(
    instance: models.Model, changed: set[str], wrong: set[str]
) -> None:
    """Check the columns that are unique by themselves, but for the primary key."""
    fields = [f for f in instance._meta.fields if f.name not in wrong]
    unique = [f for f in fields if f.unique and not f.primary_key]
    names = {f.name for f in unique if f.attname in changed}
    if names:
        instance.validate_unique({f.name for f in instance._meta.fields} - names)


def _check_rule(
    rule: models.BaseConstraint,
    instance: models.Model,
    changed: set[str],
    wrong: set[str],
) -> None:
    if isinstance(rule, models.CheckConstraint) and isinstance(rule.condition, Q):
        condition = rule.condition
        if not wrong & set(_columns(condition)) and holds(condition, instance) is False:
            raise ValidationError(_message(rule), code=rule.violation_error_code)
        return
    if not isinstance(rule, models.UniqueConstraint) or not rule.fields:
        rule.validate(type(instance), instance, exclude=wrong)
        return
    names = {*rule.fields, *_columns(rule.condition or Q())}
    is_new_claim = {attname_of(instance, name) for name in names} & changed
    is_made = any(_is_made(instance, name) for name in rule.fields)
    if is_new_claim and not is_made and not names & wrong:
        _check_unique(rule, instance)


def _is_made(instance: models.Model, name: str) -> bool:
    """Return True for a column with a generated unique default, such as a reference."""
    field = field_of(instance, name)
    return field.has_default() and not field.editable


def _check_unique(rule: models.UniqueConstraint, instance: models.Model) -> None:
    """Raise ValidationError, as Django does, for values that another row has."""
    if set(find_holders(rule, [instance]).values()) - {instance.pk}:
        if rule.violation_error_message == rule.default_violation_error_message:
            raise instance.unique_error_message(type(instance), rule.fields)
        raise ValidationError(_message(rule), code=rule.violation_error_code)


def _message(rule: models.BaseConstraint) -> str:
    return str(rule.get_violation_error_message())


def _blamed(rule: models.BaseConstraint, error: ValidationError) -> str:
    """Return the column that Django names for a broken rule, empty for none."""
    fields = rule.fields if isinstance(rule, models.UniqueConstraint) else ()
    is_unique = getattr(error, "code", None) == "unique" and len(fields) == 1
    return str(fields[0]) if is_unique else ""


def broken_checks(instance: models.Model) -> Iterator[tuple[set[str], str]]:
    """Yield the columns and the message of each broken check constraint.

    Without a query. Raises NotImplementedError for a lookup that `holds` does not know.
    """
    for rule in instance._meta.constraints:
        condition = getattr(rule, "condition", None)
        # As in SQL: what is unknown breaks no rule.
        if (
            isinstance(rule, models.CheckConstraint)
            and isinstance(condition, Q)
            and holds(condition, instance) is False
        ):
            yield set(_columns(condition)), _message(rule)


def holds(condition: Q, instance: models.Model) -> bool | None:
    """Return whether a condition is true for an instance; None for SQL's unknown."""
    answers = [
        holds(child, instance) if isinstance(child, Q) else _compared(child, instance)
        for child in _children(condition)
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


def _children(condition: Q) -> Iterator[Q | tuple[str, object]]:
    for child in condition.children:
        if not isinstance(child, Q | tuple):
            raise NotImplementedError(child)
        yield child


def _compared(child: tuple[str, object], instance: models.Model) -> bool | None:
    path, expected = child
    name, _, kind = path.partition("__")
    value = _value(instance, name)
    if kind == "isnull":
        return (value is None) is expected
    if isinstance(expected, F):
        expected = _value(instance, expected.name)  # type: ignore[attr-defined]  # not in the stubs
    if kind == "" and expected is None:
        return value is None
    compare = _COMPARISONS.get(kind or "exact")
    if compare is None:
        raise NotImplementedError(path)
    return None if value is None or expected is None else compare(value, expected)


def _value(instance: models.Model, name: str) -> object:
    field = field_of(instance, name)
    value = getattr(instance, field.attname)
    # Nullable texts store an empty one as null.
    return None if value == "" and field.get_prep_value("") is None else value


def _columns(condition: Q) -> Iterator[str]:
    for child in _children(condition):
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


def unique_values(
    rule: models.UniqueConstraint, instance: models.Model
) -> tuple[object, ...] | None:
    """Return the values of an instance under a rule; None if the rule ignores it."""
    if rule.condition is not None and holds(rule.condition, instance) is not True:
        return None
    values = tuple(_value(instance, name) for name in rule.fields)
    return None if None in values else values


def find_holders(
    rule: models.UniqueConstraint, instances: Sequence[models.Model]
) -> dict[tuple[object, ...], object]:
    """Return which rows have the values of these instances: values to primary key.

    One statement for all; the instances are of one model.
    """
    claims = {
        values
        for instance in instances
        if (values := unique_values(rule, instance)) is not None
    }
    if not claims:
        return {}
    holders = type(instances[0])._base_manager.all()
    if rule.condition is not None:
        holders = holders.filter(rule.condition)
    for place, name in enumerate(rule.fields):
        holders = holders.filter(**{f"{name}__in": {claim[place] for claim in claims}})
    columns = [attname_of(instances[0], name) for name in rule.fields]
    held = holders.order_by().values_list(*columns, "pk")
    return {tuple(values): pk for *values, pk in held}


def field_of(instance: models.Model, name: str) -> models.Field:
    """Return a column of an instance. Raises TypeError for a relation to it."""
    field = instance._meta.get_field(name)
    if not isinstance(field, models.Field):
        msg = f"{name} is no column of {instance._meta.label}."
        raise TypeError(msg)
    return field


def attname_of(instance: models.Model, name: str) -> str:
    """Return the attribute of a column, like `business_id` for `business`."""
    return field_of(instance, name).attname


def clean_columns(instance: models.Model, names: Iterable[str]) -> dict[str, list[str]]:
    """Clean these columns of an instance in place; return the errors of each.

    Without a query: the caller has looked up foreign keys.
    """
    chosen = set(names)
    others = {f.name for f in instance._meta.fields if f.name not in chosen}
    try:
        instance.clean_fields(exclude=others)
    except ValidationError as error:
        return {
            name: list(map(str, texts)) for name, texts in error.message_dict.items()
        }
    return {}
