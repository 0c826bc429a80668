"""Making projections again from captures, and telling where they differed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from audit.database.batches import batched, in_batches
from audit.tenancy.actors import Actor
from capture.choices import CaptureType
from capture.ingest.customer_values import (
    NAMING_TYPES,
    consent_of,
    find_winners,
)
from capture.ingest.identity import (
    expected_owners,
    missing_names,
    restore_decided,
)
from capture.ingest.locking import lock_names
from capture.ingest.payment_values import columns_of
from capture.ingest.payments import compute_groups, project_payments
from capture.ingest.pipeline import project_captures
from capture.ingest.projections import (
    OF_REQUEST,
    TYPED,
    ParsedCapture,
    last_seen,
    parse_captures,
    project,
    write_over,
)
from capture.models import Capture, CapturedValue, CaptureLink, Source
from capture.models.projections import Projection
from customers import services as customers

_BATCH = 500
# Captures, or customers with captured values, that one transaction repairs; the time
# that its lock is held is about 50 ms.
_REPAIRED = 10
_NOT_COMPARED = OF_REQUEST | {"updated_at"}
_VALUE_COLUMNS = ("value", "capture_id", "trust", "occurred_at", "received_at")


@dataclass(frozen=True)
class Difference:
    """One column of one projection that is not what it should be."""

    table: str
    object_id: UUID
    column: str


# What differs, by the capture or the customer that it hangs on.
_Differences = list[tuple[UUID, Difference]]


def rebuild(
    *,
    repair: bool,
    actor: Actor,
    capture_id: UUID | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Iterator[Difference]:
    """Yield every difference between projections and what they are made from.

    All is compared without a lock, five hundred captures at a time, so memory is flat.
    What differs is looked at once more, because something may have arrived meanwhile:
    with `repair` under a lock and corrected, ten captures in a transaction, so that
    it may be stopped anywhere and run again. With `capture_id` only that capture is
    compared. Existing links are not changed: they depend on the state at their time.
    `progress` is called with the numbers of compared and of all captures.
    """
    # Without what is large and not needed to tell what should be there.
    captures = Capture.objects.defer("raw", "raw_signature")
    if capture_id is not None:
        captures = captures.filter(pk=capture_id)
    seen, total = 0, captures.count()
    for batch in customers.by_key(captures, _BATCH):
        yield from _compare_captures(batch, repair=repair, actor=actor)
        seen += len(batch)
        progress(seen, total)
    if capture_id is None:
        yield from _rebuild_values(repair=repair)
        for customer_id, column in customers.find_differences(repair=repair):
            yield Difference("customers.CustomerStats", customer_id, column)


def _compare_captures(
    batch: list[Capture], *, repair: bool, actor: Actor
) -> Iterator[Difference]:
    compare = partial(_compare, actor=actor)
    different_ids = {pk for pk, _ in compare(batch, repair=False)}
    suspects = [capture for capture in batch if capture.pk in different_ids]
    # By source, because each one's are linked and projected by themselves.
    for source_id in sorted({capture.source_id for capture in suspects}):
        captures = [capture for capture in suspects if capture.source_id == source_id]
        for differences in customers.compare_again(
            captures, _REPAIRED, compare, repair=repair
        ):
            yield from dict.fromkeys(difference for _, difference in differences)


def _compare(batch: list[Capture], *, repair: bool, actor: Actor) -> _Differences:
    """Return what differs of some captures; with `repair`, correct it."""
    stored_links = CaptureLink.objects.filter(capture__in=batch)
    if repair:
        # As a message about the same people and payments would wait.
        lock_names(batch)
        stored_links = stored_links.select_for_update(no_key=True).order_by("pk")
    links: dict[UUID, UUID | None] = dict(
        stored_links.values_list("capture_id", "customer_id")
    )
    lost = [capture for capture in batch if capture.pk not in links]
    differences = [(c.pk, Difference("capture.CaptureLink", c.pk, "row")) for c in lost]
    if lost and repair:
        links |= _link_again(lost, actor)
    elif lost:
        links |= expected_owners(lost)
    differences += _compare_names(batch, links, repair=repair)
    parsed = parse_captures(c for c in batch if c.corrects_id is None)
    differences += _compare_typed(parsed, links, repair=repair)
    differences += _compare_payments(batch, repair=repair, actor=actor)
    differences += _compare_consents(parsed, links, repair=repair, actor=actor)
    return differences


def _compare_names(
    batch: list[Capture], links: dict[UUID, UUID | None], *, repair: bool
) -> _Differences:
    rules = CaptureLink.objects.filter(capture__in=batch, customer__isnull=False)
    owners = rules.values_list("capture_id", "customer_id", "rule")
    missing = missing_names(
        batch, {pk: (owner, rule) for pk, owner, rule in owners}, repair=repair
    )
    # Which of the customer's captures gave the name is not known; so all count.
    owned = defaultdict(list)
    for capture in batch:
        owned[links.get(capture.pk)].append(capture.pk)
    return [
        (capture_id, Difference("capture.Identifier", customer_id, kind))
        for customer_id, kind in missing
        for capture_id in owned[customer_id]
    ]


def _link_again(lost: list[Capture], actor: Actor) -> dict[UUID, UUID | None]:
    """Link and project captures without a link, as if they had just arrived."""
    links: dict[UUID, UUID | None] = {}
    for source_id in sorted({capture.source_id for capture in lost}):
        source = Source.objects.select_related("business").get(pk=source_id)
        captures = [capture for capture in lost if capture.source_id == source_id]
        for model in TYPED.values():
            model._default_manager.filter(capture__in=captures).delete()
        restore_decided(source.business_id, captures)
        links |= project_captures(parse_captures(captures), source, actor)
    return links


def _compare_typed(
    parsed: list[ParsedCapture], links: dict[UUID, UUID | None], *, repair: bool
) -> _Differences:
    ids = [item.capture.pk for item in parsed]
    stored: dict[str, dict[UUID, Projection]] = {}
    for kind, model in TYPED.items():
        queryset = model._default_manager.filter(capture__in=ids).order_by("pk")
        if repair:
            # Before the sightings: a repeat moves the time of its row without a link.
            queryset = queryset.select_for_update(of=("self",), no_key=True)
        stored[kind] = {projection.capture_id: projection for projection in queryset}
    seen = last_seen(
        t.capture.pk for t in parsed if t.capture.type == CaptureType.DASHBOARD
    )
    differences: _Differences = []
    for kind, model in TYPED.items():
        stored_of_type, wrong = stored[kind], []
        for item in parsed:
            if item.capture.type == kind:
                pk = item.capture.pk
                expected = project(item, links[pk], seen.get(pk))
                different = _wrong_columns(stored_of_type.pop(pk, None), expected)
                differences += [(pk, difference) for difference in different]
                if different:
                    wrong.append(expected)
        # What is left has a capture of another type.
        differences += [
            (projection.capture_id, Difference(model._meta.label, projection.pk, "row"))
            for projection in stored_of_type.values()
        ]
        if repair:
            _store(model, wrong, list(stored_of_type.values()))
    return differences


def _wrong_columns(stored: Projection | None, expected: Projection) -> list[Difference]:
    table = expected._meta.label
    if stored is None:
        return [Difference(table, expected.capture_id, "row")]
    return [
        Difference(table, stored.pk, field.name)
        for field in expected._meta.fields
        if field.name not in _NOT_COMPARED
        and getattr(stored, field.attname) != getattr(expected, field.attname)
    ]


def _store(
    model: type[Projection], wrong: list[Projection], surplus: list[Projection]
) -> None:
    """Write rows over those of the same captures, and remove others."""
    if surplus:
        ids = [projection.pk for projection in surplus]
        model._default_manager.filter(pk__in=ids).delete()
    if wrong:
        write_over(model, wrong)


def _compare_consents(
    parsed: list[ParsedCapture],
    links: dict[UUID, UUID | None],
    *,
    repair: bool,
    actor: Actor,
) -> _Differences:
    """Record answers of which no event says anything, such as one read since.

    A yes counts for nothing then: to which wording is not known any more.
    """
    stated = {
        item.capture.pk: (owner, answer, item.capture)
        for item in parsed
        if (owner := links.get(item.capture.pk)) is not None
        and (answer := consent_of(item)) is not None
    }
    owners = {owner for owner, _, _ in stated.values()}
    recorded = customers.captures_with_consent(owners, stated) if stated else set()
    missing = {pk: each for pk, each in stated.items() if pk not in recorded}
    if missing and repair:
        customers.record_captured_consents(
            [
                customers.CapturedConsent(owner, answer, capture.occurred_at, pk)
                for pk, (owner, answer, capture) in missing.items()
            ],
            business_id=parsed[0].capture.business_id,
            wording_version=None,
            actor=actor,
        )
        customers.refresh_stats(owner for owner, _, _ in missing.values())
    return [(pk, Difference("customers.ConsentEvent", pk, "row")) for pk in missing]


def _compare_payments(
    batch: list[Capture], *, repair: bool, actor: Actor
) -> _Differences:
    paid = [c for c in batch if c.type == CaptureType.PAYMENT and c.corrects_id is None]
    differences: _Differences = []
    for source_id in sorted({capture.source_id for capture in paid}):
        captures = [capture for capture in paid if capture.source_id == source_id]
        different = list(_payment_differences(captures))
        differences += different
        if different and repair:
            source = Source.objects.select_related("business").get(pk=source_id)
            touched = project_payments(captures, source, actor=actor)
            customers.refresh_stats(touched)
    return differences


def _payment_differences(
    captures: list[Capture],
) -> Iterator[tuple[UUID, Difference]]:
    """Yield what differs, by one of these captures that the payment consists of."""
    ids = {capture.pk for capture in captures}
    links = dict(
        CaptureLink.objects.filter(capture__in=captures).values_list(
            "capture_id", "payment_id"
        )
    )
    for group in compute_groups(captures[0].business_id, captures):
        first = min(ids & group.captures.keys(), default=None)
        if first is None:
            continue
        if len(group.payments) != 1:
            yield first, Difference("capture.Payment", first, "row")
            continue
        ((pk, payment),) = group.payments.items()
        for name, value in columns_of(group).items():
            if getattr(payment, name) != value:
                yield first, Difference("capture.Payment", pk, name)
        for capture_id in group.captures.keys() & links.keys():
            if links[capture_id] != pk:
                different = Difference("capture.CaptureLink", capture_id, "payment")
                yield capture_id, different


def _rebuild_values(*, repair: bool) -> Iterator[Difference]:
    """Compare where each value of a customer is from, customers by the hundred."""
    naming_links = CaptureLink.objects.filter(
        capture__type__in=NAMING_TYPES, customer__isnull=False
    )
    last: UUID | None = None
    while ids := _next_customers(naming_links, last):
        values = _Values(naming_links, ids)
        suspects = sorted({difference.object_id for difference in values.differences()})
        for _, part in in_batches(suspects, _REPAIRED):
            yield from _compare_values_again(naming_links, part, repair=repair)
        last = ids[-1]


def _compare_values_again(
    naming_links: QuerySet[CaptureLink], ids: list[UUID], *, repair: bool
) -> list[Difference]:
    values = _Values(naming_links, ids)
    if not repair:
        return values.differences()
    with transaction.atomic():
        # As in every write of captured values.
        customers.lock_customers(ids)
        if not values.is_current():
            values = _Values(naming_links, ids)
        differences = values.differences()
        values.store()
    return differences


def _next_customers(
    naming_links: QuerySet[CaptureLink], last: UUID | None
) -> list[UUID]:
    remaining = naming_links if last is None else naming_links.filter(customer__gt=last)
    ids = remaining.order_by("customer_id").values_list("customer_id", flat=True)
    return [pk for pk in ids.distinct()[:100] if pk is not None]


class _Values:
    """The values that captures tell of customers, read from as many as there are.

    That may take long, so it is done without a lock; call `is_current` under one to
    check that the captures are still the same.
    """

    def __init__(self, naming_links: QuerySet[CaptureLink], ids: list[UUID]) -> None:
        self._ids = ids
        self._links = naming_links.filter(customer__in=ids, capture__corrects_id=None)
        self._owners, self._corrections = self._load_links()
        self._expected = find_winners(
            (item, self._owners[item.capture.pk])
            for item in _parse_in_batches(self._owners)
        )

    def _load_links(self) -> tuple[dict[UUID, UUID], set[UUID]]:
        corrections = Capture.objects.filter(
            corrects_id__in=self._links.values("capture_id")
        )
        links = self._links.values_list("capture_id", "customer_id")
        return (
            {pk: owner for pk, owner in links if owner is not None},
            set(corrections.values_list("pk", flat=True)),
        )

    def is_current(self) -> bool:
        """Tell whether it is made of the captures that there are now."""
        return (self._owners, self._corrections) == self._load_links()

    def compare(self) -> tuple[list[CapturedValue], list[CapturedValue]]:
        """Return the rows that are missing or wrong, and the stored ones too many."""
        stored = CapturedValue.objects.filter(customer__in=self._ids)
        stored_by_key = {(value.customer_id, value.field): value for value in stored}
        wrong = [
            value
            for key, value in self._expected.items()
            if (current := stored_by_key.pop(key, None)) is None
            or any(getattr(current, n) != getattr(value, n) for n in _VALUE_COLUMNS)
        ]
        return wrong, list(stored_by_key.values())

    def differences(self) -> list[Difference]:
        """Return what differs, by customer and field."""
        return [
            Difference("capture.CapturedValue", value.customer_id, value.field)
            for values in self.compare()
            for value in values
        ]

    def store(self) -> None:
        """Correct what is stored."""
        wrong, surplus = self.compare()
        if surplus:
            CapturedValue.objects.filter(
                pk__in=[value.pk for value in surplus]
            ).delete()
        if wrong:
            CapturedValue.objects.bulk_create(
                wrong,
                update_conflicts=True,
                unique_fields=["customer", "field"],
                update_fields=[name.removesuffix("_id") for name in _VALUE_COLUMNS],
            )


def _parse_in_batches(ids: Iterable[UUID]) -> Iterator[ParsedCapture]:
    for batch in batched(ids, _BATCH):
        yield from parse_captures(Capture.objects.filter(pk__in=batch).order_by("pk"))
