"""System checks: what a new model, page or installation can get wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError, models

from audit.accounts import list_altered_records
from audit.database.guards import differences, hardening_faults
from audit.database.sealed import SealedHistory, SealedModel
from audit.history.models import tracked_models
from audit.maintenance import catalogue_faults, count_outdated
from audit.privacy.classes import misdeclared_fields, personal_fields, undeclared_fields

OUR_APPS = ("audit", "customers", "capture")


def _our_models() -> Iterable[type[models.Model]]:
    return (m for m in apps.get_models() if m._meta.app_label in OUR_APPS)


@register(Tags.models)
def check_privacy_declared(**_: object) -> list[CheckMessage]:
    """Report text columns without a privacy class, and classes without a column."""
    forgotten: list[CheckMessage] = [
        Error(
            f"{model._meta.label}.{name} has no privacy class.",
            hint=f"Add {name!r} to {model.__name__}.privacy; 'public' if nobody's.",
            obj=model,
            id="audit.E001",
        )
        for model in _our_models()
        for name in undeclared_fields(model)
    ]
    wrong: list[CheckMessage] = [
        Error(
            f"{model._meta.label}.privacy names {name!r}, which is no column or has "
            "an unknown class.",
            hint="See audit/privacy/classes.py for the classes.",
            obj=model,
            id="audit.E002",
        )
        for model in _our_models()
        for name in misdeclared_fields(model)
    ]
    return forgotten + wrong


@register(Tags.models)
def check_personal_columns_can_be_erased(**_: object) -> list[CheckMessage]:
    """Report personal columns of sealed and tracked tables that cannot be null."""
    sealed = [*tracked_models(), *(m for m in _our_models() if _is_sealed(m))]
    return [
        Error(
            f"{model._meta.label}.{field.name} is personal and cannot be null.",
            hint="Use a type of audit/fields.py: CodeField for a number or code, "
            "EmailField(null=True), NullTextField for other text; else null=True.",
            obj=model,
            id="audit.E003",
        )
        for model in sealed
        for field in personal_fields(model)
        if not field.null
    ]


@register(Tags.models)
def check_sealed_models(**_: object) -> list[CheckMessage]:
    """Report sealed tables whose salt rule does not name exactly the personal ones."""
    return [
        Error(
            f"{model._meta.label}: the salt rule does not name the personal columns.",
            hint="Pass exactly the personal columns to sealed_constraints().",
            obj=model,
            id="audit.E004",
        )
        for model in _our_models()
        if _is_sealed(model) and _salted_columns(model) != _personal_names(model)
    ]


@register(Tags.models)
def check_nothing_cascades(**_: object) -> list[CheckMessage]:
    """Report foreign keys that would change or remove kept rows by themselves."""
    return [
        Error(
            f"{model._meta.label}.{field.name} would follow a deletion.",
            hint="Use on_delete=models.PROTECT; rows are archived, not deleted.",
            obj=model,
            id="audit.E005",
        )
        for model in _our_models()
        for field in model._meta.fields
        if field.remote_field
        and getattr(field.remote_field, "on_delete", None)
        not in (models.PROTECT, models.DO_NOTHING)
    ]


@register(Tags.database)
def check_guards_installed(
    databases: Iterable[str] | None = None, **_: object
) -> list[CheckMessage]:
    """Report guards that are missing or altered in the database.

    A warning, because `migrate` runs these checks first and is itself the cure; the
    server refuses to start.
    """
    return [
        Warning(
            f"Guard {sentence}",
            hint="Run `python3 manage.py migrate`.",
            id="audit.W001",
        )
        for sentence in _faults(differences, databases)
    ]


@register(Tags.database)
def check_hardening(
    databases: Iterable[str] | None = None, **_: object
) -> list[CheckMessage]:
    """Report what keeps a server from starting on a database said to be hardened.

    A warning, because `migrate` runs it too, and rightly as the owner.
    """
    return [
        Warning(
            f"A server would not start: {sentence}",
            hint="`migrate` and `harden_database` run as the owner all the same.",
            id="audit.W002",
        )
        for sentence in _faults(hardening_faults, databases)
    ]


@register(Tags.database)
def check_accounts(
    databases: Iterable[str] | None = None, **_: object
) -> list[CheckMessage]:
    """Report accounts and roles that were changed past the hub.

    A warning, because `migrate` runs it too; they count for nothing in any case.
    """
    if not databases:
        return []
    try:
        altered = list_altered_records()
    except (OperationalError, ProgrammingError):
        # Another check says that the database is away, or not migrated.
        return []
    return [
        Warning(
            f"{str(record._meta.verbose_name).capitalize()} {record.pk} was changed "
            "past the hub, and counts for nothing.",
            hint="Find out who did it. `manage.py accept_account` takes the account "
            "as it stands.",
            id="audit.W004",
        )
        for record in altered
    ]


@register(Tags.database)
def check_catalogue(
    databases: Iterable[str] | None = None, **_: object
) -> list[CheckMessage]:
    """Report what is not in the database as `migrate` left it.

    A warning, because `migrate` runs it too, and accepts what it finds.
    """
    return [
        Warning(
            f"The database is not as `migrate` left it: {sentence}",
            hint="Find out what changed it before `python3 manage.py migrate` as the "
            "owner accepts it.",
            id="audit.W003",
        )
        for sentence in _faults(catalogue_faults, databases)
    ]


@register(Tags.database)
def check_former_keys(
    databases: Iterable[str] | None = None, **_: object
) -> list[CheckMessage]:
    """Report rows that nothing opens once HOLDFAST_HASH_KEY_OLD is taken away."""
    if not databases:
        return []
    try:
        outdated = count_outdated()
    except (OperationalError, ProgrammingError):
        # Another check says that the database is away, or not migrated.
        return []
    return [
        Warning(
            f"{count} of {name} still need HOLDFAST_HASH_KEY_OLD.",
            hint="Run `manage.py renew_hash_key --yes`; docs/keys.md says what it "
            "leaves, and when the former key can go.",
            id="audit.W005",
        )
        for name, count in outdated.items()
    ]


def _faults(
    check: Callable[[str], list[str]], databases: Iterable[str] | None
) -> Iterator[str]:
    for alias in databases or [DEFAULT_DB_ALIAS]:
        # Another check says that the database is away.
        with suppress(OperationalError, ProgrammingError):
            yield from check(alias)


def _is_sealed(model: type[models.Model]) -> bool:
    return issubclass(model, SealedModel | SealedHistory)


def _personal_names(model: type[models.Model]) -> set[str]:
    return {field.name for field in personal_fields(model)}


def _salted_columns(model: type[models.Model]) -> set[str]:
    for constraint in model._meta.constraints:
        if constraint.name.endswith("_salted") and isinstance(
            constraint, models.CheckConstraint
        ):
            names = {key for key, _ in _flat(constraint.condition)}
            return {n.removesuffix("__isnull") for n in names} - {"salt"}
    return set()


def _flat(condition: Any) -> Iterable[tuple[str, object]]:
    for child in condition.children:
        if isinstance(child, tuple):
            yield child
        else:
            yield from _flat(child)
