"""Making projections again from captures, and telling where they differed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from capture.models import Capture, CaptureLink
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
        with transaction.atomic():
            yield from _rebuild_batch(batch, repair=repair)
        last = batch[-1].pk
    for customer_id, column in customers.find_differences(repair=repair):
        yield Difference("customers.CustomerStats", customer_id, column)


def _next_captures(last: UUID | None) -> list[Capture]:
    captures = Capture.objects.order_by("pk")
    if last is not None:
        captures = captures.filter(pk__gt=last)
    return list(captures[:_BATCH])


def _rebuild_batch(batch: list[Capture], *, repair: bool) -> Iterator[Difference]:
    standing = CaptureLink.objects.filter(capture__in=batch)
    links: dict[UUID, UUID | None] = dict(
        standing.values_list("capture_id", "customer_id")
    )
    lost = [capture for capture in batch if capture.pk not in links]
    for capture in lost:
        yield Difference("capture.CaptureLink", capture.pk, "row")
    links |= _relink(lost, repair=repair)
    for model in TYPED.values():
        rows = {row.capture_id: row for row in model.objects.filter(capture__in=batch)}
        for capture in batch:
            wanted = project(capture, links[capture.pk])
            if isinstance(wanted, model):
                yield from _compare(rows.get(capture.pk), wanted, repair=repair)


def _relink(lost: list[Capture], *, repair: bool) -> dict[UUID, UUID | None]:
    found: dict[UUID, UUID | None] = {}
    for capture in lost:
        by_email, by_ref = customers.find_by_identity(
            capture.business_id,
            emails=[capture.email or ""],
            external_ids=[capture.user_ref or ""],
        )
        customer_id = by_email.get(capture.email or "") or by_ref.get(
            capture.user_ref or ""
        )
        found[capture.pk] = customer_id
        if repair:
            CaptureLink.objects.create(
                business_id=capture.business_id,
                capture=capture,
                customer_id=customer_id,
                rule=None if customer_id is None else "email",
                linked_at=capture.received_at,
            )
    return found


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
