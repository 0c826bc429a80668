"""Making projections again from captures, and telling where they differed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from capture.models import Capture, CaptureLink
from capture.services.identity import link_of
from capture.services.projecting import TYPED, project
from customers import services as customers

_BATCH = 500
# Not told by the capture: they come from the request and go with it.
_OWN = {"id", "ip_address", "user_agent", "created_at", "updated_at"}


@dataclass(frozen=True)
class Difference:
    """One column of one projection that is not what it should be."""

    table: str
    row_id: UUID
    column: str


def rebuild(*, repair: bool) -> Iterator[Difference]:
    """Yield every difference between projections and what they are made from.

    With `repair` each batch is corrected in a transaction of its own. Memory is flat.
    Links that stand are kept: they are made by the state of the day they were made on.
    """
    last: UUID | None = None
    while batch := _next_captures(last):
        # To look takes no lock; on SQLite a transaction would.
        with transaction.atomic() if repair else nullcontext():
            found = list(_rebuild_batch(batch, repair=repair))
        yield from found
        last = batch[-1].pk
    for customer_id, column in customers.find_differences(repair=repair):
        yield Difference("customers.CustomerStats", customer_id, column)


def _next_captures(last: UUID | None) -> list[Capture]:
    # Without payloads: those of the types without a typed row can be large.
    captures = Capture.objects.order_by("pk").defer("payload", "raw", "warnings")
    if last is not None:
        captures = captures.filter(pk__gt=last)
    return list(captures[:_BATCH])


def _rebuild_batch(batch: list[Capture], *, repair: bool) -> Iterator[Difference]:
    standing = CaptureLink.objects.filter(capture__in=batch)
    links: dict[UUID, UUID | None] = dict(
        standing.values_list("capture_id", "customer_id")
    )
    lost = _relink([capture for capture in batch if capture.pk not in links])
    for link in lost:
        links[link.capture_id] = link.customer_id
        yield Difference("capture.CaptureLink", link.capture_id, "row")
    if repair:
        CaptureLink.objects.bulk_create(lost)
    for kind, model in TYPED.items():
        captures = Capture.objects.filter(
            pk__in=[capture.pk for capture in batch if capture.type == kind]
        )
        rows = {row.capture_id: row for row in model.objects.filter(capture__in=batch)}
        for capture in captures:
            wanted = project(capture, links[capture.pk])
            yield from _compare(rows.pop(capture.pk, None), wanted, repair=repair)
        for row in rows.values():
            # Its capture is of another type.
            yield Difference(model._meta.label, row.pk, "row")
            if repair:
                row.delete()


def _relink(lost: list[Capture]) -> list[CaptureLink]:
    links = []
    for business_id in sorted({capture.business_id for capture in lost}):
        own = [capture for capture in lost if capture.business_id == business_id]
        by_email, by_ref = customers.find_by_identity(
            business_id,
            emails={capture.email for capture in own if capture.email},
            external_ids={capture.user_ref for capture in own if capture.user_ref},
        )
        links += [link_of(capture, by_email, by_ref) for capture in own]
    return links


def _compare(row: Any, wanted: Any, *, repair: bool) -> Iterator[Difference]:
    table = wanted._meta.label
    if row is None:
        if repair:
            wanted.save()
        yield Difference(table, wanted.capture_id, "row")
        return
    wrong = [
        field
        for field in wanted._meta.fields
        if field.name not in _OWN
        and getattr(row, field.attname) != getattr(wanted, field.attname)
    ]
    for field in wrong:
        setattr(row, field.attname, getattr(wanted, field.attname))
        yield Difference(table, row.pk, field.name)
    if wrong and repair:
        row.save()
