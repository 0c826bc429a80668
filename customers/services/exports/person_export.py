"""All personal data of one customer as JSON, and a link that can be used once.

The tables are found by walking the relations of `Customer`, so a new one, also one of
another app, is included without being named here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from django.core import signing
from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import accounts, clock, log
from audit.fields import CommitmentField, SaltField
from audit.history.models import TrackedModel
from audit.history.writing import history_model
from audit.ids import uuid7
from audit.privacy.classes import SECRET, declaration
from audit.rest import idempotency
from audit.tenancy.actors import Actor
from customers.models import Customer
from customers.selectors.customers import list_visible
from customers.services.money.money_rules import StepUp

if TYPE_CHECKING:
    from audit.models import Event

# A name, and what is exported under it.
Section = tuple[str, models.QuerySet]
_registered: list[Callable[[Customer], Section]] = []
# Columns of a row, or of a version of it, that are of somebody else than the customer.
Withheld = Callable[[models.Model, Customer], Collection[str]]
_withheld: dict[type[models.Model], Withheld] = {}
EXPORT = "customers.export_customer"
_VALID = timedelta(minutes=10)
_SALT = "customers.person_export"
_BATCH = 200
# Technical columns, which are no data about the person.
_OURS = frozenset(
    {"business", "fingerprint", "operation_id", "state_hash", "wording_hash"}
)
# How a hash under HASH_KEY begins.
_KEYED = "h1:"
_EVENT_DATA = {"profile": "person", "format": "json"}


class LinkUsed(Exception):  # noqa: N818 - what happened, not a fault of the code
    """The link was used already, or its ten minutes are over."""


@dataclass(frozen=True)
class PersonLink:
    """A token that opens an export once, for its user, until `expires_at`."""

    token: str
    expires_at: datetime


@transaction.atomic
def make_person_link(
    customer: Customer, *, actor: Actor, reason: str, step_up: StepUp | None = None
) -> PersonLink:
    """Return a link to the export of a customer, after `step_up`.

    Raises PermissionDenied without the permission to export customers.
    """
    actor.require_perm(customer.business_id, EXPORT)
    if step_up is not None:
        digest = accounts.digest_of(
            "export_person", customer=str(customer.pk), reason=reason
        )
        what = _("Export everything about %(customer)s")
        step_up(digest, what % {"customer": customer.unique_id})
    event = log.record(
        "export.requested",
        customer,
        actor=actor,
        subjects=[customer.pk],
        reason=reason,
        data=_EVENT_DATA,
    )
    grant_id = actor.operation.grant_id
    until = clock.now() + _VALID
    claims = {
        "customer": str(customer.pk),
        "user": str(actor.id),
        "grant": None if grant_id is None else str(grant_id),
        "asked": str(event.pk),
        "once": str(uuid7()),
        "until": until.timestamp(),
    }
    token = signing.dumps(claims, salt=_SALT)
    return PersonLink(token, until)


def open_person_link(token: str, *, actor: Actor) -> tuple[Customer, Iterator[bytes]]:
    """Use a link; return the customer and the file, in parts.

    Raises DoesNotExist for a forged link and one of another user, LinkUsed for one that
    was used or is older than ten minutes, PermissionDenied without the permission to
    export customers.
    """
    try:
        claims = signing.loads(token, salt=_SALT)
    except signing.BadSignature as error:
        raise ObjectDoesNotExist from error
    if claims["user"] != str(actor.id):
        raise ObjectDoesNotExist
    if not clock.lasts(claims.get("until", 0), _VALID):
        raise LinkUsed
    rows = list_visible(Customer, actor=actor).select_related("business", "stats")
    customer = rows.get(pk=claims["customer"])
    actor.require_perm(customer.business_id, EXPORT)
    grant_id = claims["grant"] and UUID(claims["grant"])
    with transaction.atomic():
        if not idempotency.use_once(_SALT, claims["once"]):
            raise LinkUsed
        reason = _reason_of(claims["asked"], actor)
        parts = export_person(customer, actor=actor, reason=reason, grant_id=grant_id)
    return customer, parts


def _reason_of(event_id: str, actor: Actor) -> str | None:
    """Return the reason of the link; it is not in the link, which may be logged."""
    events = log.list_events(actor=actor, permission=EXPORT)
    event = events.filter(pk=event_id).first()
    return event.reason if event else None


def export_person(
    customer: Customer,
    *,
    actor: Actor,
    reason: str | None = None,
    grant_id: UUID | None = None,
) -> Iterator[bytes]:
    """Return all data of one customer as JSON, row by row.

    Rows of every table that refers to the customer, their history, and the access
    events; without secrets, seals and hashes. Memory is flat. Start and end are events,
    the end one with the number of rows. Raises PermissionDenied without the permission
    to export customers.
    """
    actor.require_perm(customer.business_id, EXPORT)
    started = log.record(
        "export.started",
        customer,
        actor=actor,
        subjects=[customer.pk],
        reason=reason,
        data=_EVENT_DATA,
        grant_id=grant_id,
    )
    return _written(customer, actor, started.pk, grant_id)


def _written(
    customer: Customer, actor: Actor, export_id: UUID, grant_id: UUID | None
) -> Iterator[bytes]:
    count = 0
    head = {
        "exported_at": timezone.now(),
        "business": customer.business.name,
        "customer": _row(customer),
    }
    yield _json(head)[:-1]
    for name, rows in _sections(customer, actor):
        yield b"," + _json(name) + b":["
        separator = b""
        represent = _access if name == "access" else _row_about(customer, rows.model)
        for row in rows.iterator(chunk_size=_BATCH):
            yield separator + _json(represent(row))
            separator = b","
            count += 1
        yield b"]"
    yield b"}"
    log.record_alone(
        "export.finished",
        customer,
        actor=actor,
        subjects=[customer.pk],
        data={**_EVENT_DATA, "rows": count, "export": str(export_id)},
        grant_id=grant_id,
    )


def _sections(customer: Customer, actor: Actor) -> Iterator[Section]:
    parts = list(person_parts(customer))
    yield from parts
    myself = Customer.objects.filter(pk=customer.pk)
    for name, rows in [("customer", myself), *parts]:
        if issubclass(rows.model, TrackedModel):
            earlier = history_model(rows.model).objects.order_by("history_id")
            yield f"history_of_{name}", earlier.filter(id__in=rows.values("pk"))
    yield "access", log.list_events_about(customer, actor=actor).order_by("occurred_at")


def register_person_part(
    part: Callable[[Customer], Section],
    withheld: Mapping[type[models.Model], Withheld] | None = None,
) -> None:
    """Register rows about a customer that no relation leads to, also of another app.

    `withheld` says by model what of a row is of somebody else, and is left empty.
    """
    _registered.append(part)
    _withheld.update(withheld or {})


def person_parts(customer: Customer) -> Iterator[Section]:
    """Yield the querysets about a customer, by name, each table once.

    Tables that refer to the customer, tables that refer to those, and the targets of
    their one-to-one fields, such as the capture of a link.
    """
    direct = list(Customer._meta.related_objects)
    seen: set[type[models.Model]] = {Customer, *(r.related_model for r in direct)}
    for relation in direct:
        model = relation.related_model
        rows = model._base_manager.filter(**{relation.field.name: customer})
        rows = rows.filter(business=customer.business_id).order_by("pk")
        yield str(relation.get_accessor_name()), rows
        for name, others in _further(model, rows):
            if others.model not in seen:
                seen.add(others.model)
                yield name, others
    for part in _registered:
        yield part(customer)


def _further(model: type[models.Model], rows: models.QuerySet) -> Iterator[Section]:
    keys = rows.order_by().values("pk")
    for relation in model._meta.related_objects:
        below = relation.related_model
        queryset = below._base_manager.filter(**{f"{relation.field.name}__in": keys})
        yield f"{model._meta.model_name}_{relation.get_accessor_name()}", queryset
    for field in model._meta.fields:
        if isinstance(field, models.OneToOneField):
            behind = field.remote_field.model
            queryset = behind._base_manager.filter(pk__in=rows.values(field.attname))
            yield f"{field.name}s", queryset.order_by("pk")


def _row_about(
    customer: Customer, model: type[models.Model]
) -> Callable[[Any], dict[str, object]]:
    """Return what writes the rows of a model, without what is of somebody else."""
    withheld = _withheld.get(getattr(model, "instance_type", model))
    if withheld is None:
        return _row
    return lambda row: {**_row(row), **dict.fromkeys(withheld(row, customer))}


def _row(row: models.Model) -> dict[str, object]:
    return {
        field.attname: _value(field, row)
        for field in row._meta.concrete_fields
        if not _is_hidden(field, row)
    }


def _is_hidden(field: models.Field, row: models.Model) -> bool:
    """Return True for a column that is no personal data: a seal, a hash, a secret."""
    if isinstance(field, SaltField | CommitmentField):
        return True
    # Bytes of a fixed length are a hash.
    is_hash = isinstance(field, models.BinaryField) and field.max_length is not None
    is_secret = declaration(type(row)).get(field.name) == SECRET
    return is_hash or is_secret or field.name in _OURS


def _value(field: models.Field, row: models.Model) -> object:
    value = field.value_from_object(row)
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode(errors="replace")
    if isinstance(value, str) and value.startswith(_KEYED):
        return None
    return value


def _access(event: Event) -> dict[str, object]:
    """Return an access event without the name of the member of staff."""
    return {
        "occurred_at": event.occurred_at,
        "action": event.action,
        "by": event.actor_kind,
        "via": event.via,
        "outcome": event.outcome,
        "reason": event.reason,
    }


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)
