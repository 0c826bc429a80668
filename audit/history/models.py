"""No change without a history row: base classes for models of every app.

A tracked row is changed by an actor: `row.as_actor(actor, reason=…).save()` or
`Model.objects.as_actor(actor, reason=…).update(…)`. Each way of Django's ORM to change
rows either writes history or refuses; the guards keep what was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, NoReturn, Self

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models, router, transaction
from django.db.models.sql import UpdateQuery
from django.utils import timezone
from simple_history.models import HistoricalRecords

from audit.database.sealed import SealedHistory, sealed_constraints
from audit.fields import NullTextField
from audit.history.querysets import TrackedQuerySet
from audit.history.writing import (
    Authorship,
    derived_from,
    refuse,
    require_authorship,
    stamps_of,
    update_returning,
    write_history,
)
from audit.ids import uuid7
from audit.privacy.classes import personal_fields
from audit.tenancy.actors import Actor


class ChangeLog(HistoricalRecords):
    """simple-history's tables, filled by this module alone.

    The library's own signals run after the save, outside its transaction, and copy
    the instance instead of the stored row.
    """

    def add_extra_methods(self, cls: type[models.Model]) -> None:
        def save_without_historical_record(*_: object, **__: object) -> NoReturn:
            refuse("save_without_historical_record()", "Call save().")

        cls.save_without_historical_record = save_without_historical_record  # type: ignore[attr-defined]  # the library sets it on the class

    def finalize(self, sender: type[models.Model], **kwargs: object) -> None:
        super().finalize(sender, **kwargs)
        if hasattr(sender._meta, "simple_history_manager_attribute"):
            models.signals.pre_save.connect(_refuse_bare_save, sender=sender)

    def post_save(self, *_: object, **__: object) -> None:
        return

    def post_delete(self, *_: object, **__: object) -> None:
        return

    def pre_delete(self, *_: object, **__: object) -> None:
        refuse("delete()", "Archive the row.")

    def _get_history_change_reason_field(self) -> models.Field:
        return NullTextField()

    def _get_history_id_field(self) -> models.Field:
        return models.UUIDField(primary_key=True, default=uuid7, editable=False)

    def _get_history_user_fields(self) -> dict[str, models.Field]:
        # No foreign key: the name of the actor must outlive the account.
        return {"history_user_id": models.UUIDField(null=True, db_index=True)}

    def get_meta_options(self, model: type[models.Model]) -> dict[str, object]:
        options: dict[str, object] = super().get_meta_options(model)
        table = f"{model._meta.app_label}_h_{model._meta.model_name}"
        personal = [f.name for f in personal_fields(model)]
        options["constraints"] = sealed_constraints(
            table, [*personal, "history_change_reason"]
        )
        return options


def _refuse_bare_save(instance: TrackedModel, **_: object) -> None:
    if not instance._is_saving:
        refuse("loaddata or save_base()", "Call save().")


class TrackedModel(models.Model):
    """A row that staff and services change, each change kept in its history."""

    privacy: ClassVar[dict[str, str]] = {}
    # Each column that `derive()` computes, and what it is computed from.
    derived: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    _authorship: Authorship | None = None
    _is_saving = False
    # What an update has stored, until its history is written.
    _stored: TrackedModel | None = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TrackedQuerySet.as_manager()
    history = ChangeLog(inherit=True, bases=[SealedHistory], no_db_index=["business"])

    class Meta:
        abstract = True
        # Related managers and `_base_manager` must not be a way round.
        base_manager_name = "objects"

    def save(
        self,
        *args: Any,
        savepoint: bool = True,
        changed: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the row and its history in one transaction.

        The history row of an update holds what the database says it has stored, not
        what a stale instance believed. Without a savepoint the caller's transaction
        ends if this fails. `changed` are the columns in which it differs from the row
        that the caller has locked, and spare projections of others. Raises
        NotSupportedError when no actor was set with `as_actor()`.
        """
        authorship = require_authorship(self._authorship, "save()")
        if hasattr(self, "_history_date"):
            refuse("A back-dated history row", "Remove `_history_date`.")
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        is_new = self._state.adding
        self.derive()
        if not is_new:
            _stamp(self, kwargs)
        with transaction.atomic(using=using, savepoint=savepoint):
            self._is_saving = True
            try:
                super().save(*args, **kwargs)
            finally:
                self._is_saving = False
            columns = kwargs.get("update_fields")
            instance = self if is_new else self._take_over(columns)
            columns = changed if columns is None else columns
            write_history(
                [instance],
                "+" if is_new else "~",
                authorship,
                using=using,
                columns=columns,
            )

    def delete(self, *_: object, **__: object) -> NoReturn:
        refuse("delete()", "Archive the row.")

    def as_actor(self, actor: Actor, *, reason: str | None = None) -> Self:
        """Set who changes this instance and why, for as long as it lives."""
        self._authorship = Authorship(actor, reason)
        return self

    def derive(self) -> None:
        """Compute the columns named in `derived`; before each write and validation."""

    def clean(self) -> None:
        super().clean()
        self.derive()

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check every rule, those on columns that a form does not show included.

        Django skips a rule as soon as one of its columns is not on the form; the
        database would then answer with an error page instead of a sentence.
        """
        super().validate_constraints(
            exclude={name for name in exclude or () if self._is_wrong(name)}
        )

    def _is_wrong(self, name: str) -> bool:
        """Tell whether a column already has an error of its own."""
        field: Any = type(self)._meta.get_field(name)
        value = getattr(self, field.attname)
        if field.is_relation or (field.blank and value in field.empty_values):
            return False
        try:
            field.clean(value, self)
        except ValidationError:
            return True
        return False

    def _do_update(
        self,
        base_qs: models.QuerySet[Self],
        using: str | None,
        pk_val: object,
        values: Collection[tuple[models.Field, type[models.Model] | None, object]],
        *_: object,
        **__: object,
    ) -> Any:  # It has changed from one Django to the next.
        """Update the row and take what is stored now out of the same statement."""
        # The stubs promise a query of any kind.
        query: Any = base_qs.filter(pk=pk_val).query.chain(UpdateQuery)
        query.add_update_fields(values)
        self._stored = next(iter(update_returning(base_qs, query)), None)
        return self._stored is not None

    def _take_over(self, update_fields: Iterable[str] | None) -> TrackedModel:
        """Return the row as it was stored; after a whole save this one is the same."""
        stored, self._stored = self._stored, None
        if stored is None:
            # Django inserts a row that is there no more.
            return self
        whole = (field.attname for field in self._meta.concrete_fields)
        for name in whole if update_fields is None else stamps_of(type(self)):
            setattr(self, name, getattr(stored, name))
        return stored


def _stamp(obj: TrackedModel, options: dict[str, Any]) -> None:
    stamps = stamps_of(type(obj))
    for name, value in stamps.items():
        setattr(obj, name, value)
    if (names := options.get("update_fields")) is not None:
        options["update_fields"] = {*names, *stamps, *derived_from(type(obj), names)}


def tracked_models() -> list[type[TrackedModel]]:
    """Return every model that keeps history."""
    return [model for model in apps.get_models() if issubclass(model, TrackedModel)]
