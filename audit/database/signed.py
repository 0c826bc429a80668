"""Rows of accounts, bound to a key that is not in the database.

Whoever can write SQL could take a role, or give an account another one's password. A
MAC over the columns that decide is therefore checked whenever such a row is used. An
old row that is put back with its old MAC is not found out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import models, transaction

from audit.crypto import is_signature, signature, signatures
from audit.json_text import JsonValue


class AccountAltered(PermissionDenied):
    """A row of an account was changed past the hub, and counts for nothing."""

    code = "account_altered"

    def __init__(self, row: models.Model) -> None:
        what = str(row._meta.verbose_name).capitalize()
        super().__init__(
            f"{what} {row.pk} was changed past the hub. It counts for nothing until "
            "whoever runs the hub has looked at it and run manage.py accept_account."
        )


def mac_of(label: str, values: Iterable[object]) -> str:
    """Return the MAC over the values of one row, in the order that its table names.

    For migrations, in the form that every version takes: without the id of its key.
    """
    return signatures(*_parts(label, values))[1]


def is_mac_of(mac: str, label: str, values: Iterable[object]) -> bool:
    """Tell whether the hub has signed these values, in whichever form.

    For migrations, which have no methods of the model.
    """
    return is_signature(mac, *_parts(label, values))


def _parts(label: str, values: Iterable[object]) -> tuple[str, str, str]:
    return "account row", label, json.dumps([_json_safe(value) for value in values])


def _json_safe(value: object) -> JsonValue:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value) if isinstance(value, UUID) else value


def _columns(model: type[models.Model], names: Iterable[str] | None = None) -> set[str]:
    """Return the columns of these fields, or of all, as instances name them."""
    fields = model._meta.concrete_fields
    only = None if names is None else {*names}
    return {
        field.attname
        for field in fields
        if only is None or {field.name, field.attname} & only
    }


class SignedModel(models.Model):
    """A row whose columns `signed` are covered by its `mac`.

    A time counts as whether there is one. `save()` signs, and refuses a row that is
    not genuine: a forged row is not made good by the next person who changes
    something else. Nor does it sign what a row was when it was loaded: what another
    has written since then stays.
    """

    signed: ClassVar[tuple[str, ...]] = ()
    _was_genuine: bool | None = None
    _is_accepted = False
    # Each column as it was when this instance last met the database.
    _loaded: Mapping[str, object] = MappingProxyType({})

    mac = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row, signed.

        Of a row that exists, the columns are written that this instance has changed, or
        those of `update_fields`. The others are taken from the stored row, which is
        locked. After a rollback load the row anew: this instance takes for stored what
        it wrote. Raises AccountAltered for a row that was changed past the hub.
        """
        names = kwargs.get("update_fields")
        if self._state.adding or kwargs.get("force_insert"):
            self.sign()
            super().save(*args, **kwargs)
        elif names is not None and not _columns(type(self), names) & {*self.signed}:
            super().save(*args, **kwargs)
        else:
            with transaction.atomic():
                written = self._follow_stored(names) | {"mac"}
                super().save(*args, **{**kwargs, "update_fields": written})
            names = written
        self._remember(_columns(type(self), names))

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        row = super().from_db(*args, **kwargs)
        row._remember(_columns(cls))
        if not {"mac", *cls.signed} & row.get_deferred_fields():
            row._was_genuine = row.has_valid_mac()
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        super().refresh_from_db(using, fields, from_queryset)
        self._remember(_columns(type(self), fields))
        self._was_genuine = None

    def _follow_stored(self, names: Iterable[str] | None) -> set[str]:
        """Lock the stored row, take over the rest of it, and return what to write."""
        stored = type(self)._base_manager.select_for_update().get(pk=self.pk)
        if not self._is_accepted:
            stored.require_genuine()
        if names is None:
            written = self._changed()
            unchanged = _columns(type(self)) - written
        else:
            written = _columns(type(self), names)
            unchanged = {*self.signed} - written
        for name in unchanged:
            setattr(self, name, getattr(stored, name))
        self._remember(unchanged)
        self._was_genuine, self._is_accepted = True, False
        self.mac = self.compute_mac()
        return written

    def _changed(self) -> set[str]:
        """Return the columns that were set since the row was loaded."""
        return {
            name
            for name in _columns(type(self)) & self.__dict__.keys()
            if name not in self._loaded or self._loaded[name] != self.__dict__[name]
        }

    def _remember(self, names: Iterable[str]) -> None:
        values = {name: self.__dict__[name] for name in names if name in self.__dict__}
        self._loaded = {**self._loaded, **values}

    def compute_mac(self) -> str:
        """Return the MAC over the columns as they are now in memory."""
        return signature(*self._signed_parts())

    def _signed_parts(self) -> tuple[str, str, str]:
        values = []
        for name in self.signed:
            value = getattr(self, name)
            is_time = isinstance(self._meta.get_field(name), models.DateTimeField)
            values.append(value is not None if is_time else value)
        return _parts(self._meta.label_lower, values)

    def has_valid_mac(self) -> bool:
        """Tell whether `mac` fits the columns as they are now in memory."""
        return is_signature(self.mac, *self._signed_parts())

    @property
    def is_genuine(self) -> bool:
        """Whether the row was as the hub had written it when it was loaded."""
        if self._state.adding:
            return True
        if self._was_genuine is None:
            stored = type(self)._base_manager.filter(pk=self.pk).first()
            self._was_genuine = stored is not None and stored._was_genuine is True
        return self._was_genuine

    def accept(self) -> None:
        """Let the next `save()` sign the row as it is stored, whatever wrote it."""
        self._was_genuine = self._is_accepted = True

    def require_genuine(self) -> None:
        """Raise AccountAltered for a row that was changed past the hub."""
        if not self.is_genuine:
            raise AccountAltered(self)

    def sign(self) -> None:
        """Set `mac` for the columns as they are now. Raises AccountAltered."""
        self.require_genuine()
        self.mac = self.compute_mac()
