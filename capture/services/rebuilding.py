"""Making projections again from captures, and telling where they differed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.actors import Actor
from capture.choices import CaptureType
from capture.models import Capture, CapturedValue, CaptureLink, Source
from capture.services.facts import NAMING, find_winners
from capture.services.identity import find_known, link_of, missing_names
from capture.services.ingest import project_captures
from capture.services.payment_values import columns_of
from capture.services.payments import compute_groups, project_payments
from capture.services.projecting import TYPED, Told, last_seen, project, tell_all
from customers import services as customers

_BATCH = 500
# Not told by the capture: they come from the request and go with it.
_OWN = {"id", "ip_address", "user_agent", "created_at", "updated_at"}
_VALUE_COLUMNS = ("value", "capture_id", "trust", "occurred_at", "received_at")


@dataclass(frozen=True)
class Difference:
    """One column of one projection that is not what it should be."""

    table: str
    row_id: UUID
    column: str


def rebuild(
    *, repair: bool, actor: Actor, capture_id: UUID | None = None
) -> Iterator[Difference]:
    """Yield every difference between projections and what they are made from.

    With `repair` each batch is corrected in a transaction of its own. With
    `capture_id` only that capture is looked at. Memory is flat. Links that stand are
    kept: they are made by the state of the day they were made on.
    """
    last: UUID | None = None
    while batch := _next_captures(last, capture_id):
        # To look takes no lock; on SQLite a transaction would.
        with transaction.atomic() if repair else nullcontext():
            found = list(_rebuild_batch(batch, repair=repair, actor=actor))
        yield from found
        last = batch[-1].pk
    if capture_id is None:
        yield from _rebuild_values(repair=repair)
        for customer_id, column in customers.find_differences(repair=repair):
            yield Difference("customers.CustomerStats", customer_id, column)


def _next_captures(last: UUID | None, only: UUID | None) -> list[Capture]:
    # Without what is large and not needed to tell what should be there.
    captures = Capture.objects.order_by("pk").defer("raw", "raw_signature")
    if only is not None:
        captures = captures.filter(pk=only)
    if last is not None:
        captures = captures.filter(pk__gt=last)
    return list(captures[:_BATCH])


def _rebuild_batch(
    batch: list[Capture], *, repair: bool, actor: Actor
) -> Iterator[Difference]:
    standing = CaptureLink.objects.filter(capture__in=batch)
    links: dict[UUID, UUID | None] = dict(
        standing.values_list("capture_id", "customer_id")
    )
    lost = [capture for capture in batch if capture.pk not in links]
    for capture in lost:
        yield Difference("capture.CaptureLink", capture.pk, "row")
    if lost and repair:
        links |= _take_again(lost, actor)
    elif lost:
        links |= _would_link(lost)
    for customer_id, kind in missing_names(batch, links, repair=repair):
        yield Difference("capture.Identifier", customer_id, kind)
    told = tell_all(c for c in batch if c.corrects_id is None)
    yield from _compare_typed(told, links, repair=repair)
    yield from _compare_payments(batch, repair=repair, actor=actor)


def _take_again(lost: list[Capture], actor: Actor) -> dict[UUID, UUID | None]:
    """Link and project captures without a link, as if they had just arrived."""
    links: dict[UUID, UUID | None] = {}
    for source_id in sorted({capture.source_id for capture in lost}):
        source = Source.objects.select_related("business").get(pk=source_id)
        own = [capture for capture in lost if capture.source_id == source_id]
        for model in TYPED.values():
            rows: Any = model.objects.filter(capture__in=own)
            rows.delete()
        links |= project_captures(tell_all(own), source, actor)
    return links


def _would_link(lost: list[Capture]) -> dict[UUID, UUID | None]:
    links: dict[UUID, UUID | None] = {}
    for business_id in sorted({capture.business_id for capture in lost}):
        own = [capture for capture in lost if capture.business_id == business_id]
        known = find_known(business_id, own)
        links |= {c.pk: link_of(c, known).customer_id for c in own}
    return links


def _compare_typed(
    told: list[Told], links: dict[UUID, UUID | None], *, repair: bool
) -> Iterator[Difference]:
    ids = [item.capture.pk for item in told]
    seen = last_seen(
        t.capture.pk for t in told if t.capture.type == CaptureType.DASHBOARD
    )
    for kind, model in TYPED.items():
        stored: Any = model.objects.filter(capture__in=ids)
        rows = {row.capture_id: row for row in stored}
        for item in told:
            if item.capture.type == kind:
                pk = item.capture.pk
                wanted = project(item, links[pk], seen.get(pk))
                yield from _compare(rows.pop(pk, None), wanted, repair=repair)
        for row in rows.values():
            # Its capture is of another type.
            yield Difference(model._meta.label, row.pk, "row")
            if repair:
                row.delete()


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


def _compare_payments(
    batch: list[Capture], *, repair: bool, actor: Actor
) -> Iterator[Difference]:
    paid = [c for c in batch if c.type == CaptureType.PAYMENT and c.corrects_id is None]
    for source_id in sorted({capture.source_id for capture in paid}):
        own = [capture for capture in paid if capture.source_id == source_id]
        found = list(_payment_differences(own))
        yield from found
        if found and repair:
            source = Source.objects.select_related("business").get(pk=source_id)
            touched = project_payments(own, source, actor=actor)
            customers.refresh_stats(touched)


def _payment_differences(captures: list[Capture]) -> Iterator[Difference]:
    links = dict(
        CaptureLink.objects.filter(capture__in=captures).values_list(
            "capture_id", "payment_id"
        )
    )
    for group in compute_groups(captures[0].business_id, captures):
        if len(group.rows) != 1:
            first = next(iter(group.captures))
            yield Difference("capture.Payment", first, "row")
            continue
        ((pk, row),) = group.rows.items()
        for name, value in columns_of(group).items():
            if getattr(row, name) != value:
                yield Difference("capture.Payment", pk, name)
        for capture_id in group.captures.keys() & links.keys():
            if links[capture_id] != pk:
                yield Difference("capture.CaptureLink", capture_id, "payment")


def _rebuild_values(*, repair: bool) -> Iterator[Difference]:
    """Compare where each value of a customer is from, customers by the hundred."""
    telling = CaptureLink.objects.filter(
        capture__type__in=NAMING, customer__isnull=False
    )
    last: UUID | None = None
    while ids := _next_customers(telling, last):
        with transaction.atomic() if repair else nullcontext():
            found = list(_compare_values(telling, ids, repair=repair))
        yield from found
        last = ids[-1]


def _next_customers(telling: Any, last: UUID | None) -> list[UUID]:
    rows = telling if last is None else telling.filter(customer__gt=last)
    ids = rows.order_by("customer_id").values_list("customer_id", flat=True)
    return list(ids.distinct()[:100])


def _compare_values(
    telling: Any, ids: list[UUID], *, repair: bool
) -> Iterator[Difference]:
    links = telling.filter(customer__in=ids, capture__corrects_id=None)
    owners = dict(links.values_list("capture_id", "customer_id"))
    wanted = find_winners(
        (item, owners[item.capture.pk]) for item in _told_of(list(owners))
    )
    stored = CapturedValue.objects.filter(customer__in=ids)
    standing = {(row.customer_id, row.field): row for row in stored}
    for key, row in wanted.items():
        stands = standing.pop(key, None)
        if stands is None or any(
            getattr(stands, name) != getattr(row, name) for name in _VALUE_COLUMNS
        ):
            yield Difference("capture.CapturedValue", key[0], key[1])
            if repair:
                CapturedValue.objects.filter(customer=key[0], field=key[1]).delete()
                row.save()
    for (pk, name), row in standing.items():
        yield Difference("capture.CapturedValue", pk, name)
        if repair:
            row.delete()


def _told_of(ids: list[UUID]) -> Iterable[Told]:
    for start in range(0, len(ids), _BATCH):
        yield from tell_all(
            Capture.objects.filter(pk__in=ids[start : start + _BATCH]).order_by("pk")
        )
