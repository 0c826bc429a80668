"""Querysets that keep to the businesses of an actor, and whose writes leave history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from django.db import NotSupportedError, models, transaction
from django.db.models.sql import UpdateQuery

from audit.database.batches import batched
from audit.history.writing import (
    Authorship,
    derived_from,
    refuse,
    require_authorship,
    sources_of,
    stamps_of,
    update_returning,
    write_history,
)
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from audit.history.models import TrackedModel

_M = TypeVar("_M", bound=models.Model)
_T = TypeVar("_T", bound="TrackedModel")
_BATCH = 500


def view_permission(model: type[models.Model]) -> str:
    """Return the name of the permission to look at the rows of a table."""
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


class ScopedQuerySet(models.QuerySet[_M]):
    """Rows that belong to a business."""

    business_field = "business_id"

    def visible_to(self, actor: Actor, permission: str = "") -> Self:
        """Keep rows of businesses where the actor has a permission; `view_…` if unsaid.

        The one tenant filter: every page, endpoint, import and export passes here.
        """
        ids = actor.businesses_for(permission or view_permission(self.model))
        return (
            self if ids is None else self.filter(**{f"{self.business_field}__in": ids})
        )


class TrackedQuerySet(ScopedQuerySet[_T]):
    """A queryset whose writes leave history, or refuse."""

    _authorship: Authorship | None = None

    def as_actor(self, actor: Actor, *, reason: str | None = None) -> Self:
        """Return a copy whose writes are by this actor, for this reason."""
        clone = self.all()
        clone._authorship = Authorship(actor, reason)
        return clone

    def create(self, **kwargs: object) -> _T:
        instance = self.model(**kwargs)
        instance._authorship = self._authorship
        self._for_write = True
        instance.save(force_insert=True, using=self.db)
        return instance

    def update(self, **values: object) -> int:
        """Update the rows in key order and write one history row for each.

        Runs in one transaction and locks the rows, so that two of these cannot
        deadlock. Raises NotSupportedError when no actor was set with `as_actor()`.
        """
        require_authorship(self._authorship, "update()")
        with transaction.atomic(using=self.db):
            keys = self.order_by("pk").select_for_update(of=("self",), no_key=True)
            ids = list(keys.values_list("pk", flat=True))
            self.update_locked(ids, **values)
        return len(ids)

    update.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own

    def update_locked(self, ids: Iterable[object], **values: object) -> list[_T]:
        """Update rows that the caller has locked; return them as they are stored now.

        Writes one history row for each, in the caller's transaction. Raises
        TransactionManagementError outside of one.
        """
        authorship = require_authorship(self._authorship, "update_locked()")
        if not transaction.get_connection(self.db).in_atomic_block:
            msg = "Rows are locked in a transaction alone: use transaction.atomic()."
            raise transaction.TransactionManagementError(msg)
        _refuse_underived(self.model, values)
        values = {**stamps_of(self.model), **values}
        plain = self.model._base_manager.using(self.db)
        stored: list[_T] = []
        for batch in batched(ids, _BATCH):
            # The stubs promise a query of any kind.
            query: Any = plain.filter(pk__in=batch).query.chain(UpdateQuery)
            query.add_update_values(values)
            updated = update_returning(plain, query)
            write_history(
                updated, "~", authorship, using=self.db, columns=values.keys()
            )
            stored += updated
        return stored

    update_locked.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own
    update_locked.queryset_only = True  # type: ignore[attr-defined]  # as Django marks its own

    def bulk_create(  # type: ignore[override]  # noqa: PLR0917 - Django's signature
        self,
        objs: Iterable[_T],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        update_conflicts: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        update_fields: Sequence[str] | None = None,
        unique_fields: Sequence[str] | None = None,
    ) -> list[_T]:
        if ignore_conflicts or update_conflicts:
            refuse("bulk_create() with conflicts", "Look the rows up first.")
        authorship = require_authorship(self._authorship, "bulk_create()")
        objs = _derived(objs)
        with transaction.atomic(using=self.db):
            created = super().bulk_create(objs, batch_size)
            for batch in batched(created, _BATCH):
                write_history(batch, "+", authorship, using=self.db)
        return created

    def bulk_update(
        self, objs: Iterable[_T], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        objs = _derived(objs)
        names = {*fields, *derived_from(self.model, fields)}
        return super().bulk_update(objs, sorted(names), batch_size)

    def delete(self) -> NoReturn:
        refuse("delete()", "Archive the rows.")

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own
    delete.queryset_only = True  # type: ignore[attr-defined]  # as Django marks its own

    def _raw_delete(self, using: str | None) -> NoReturn:
        refuse("_raw_delete()", "Archive the rows.")

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # not in the stubs
        clone._authorship = self._authorship
        return clone

    def _fetch_all(self) -> None:
        super()._fetch_all()
        if self._authorship is not None:
            for instance in self._result_cache or ():
                if isinstance(instance, self.model):
                    instance._authorship = self._authorship


def _refuse_underived(model: type[TrackedModel], values: dict[str, object]) -> None:
    # One value for all rows cannot be what `derive()` computes for each of them.
    for name, source in model.derived.items():
        if (name in values) != bool(sources_of(source) & set(values)):
            msg = f"update() would part {source} and {name}. Use bulk_update()."
            raise NotSupportedError(msg)


def _derived(objs: Iterable[_T]) -> list[_T]:
    """Return the rows with the columns that are computed from others."""
    instances = list(objs)
    for instance in instances:
        instance.derive()
    return instances
