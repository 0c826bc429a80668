"""What is personal, declared once by each model and read from here by everyone.

A model names each of its text columns in `privacy = {"column": "class"}`. A history
table inherits the declaration of the model that it follows. What each class does:

| class | shown (see `masking`) | erased with the person |
|---|---|---|
| contact, trace, payment | masked in lists, and on pages by role; no sorting | yes |
| identity | clear; an address or number in it is masked as above | yes |
| behaviour, free_text | clear; so masked too, if it repeats what was sent | yes |
| public | clear | no |
| secret | never | no |
"""

from __future__ import annotations

from uuid import UUID

from django.db import models

PUBLIC = "public"
SECRET = "secret"  # noqa: S105 - the name of a class; such columns are never shown
PERSONAL = frozenset(
    {"identity", "contact", "behaviour", "payment", "trace", "free_text"}
)
CLASSES = PERSONAL | {PUBLIC, SECRET}

_SEAL = {"salt", "commitment"}
_TEXT = (models.CharField, models.TextField, models.JSONField, models.FileField)


def declaration(model: type[models.Model]) -> dict[str, str]:
    """Return column name to privacy class, as the model (or the tracked one) says."""
    followed: type[models.Model] | None = getattr(model, "instance_type", None)
    if followed is None:
        return dict(getattr(model, "privacy", {}))
    return {
        **declaration(followed),
        "history_change_reason": "free_text",
        "history_type": PUBLIC,
    }


def personal_fields(model: type[models.Model]) -> list[models.Field]:
    """Return the columns that an erasure empties, in model order."""
    classes = declaration(model)
    return [f for f in model._meta.fields if classes.get(f.name) in PERSONAL]


def public_fields(model: type[models.Model]) -> list[models.Field]:
    """Return every other column, without the primary key and the seal columns."""
    personal = {f.name for f in personal_fields(model)}
    return [
        f
        for f in model._meta.fields
        if f.name not in personal | _SEAL and not f.primary_key
    ]


def undeclared_fields(model: type[models.Model]) -> list[str]:
    """Return the text columns that the model forgot to classify."""
    declared = declaration(model)
    return [
        f.name
        for f in model._meta.fields
        if isinstance(f, _TEXT) and not f.choices and f.name not in declared
    ]


def misdeclared_fields(model: type[models.Model]) -> list[str]:
    """Return declared names that are no column, or that have an unknown class."""
    columns = {f.name for f in model._meta.fields}
    return sorted(
        name
        for name, kind in declaration(model).items()
        if name not in columns or kind not in CLASSES
    )


def has_subject(model: type[models.Model]) -> bool:
    """Tell whether instances of a model name a person."""
    return hasattr(model, "subject_id") or hasattr(model, "customer_id")


def subject_of(instance: object) -> UUID | None:
    """Return the person a row is about: its `subject_id`, else its customer."""
    subject: UUID | None = getattr(instance, "subject_id", None)
    if subject is None:
        subject = getattr(instance, "customer_id", None)
    return subject


def business_of(instance: object) -> UUID | None:
    """Return the business a row belongs to: its `tenant_id`, as the model says."""
    business_id: UUID | None = getattr(instance, "tenant_id", None)
    if business_id is None:
        business_id = getattr(instance, "business_id", None)
    return business_id
