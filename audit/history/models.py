"""No change without a history row: base classes for models of every app.

A tracked row is changed as somebody: `row.by(actor, reason=…).save()` or
`Model.objects.by(actor, reason=…).update(…)`. Each way of Django's ORM to change rows
either writes history or refuses; the guards keep what was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import NotSupportedError, connections, models, router, transaction
from django.db.models import F
from django.db.models.sql import UpdateQuery
from django.utils import timezone
from simple_history.models import HistoricalRecords

from audit.database.sealed import SealedHistory, sealed_constraints
from audit.fields import NullTextField
from audit.ids import uuid7
from audit.privacy.classes import personal_fields
from audit.tenancy.actors import Actor

_M = TypeVar("_M", bound=models.Model)
_BATCH = 500


@dataclass(frozen=True)
class Change:
    """Who changes a row, and why."""

    actor: Actor
    reason: str | None = None


def _refuse(what: str, instead: str) -> NoReturn:
    msg = f"{what} would change rows without history. {instead}"
    raise NotSupportedError(msg)


def view_right(model: type[models.Model]) -> str:
    """Return the name of the right to look at the rows of a table."""
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


class ScopedQuerySet(models.QuerySet[_M]):
    """Rows that belong to a business."""

    business_field = "business_id"

    def visible_to(self, actor: Actor, permission: str = "") -> Self:
        """Keep the rows of businesses where the actor has a right: to view, if unsaid.

        The one tenant filter: every page, endpoint, import and export passes here.
        """
        ids = actor.businesses_for(permission or view_right(self.model))
        return (
            self if ids is None else self.filter(**{f"{self.business_field}__in": ids})
        )


class TrackedQuerySet(ScopedQuerySet[_M]):
    """A queryset whose writes leave history, or refuse."""

    _change: Change | None = None

    def by(self, actor: Actor, *, reason: str | None = None) -> Self:
        """Say who writes through this queryset, and why."""
        clone = self.all()
        clone._change = Change(actor, reason)
        return clone

    def create(self, **kwargs: Any) -> _M:
        row = self.model(**kwargs)
        row._change = self._change  # type: ignore[attr-defined]
        self._for_write = True
        row.save(force_insert=True, using=self.db)
        return row

    def update(self, **values: Any) -> int:
        """Update the rows in key order and write one history row for each.

        Runs in one transaction and locks the rows, so that two of these cannot
        deadlock. Raises NotSupportedError when nobody was named with `by()`.
        """
        change = _required(self._change, "update()")
        _refuse_underived(self.model, values)
        values = {**_stamps(self.model), **values}
        plain = self.model._base_manager.using(self.db)
        with transaction.atomic(using=self.db):
            keys = self.order_by("pk").select_for_update(of=("self",), no_key=True)
            ids = list(keys.values_list("pk", flat=True))
            for batch in _batches(ids):
                query: Any = plain.filter(pk__in=batch).query.chain(UpdateQuery)
                query.add_update_values(values)
                rows = _rows_of_update(plain, query)
                _write_history(rows, "~", change, using=self.db)
        return len(ids)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(  # type: ignore[override]  # noqa: PLR0917 - Django's signature
        self,
        objs: Iterable[_M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        update_conflicts: bool = False,  # noqa: FBT001, FBT002
        update_fields: Sequence[str] | None = None,
        unique_fields: Sequence[str] | None = None,
    ) -> list[_M]:
        if ignore_conflicts or update_conflicts:
            _refuse("bulk_create() with conflicts", "Look the rows up first.")
        change = _required(self._change, "bulk_create()")
        objs = list(objs)
        for row in objs:
            row.derive()  # type: ignore[attr-defined]
        with transaction.atomic(using=self.db):
            rows = super().bulk_create(objs, batch_size)
            for batch in _batches(rows):
                _write_history(batch, "+", change, using=self.db)
        return rows

    def bulk_update(
        self, objs: Iterable[_M], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        objs = list(objs)
        for row in objs:
            row.derive()  # type: ignore[attr-defined]
        names = {*fields, *derived_from(self.model, fields)}
        return super().bulk_update(objs, sorted(names), batch_size)

    def delete(self) -> NoReturn:
        _refuse("delete()", "Archive the rows.")

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _raw_delete(self, using: str | None) -> NoReturn:
        _refuse("_raw_delete()", "Archive the rows.")

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._change = self._change
        return clone

    def _fetch_all(self) -> None:
        super()._fetch_all()
        if self._change is not None:
            for row in self._result_cache or ():
                if isinstance(row, TrackedModel):
                    row._change = self._change


class ChangeLog(HistoricalRecords):
    """simple-history's tables, filled by this module alone.

    The library's own signals run after the save, outside its transaction, and copy
    the instance instead of the stored row.
    """

    def add_extra_methods(self, cls: type[models.Model]) -> None:
        def save_without_historical_record(*_: Any, **__: Any) -> NoReturn:
            _refuse("save_without_historical_record()", "Call save().")

        cls.save_without_historical_record = save_without_historical_record  # type: ignore[attr-defined]

    def finalize(self, sender: type[models.Model], **kwargs: Any) -> None:
        super().finalize(sender, **kwargs)
        if hasattr(sender._meta, "simple_history_manager_attribute"):
            models.signals.pre_save.connect(_refuse_bare_save, sender=sender)

    def post_save(self, *_: Any, **__: Any) -> None:
        return

    def post_delete(self, *_: Any, **__: Any) -> None:
        return

    def pre_delete(self, *_: Any, **__: Any) -> None:
        _refuse("delete()", "Archive the row.")

    def _get_history_change_reason_field(self) -> models.Field[Any, Any]:
        return NullTextField()

    def _get_history_id_field(self) -> models.Field[Any, Any]:
        return models.UUIDField(primary_key=True, default=uuid7, editable=False)

    def _get_history_user_fields(self) -> dict[str, models.Field[Any, Any]]:
        # No foreign key: the name of the actor must outlive the account.
        return {"history_user_id": models.UUIDField(null=True, db_index=True)}

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        options: dict[str, Any] = super().get_meta_options(model)
        table = f"{model._meta.app_label}_h_{model._meta.model_name}"
        personal = [f.name for f in personal_fields(model)]
        options["constraints"] = sealed_constraints(
            table, [*personal, "history_change_reason"]
        )
        return options


def _refuse_bare_save(instance: TrackedModel, **_: Any) -> None:
    if not instance._is_saving:
        _refuse("loaddata or save_base()", "Call save().")


class TrackedModel(models.Model):
    """A row that staff and services change, each change kept in its history."""

    privacy: ClassVar[dict[str, str]] = {}
    # Each column that `derive()` computes, and what it is computed from.
    derived: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    _change: Change | None = None
    _is_saving = False
    # What an update has stored, until its history is written.
    _stored: models.Model | None = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TrackedQuerySet.as_manager()
    history = ChangeLog(inherit=True, bases=[SealedHistory], no_db_index=["business"])

    class Meta:
        abstract = True
        # Related managers and `_base_manager` must not be a way round.
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row and its history in one transaction.

        The history row of an update holds what the database says it has stored, not
        what a stale instance believed. Raises NotSupportedError when nobody was named
        with `by()`.
        """
        change = _required(self._change, "save()")
        if hasattr(self, "_history_date"):
            _refuse("A back-dated history row", "Remove `_history_date`.")
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        is_new = self._state.adding
        self.derive()
        if not is_new:
            _stamp(self, kwargs)
        with transaction.atomic(using=using):
            self._is_saving = True
            try:
                super().save(*args, **kwargs)
            finally:
                self._is_saving = False
            row = self if is_new else self._take_over(kwargs.get("update_fields"))
            _write_history([row], "+" if is_new else "~", change, using=using)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        _refuse("delete()", "Archive the row.")

    def by(self, actor: Actor, *, reason: str | None = None) -> Self:
        """Say who changes this row, and why; lasts for the life of the instance."""
        self._change = Change(actor, reason)
        return self

    def derive(self) -> None:
        """Compute the columns named in `derived`; before each write and validation."""

    def clean(self) -> None:
        super().clean()
        self.derive()

    def validate_constraints(self, exclude: Any = None) -> None:
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
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, *_: Any, **__: Any
    ) -> Any:
        """Update the row and take what is stored now out of the same statement."""
        query = base_qs.filter(pk=pk_val).query.chain(UpdateQuery)
        query.add_update_fields(values)
        self._stored = next(iter(_rows_of_update(base_qs, query)), None)
        return self._stored is not None

    def _take_over(self, update_fields: Iterable[str] | None) -> models.Model:
        """Return the row as it was stored; after a whole save this one is the same."""
        row, self._stored = self._stored, None
        if row is None:
            # Django inserts a row that is there no more.
            return self
        whole = (field.attname for field in self._meta.concrete_fields)
        for name in whole if update_fields is None else _stamps(type(self)):
            setattr(self, name, getattr(row, name))
        return row


def _rows_of_update(rows: models.QuerySet[Any, Any], query: Any) -> list[Any]:
    """Update rows and return them as they are stored now, in one statement."""
    sql, params = query.get_compiler(rows.db).as_sql()
    quote = connections[rows.db].ops.quote_name
    columns = ", ".join(quote(f.column) for f in rows.model._meta.concrete_fields)
    return list(rows.raw(f"{sql} RETURNING {columns}", params, using=rows.db))


def _required(change: Change | None, what: str) -> Change:
    if change is None:
        _refuse(f"{what} by nobody", "Say who: `.by(actor, reason=…)` first.")
    return change


def _stamps(model: type[models.Model]) -> dict[str, Any]:
    """Return what every update sets: the time, and one more revision if counted."""
    stamps: dict[str, Any] = {"updated_at": timezone.now()}
    if any(field.name == "rev" for field in model._meta.fields):
        stamps["rev"] = F("rev") + 1
    return stamps


def _stamp(row: TrackedModel, options: dict[str, Any]) -> None:
    stamps = _stamps(type(row))
    for name, value in stamps.items():
        setattr(row, name, value)
    if (names := options.get("update_fields")) is not None:
        options["update_fields"] = {*names, *stamps, *derived_from(type(row), names)}


def derived_from(model: type[Any], names: Iterable[str]) -> set[str]:
    """Return the columns that follow when these change."""
    changed = set(names)
    return {
        name for name, source in model.derived.items() if changed & _sources(source)
    }


def _sources(source: str | tuple[str, ...]) -> set[str]:
    return {source} if isinstance(source, str) else set(source)


def _refuse_underived(model: type[Any], values: dict[str, Any]) -> None:
    # One value for all rows cannot be what `derive()` computes for each of them.
    for name, source in model.derived.items():
        if (name in values) != bool(_sources(source) & set(values)):
            msg = f"update() would part {source} and {name}. Use bulk_update()."
            raise NotSupportedError(msg)


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


@cache
def history_model(model: Any) -> Any:
    """Return the history table of a tracked model.

    Kept, because `Model.history` makes a new manager class each time it is read.
    """
    return model.history.model


def history_rows(
    rows: Iterable[models.Model], kind: str, change: Change
) -> list[models.Model]:
    """Return unsaved history rows that copy `rows` as they are now.

    `kind` is "+" for created and "~" for changed.
    """
    now = timezone.now()
    built = []
    for row in rows:
        log = history_model(type(row))
        values = {f.attname: getattr(row, f.attname) for f in log.tracked_fields}
        built.append(
            log(
                history_date=now,
                history_type=kind,
                history_user_id=change.actor.user_id,
                history_change_reason=change.reason,
                operation_id=change.actor.operation.id,
                **values,
            )
        )
    return built


def _write_history(
    rows: Iterable[models.Model], kind: str, change: Change, *, using: str
) -> None:
    built = history_rows(rows, kind, change)
    if not built:
        return
    operations: Any = apps.get_model("audit", "Operation").objects
    operations.using(using).ensure(change.actor)
    type(built[0])._base_manager.using(using).bulk_create(built)


def tracked_models() -> list[type[TrackedModel]]:
    """Return every model that keeps history."""
    return [model for model in apps.get_models() if issubclass(model, TrackedModel)]
