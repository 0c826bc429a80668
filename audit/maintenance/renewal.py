"""A new HASH_KEY: what former keys have made is made again, counted, or ended.

Each app says which of its columns a key has made. What can be computed is signed or
encrypted again; of what is stored as a hash alone, each row follows when its secret is
used next, or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from audit.accounts.mails import notify
from audit.accounts.pin_enrolment import release_pin
from audit.accounts.pin_hashes import newest_version
from audit.crypto import decrypt, encrypt, newest_mark
from audit.database.batches import in_batches
from audit.database.signed import SignedModel
from audit.history.models import TrackedModel
from audit.log.recording import record
from audit.models import (
    Authenticator,
    IdempotentResponse,
    KeptCatalogue,
    PinCredential,
    RecoveryCode,
)
from audit.tenancy.actors import Actor

_REASON = "a new HOLDFAST_HASH_KEY"
# Rows of one transaction: each may be a file of megabytes, or leave a history row.
_BATCH = 10
# Keys of rows that are read at a time; each is some bytes.
_READ = 500
# Each takes rows of its own table.
_Act = Callable[[Any, Actor], bool]


@dataclass(frozen=True)
class KeyedColumn:
    """A column that HASH_KEY has made, and what becomes of it under a new one.

    `rows` are those that count. `renew` changes one of them, which is locked, and tells
    whether it could; without it a row waits for its secret. `end` lets one go.
    """

    all_instances: Callable[[], QuerySet[Model]]
    column: str
    renew: _Act | None = None
    end: _Act | None = None
    newest: Callable[[], str] = newest_mark

    @property
    def name(self) -> str:
        """What the rows are called."""
        return str(self.all_instances().model._meta.verbose_name_plural)

    def outdated(self) -> QuerySet[Model]:
        """Return the rows that a former key has made."""
        queryset = self.all_instances().exclude(**{self.column: ""})
        return queryset.exclude(**{f"{self.column}__startswith": self.newest()})


_columns: list[KeyedColumn] = []


def register_keyed(column: KeyedColumn) -> None:
    """Add a column of an app above; in AppConfig.ready()."""
    _columns.append(column)


def _pk_bytes(instance: Model) -> bytes:
    pk: bytes = instance.pk.bytes
    return pk


def sealed_column(
    all_instances: Callable[[], QuerySet[Model]],
    column: str,
    *,
    purpose: str,
    owner: Callable[[Any], bytes] = _pk_bytes,
) -> KeyedColumn:
    """Return a column of boxes; `owner` says what the box of a row is bound to."""

    def renew(instance: Model, actor: Actor) -> bool:
        bound = owner(instance)
        try:
            data = decrypt(getattr(instance, column), purpose=purpose, owner=bound)
        except (InvalidTag, ValueError):
            return False
        setattr(instance, column, encrypt(data, purpose=purpose, owner=bound))
        _write(instance, column, actor)
        return True

    return KeyedColumn(all_instances, column, renew)


def count_outdated() -> dict[str, int]:
    """Return how many rows still need a former HASH_KEY, by what they are.

    Nothing while no former key is named in the settings.
    """
    if not settings.HASH_KEYS_OLD:
        return {}
    counts: dict[str, int] = {}
    for column in _all_columns():
        if count := column.outdated().count():
            counts[column.name] = counts.get(column.name, 0) + count
    return counts


def renew_outdated(*, actor: Actor) -> Iterator[tuple[str, int, int]]:
    """Sign and encrypt again what a former key has made, a few rows at a time.

    Yields what it works at, and how many rows of how many are done. What is done stays
    so, with an event of each batch; run again, it goes on. A row that was changed past
    the hub is left as it is.
    """
    for column in _all_columns():
        if column.renew is not None:
            yield from _through(column, column.renew, actor, "keys.renewed")


def end_outdated(*, actor: Actor) -> Iterator[tuple[str, int, int]]:
    """End what still needs a former key and could not follow; its people get a mail."""
    for column in _all_columns():
        if column.end is not None:
            yield from _through(column, column.end, actor, "keys.ended")


def _through(
    column: KeyedColumn, act: _Act, actor: Actor, action: str
) -> Iterator[tuple[str, int, int]]:
    if not settings.HASH_KEYS_OLD:
        return
    done, of = 0, column.outdated().count()
    for _number, batch in in_batches(_keys(column), _BATCH):
        with transaction.atomic(durable=True):
            locked = column.outdated().filter(pk__in=batch)
            locked = locked.select_for_update(of=("self",))
            count = sum(act(instance, actor) for instance in locked)
            if count:
                # With the rows: it may be stopped after any batch.
                record(action, actor=actor, data={"rows": count, "of": column.name})
        done += count
        yield column.name, done, of


def _keys(column: KeyedColumn) -> Iterator[object]:
    """Yield the keys of the rows, the next ones read when those before are done."""
    pks = column.outdated().order_by("pk").values_list("pk", flat=True)
    batch = list(pks[:_READ])
    while batch:
        yield from batch
        batch = list(pks.filter(pk__gt=batch[-1])[:_READ])


def _write(instance: Model, column: str, actor: Actor) -> None:
    if isinstance(instance, TrackedModel):
        instance.as_actor(actor, reason=_REASON)
    instance.save(update_fields=[column])


def _sign(instance: SignedModel, actor: Actor) -> bool:
    if not instance.is_genuine:
        return False
    instance.sign()
    _write(instance, "mac", actor)
    return True


def _end_code(code: RecoveryCode, actor: Actor) -> bool:
    code.delete()
    if not RecoveryCode.objects.filter(user=code.user, used_at=None).exists():
        notify(
            code.user,
            _("Your recovery codes have ended"),
            _(
                "Your recovery codes open nothing any more, because a key of this site "
                "was replaced. Make new ones at Your account, Second factor."
            ),
            actor=actor,
        )
    return True


def _end_pin(credential: PinCredential, actor: Actor) -> bool:
    return release_pin(credential.user, actor=actor)


def _all_columns() -> list[KeyedColumn]:
    return [*_audit_columns(), *_columns]


def _audit_columns() -> Iterator[KeyedColumn]:
    for model in apps.get_models():
        if issubclass(model, SignedModel):
            yield KeyedColumn(model._base_manager.all, "mac", _sign)
    seeds, answers = Authenticator.objects.all, IdempotentResponse.objects.all
    yield sealed_column(
        seeds,
        "sealed_seed",
        purpose="authenticator seed",
        owner=lambda one: one.user_id.bytes,
    )
    yield sealed_column(
        answers, "response", purpose="answer", owner=lambda one: one.name.encode()
    )
    codes = RecoveryCode.objects.filter(used_at=None).select_related("user")
    yield KeyedColumn(codes.all, "code_hash", end=_end_code)
    pins = PinCredential.objects.select_related("user")
    yield KeyedColumn(pins.all, "pepper_version", end=_end_pin, newest=newest_version)
    # `migrate` signs it, as the owner: the runtime role must not be able to.
    yield KeyedColumn(KeptCatalogue.objects.all, "mac")
