"""Tell a message that comes again from a new one, and from another with its id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import Length, RowNumber

from audit.tenancy.actors import Actor
from capture.adapters import without_automatic
from capture.choices import CaptureType, IngestStatus, Trust
from capture.envelope import Envelope, Issue
from capture.ingest.customer_values import consent_of
from capture.ingest.items import INTERNAL, IngestItem, MessageKey, capture_of, key_of
from capture.ingest.projections import state_hash
from capture.models import Capture, DashboardSnapshot, Sighting, Source
from capture.parsing import fingerprint, payload_text, read_payload

# Client libraries hardly add more. A stored message that is longer than the new one by
# more than this differs, and is not read to find that out.
_AUTOMATIC = 16_384
_CONFLICT = Issue(
    "message_id_conflict",
    "",
    "A message with this id and other content was captured before.",
)


class StoredCapture(NamedTuple):
    """The capture that has an id; erased ones have no fingerprint."""

    capture_id: UUID
    type: str
    fingerprint: bytes | None


class LatestState(NamedTuple):
    """The state of a dashboard that was seen last of a person."""

    capture_id: UUID
    digest: str | None
    seen_at: datetime


def repeats_of_servers(
    first: dict[MessageKey, IngestItem], source: Source
) -> dict[MessageKey, StoredCapture]:
    """Return what pages repeat word by word of servers, and those captures.

    Never the other way round: what a server says is taken whatever a page said before.
    Nor payments: there a page claims, and a server confirms.
    """
    pages = {
        key: item
        for key, item in first.items()
        if key.is_page and capture_of(item).type != CaptureType.PAYMENT
    }
    if not pages:
        return {}
    stored = stored_captures(source, pages)
    before = {}
    for key, item in pages.items():
        capture, other = capture_of(item), stored.get(key._replace(is_page=False))
        if other is None or key in stored:
            continue
        if (other.type, other.fingerprint) == (capture.type, capture.fingerprint):
            before[key] = other
    return before


def judge_repeats(
    good: list[IngestItem],
    first: dict[MessageKey, IngestItem],
    stored: dict[MessageKey, StoredCapture],
) -> None:
    """Tell repeats from conflicts, by the stored capture with the same id."""
    differing = []
    for item in good:
        capture = capture_of(item)
        if item.capture_id is not None or item.issue is not None:
            continue
        key = key_of(item)
        if key not in stored:
            # The first one with this id could not be inserted.
            item.issue = INTERNAL
            continue
        capture_id, _, fingerprint = stored[key]
        item.capture_id = capture_id
        if capture_id == capture.pk and first.get(key) is item:
            continue
        item.status = IngestStatus.DUPLICATE
        if fingerprint is not None and fingerprint != capture.fingerprint:
            differing.append(item)
    same = find_repeats([(item.capture_id, item.envelope) for item in differing])
    for item, is_same in zip(differing, same, strict=True):
        if not is_same:
            item.status, item.issue = IngestStatus.CONFLICT, _CONFLICT


def find_repeats(pairs: Sequence[tuple[UUID | None, Envelope]]) -> list[bool]:
    """Return for each pair whether message and stored capture have the same content.

    The fields that its client adds by itself do not count, such as the time of a call
    or the version of a library; so an application that sends its own message id twice
    repeats itself. The contents are compared, whatever the fingerprints of stored rows
    were made of. Two statements, or none where there is nothing to compare.
    """
    ids = {pk for pk, _ in pairs if pk is not None}
    if not ids:
        return [False] * len(pairs)
    captures = Capture.objects.filter(pk__in=ids, payload__isnull=False)
    sizes = captures.annotate(size=Length("payload")).values_list(
        "pk", "adapter", "size"
    )
    stored = {pk: (adapter, size) for pk, adapter, size in sizes}
    positions: dict[UUID, list[int]] = {}
    for n, (pk, envelope) in enumerate(pairs):
        if pk not in stored or stored[pk][0] != envelope.adapter:
            continue
        if stored[pk][1] <= len(payload_text(envelope.body)) + _AUTOMATIC:
            positions.setdefault(pk, []).append(n)
    same = [False] * len(pairs)
    if positions:
        payloads = Capture.objects.filter(pk__in=positions).values_list("pk", "payload")
        # One at a time: together they may be larger than the request.
        for pk, payload in payloads.iterator(chunk_size=20):
            for n in positions[pk]:
                envelope = pairs[n][1]
                before = without_automatic(envelope.adapter, read_payload(payload))
                now = without_automatic(envelope.adapter, envelope.body)
                same[n] = fingerprint(before) == fingerprint(now)
    return same


def stored_captures(
    source: Source, keys: Iterable[MessageKey]
) -> dict[MessageKey, StoredCapture]:
    """Return the captures that have these ids, those of the other trust, too."""
    captures = Capture.objects.filter(
        business=source.business_id,
        source=source,
        message_id__in={key.message_id for key in keys},
    )
    columns = ("trust", "message_id", "pk", "type", "fingerprint")
    return {
        MessageKey.of(trust, message_id): StoredCapture(
            pk, kind, bytes(fingerprint) if fingerprint is not None else None
        )
        for trust, message_id, pk, kind, fingerprint in captures.values_list(*columns)
    }


def unchanged_dashboards(
    good: list[IngestItem], source: Source
) -> dict[MessageKey, UUID]:
    """Return the dashboards without changes: message id and stored capture.

    New is what differs from the state that was seen last of that person; a dashboard
    older than that is always stored.
    """
    boards = [i for i in good if capture_of(i).type == CaptureType.DASHBOARD]
    if not boards:
        return {}
    keys = {key_of(item) for item in boards}
    seen = Sighting.objects.filter(
        source=source,
        message_id__in={key.message_id for key in keys},
        capture__type=CaptureType.DASHBOARD,
    )
    columns = ("message_id", "capture__trust", "capture_id")
    repeated = {
        MessageKey.of(trust, message_id): capture_id
        for message_id, trust, capture_id in seen.values_list(*columns)
        if message_id and capture_id
    }
    # An id that a capture has is compared with that capture.
    taken = set(stored_captures(source, keys))
    repeated = {name: pk for name, pk in repeated.items() if name not in taken}
    latest = _latest_states(boards, source)
    for item in sorted(boards, key=lambda i: capture_of(i).occurred_at):
        capture = capture_of(item)
        key = key_of(item)
        if key in repeated or key in taken:
            continue
        persons = [
            (key.is_page, name) for name in (capture.email, capture.user_ref) if name
        ]
        state = next((latest[who] for who in persons if who in latest), None)
        state_digest = state_hash(item.envelope.fields)
        if state is not None and capture.occurred_at < state.seen_at:
            continue
        capture_id = capture.pk
        # An answer that comes with it must not be lost.
        is_silent = consent_of(item.parsed) is None
        if state is not None and state.digest == state_digest and is_silent:
            repeated[key] = capture_id = state.capture_id
        taken.add(key)
        now = LatestState(capture_id, state_digest, capture.occurred_at)
        for is_page in {True, key.is_page}:
            latest |= {(is_page, name): now for _, name in persons}
    return repeated


def _latest_states(
    boards: list[IngestItem], source: Source
) -> dict[tuple[bool, str], LatestState]:
    """Return the state seen last of each person, by who compares with it, and name.

    A page compares with all, a server with what servers said: it may be the first to
    confirm what a page has claimed.
    """
    names = {
        name
        for item in boards
        for name in (capture_of(item).email, capture_of(item).user_ref)
        if name
    }
    snapshots = DashboardSnapshot.objects.filter(business=source.business_id).order_by()
    columns = ("capture_id", "state_hash", "last_seen_at")
    latest: dict[tuple[bool, str], LatestState] = {}
    for is_page in {key_of(item).is_page for item in boards}:
        seen = snapshots if is_page else snapshots.exclude(trust=Trust.BROWSER)
        for name in ("user_email", "user_id"):
            place = Window(
                RowNumber(),
                partition_by=[F(name)],
                order_by=[F("last_seen_at").desc(), F("pk").desc()],
            )
            newest = seen.filter(**{f"{name}__in": names}).annotate(place=place)
            for person, *values in newest.filter(place=1).values_list(name, *columns):
                who, state = (is_page, person), LatestState(*values)
                if who not in latest or latest[who].seen_at <= state.seen_at:
                    latest[who] = state
    return latest


def record_repeats(good: list[IngestItem], source: Source, actor: Actor) -> None:
    """Write a sighting of every repeat."""
    again = [i for i in good if i.status == IngestStatus.DUPLICATE and i.capture_id]
    Sighting.objects.bulk_create(
        [
            Sighting(
                business_id=source.business_id,
                source=source,
                capture_id=item.capture_id,
                key_id=item.envelope.key_id,
                operation_id=actor.operation.id,
                message_id=capture_of(item).message_id,
                occurred_at=capture_of(item).occurred_at,
                received_at=capture_of(item).received_at,
                sent_at=capture_of(item).sent_at,
                attempt=capture_of(item).attempt,
            )
            for item in again
        ]
    )
    boards = {
        item.capture_id: capture_of(item).occurred_at
        for item in sorted(again, key=lambda i: capture_of(i).occurred_at)
        if capture_of(item).type == CaptureType.DASHBOARD
    }
    if boards:
        snapshots = list(DashboardSnapshot.objects.filter(capture__in=list(boards)))
        for snapshot in snapshots:
            snapshot.last_seen_at = max(
                snapshot.last_seen_at, boards[snapshot.capture_id]
            )
        DashboardSnapshot.objects.bulk_update(snapshots, ["last_seen_at"])
