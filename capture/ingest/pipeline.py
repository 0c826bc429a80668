"""One pipeline for every endpoint: captures, customers, links, typed rows, figures.

One transaction and a constant number of statements for one message or a thousand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from audit import log
from audit.emails import normal_form
from audit.tenancy.actors import Actor
from capture.choices import CaptureType, IngestStatus, Trust
from capture.envelope import Envelope, IngestResult, Issue
from capture.ingest.amounts import find_amount_issue
from capture.ingest.corrected_projections import replace_corrected
from capture.ingest.customer_values import SILENT_TYPES, consent_of, update_customers
from capture.ingest.identity import LinkResult, link, links_of
from capture.ingest.locking import lock_names
from capture.ingest.normalisation import build_capture, storable
from capture.ingest.payments import project_payments
from capture.ingest.projections import (
    TYPED,
    ParsedCapture,
    parse_captures,
    project,
    state_hash,
)
from capture.ingest.quarantine import quarantine
from capture.ingest.repeats import MessageKey, find_repeats
from capture.models import (
    Capture,
    CaptureLink,
    DashboardSnapshot,
    Sighting,
    Source,
)
from capture.models.projections import Projection
from customers import services as customers

logger = logging.getLogger(__name__)

_TRIES = 3
_T = TypeVar("_T")
_INTERNAL = Issue("internal_error", "", "This is our fault. The item is kept.")
_CONFLICT = Issue(
    "message_id_conflict",
    "",
    "A message with this id and other content was captured before.",
)


class StrictError(Exception):
    """A strict batch that holds something wrong: nothing of it was accepted.

    `results` name the items that were wrong; those are in quarantine.
    """

    def __init__(self, results: list[IngestResult]) -> None:
        super().__init__("strict")
        self.results = results


def _key_of(item: _Item) -> MessageKey:
    capture = _capture(item)
    return MessageKey.of(capture.trust, capture.message_id)


@dataclass
class _Item:
    """One message in the pipeline."""

    position: int
    envelope: Envelope
    capture: Capture | None = None
    issue: Issue | None = None
    status: str = IngestStatus.ACCEPTED
    capture_id: UUID | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def parsed(self) -> ParsedCapture:
        """The capture and its fields."""
        capture, envelope = _capture(self), self.envelope
        typed = envelope.identity.email
        email = normal_form("NFKC", typed) if typed else None
        return ParsedCapture(
            capture, envelope.fields, capture.facts, capture.received_at, email
        )


class _Stored(NamedTuple):
    """The capture that has an id; erased ones have no fingerprint."""

    capture_id: UUID
    type: str
    fingerprint: bytes | None


class LatestState(NamedTuple):
    """The state of a dashboard that was seen last of a person."""

    capture_id: UUID
    digest: str | None
    seen_at: datetime


def ingest(
    envelopes: list[Envelope],
    *,
    source: Source,
    actor: Actor,
    strict: bool = False,
) -> list[IngestResult]:
    """Store messages with their projections, and return the result of each, in order.

    A wrong item goes to quarantine without stopping the others; with `strict`,
    StrictError is raised once the wrong items are in quarantine. Runs in one
    transaction; if two make the same customer at once, the database lets one of them
    fail, and it runs again. Raises PermissionDenied for a source of another
    business, and DatabaseError when the database does not answer after three tries.
    """
    actor.require_perm(source.business_id)
    items = [_prepare(n, e, source, actor) for n, e in enumerate(envelopes)]
    if strict and any(item.issue for item in items):
        wrong = [item for item in items if item.issue]
        raise StrictError(_retrying(lambda: _quarantine_items(wrong, source, actor)))
    try:
        return _retrying(lambda: _ingest(items, source, actor, strict=strict))
    except _StrictConflictError as error:
        wrong = error.items
        results = _retrying(lambda: _quarantine_items(wrong, source, actor))
        raise StrictError(results) from error


class _StrictConflictError(Exception):
    def __init__(self, items: list[_Item]) -> None:
        super().__init__("conflict")
        self.items = items


def _retrying(work: Callable[[], _T]) -> _T:
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return work()
        except (IntegrityError, OperationalError) as error:
            if attempt == _TRIES:
                raise
            # Its text would name values; its class says enough.
            logger.warning("ingest runs again after %r", type(error.__cause__))
    raise AssertionError  # pragma: no cover - the loop returns or raises


def _prepare(n: int, envelope: Envelope, source: Source, actor: Actor) -> _Item:
    # Only here the currency is known of amounts whose message names none.
    issue = envelope.issue or find_amount_issue(envelope, source.business.currency)
    item = _Item(n, envelope, issue=issue)
    if item.issue is None:
        try:
            item.capture = build_capture(envelope, source, actor)
        except Exception:
            # One item that we cannot handle must not cost its neighbours.
            logger.exception("an item could not be prepared")
            item.issue = _INTERNAL
    return item


def _ingest(
    items: list[_Item], source: Source, actor: Actor, *, strict: bool
) -> list[IngestResult]:
    log.ensure_operation(actor)
    # A try before this one may have left its marks.
    good = [_reset(item) for item in items if item.capture is not None]
    repeated = _unchanged_dashboards(good, source)
    first = _insert(good, repeated, source)
    wrong = [item for item in items if item.issue is not None]
    if strict and wrong:
        raise _StrictConflictError(wrong)
    quarantine_ids = quarantine(
        [(item.envelope, item.issue) for item in wrong if item.issue],
        source=source,
        actor=actor,
    )
    quarantine_id_of = {
        id(item): quarantine_id
        for item, quarantine_id in zip(wrong, quarantine_ids, strict=True)
    }
    _record_duplicates(good, source, actor)
    fresh = [item for item in first if item.status == IngestStatus.ACCEPTED]
    linked = _project_new(fresh, source, actor)
    before = {
        i.capture_id for i in good if i.capture_id and i.status != IngestStatus.ACCEPTED
    }
    owners = linked | links_of(pk for pk in before if pk not in linked)
    return [_result_of(item, owners, quarantine_id_of.get(id(item))) for item in items]


def _reset(item: _Item) -> _Item:
    """Return the item as it was before it met the database."""
    item.status, item.capture_id, item.notes = IngestStatus.ACCEPTED, None, []
    item.issue = item.envelope.issue
    return item


def _quarantine_items(
    items: list[_Item], source: Source, actor: Actor
) -> list[IngestResult]:
    log.ensure_operation(actor)
    quarantine_ids = quarantine(
        [(item.envelope, item.issue) for item in items if item.issue],
        source=source,
        actor=actor,
    )
    return [
        _result_of(item, {}, pk) for item, pk in zip(items, quarantine_ids, strict=True)
    ]


def _insert(
    good: list[_Item], repeated: dict[MessageKey, UUID], source: Source
) -> list[_Item]:
    """Insert captures, then set the status of every item; return the new ones."""
    first: dict[MessageKey, _Item] = {}
    for item in good:
        key = _key_of(item)
        if key in repeated:
            item.status = IngestStatus.DUPLICATE
            item.capture_id = repeated[key]
            item.notes.append("unchanged")
        else:
            first.setdefault(key, item)
    before = _repeats_of_servers(first, source)
    for key in before:
        del first[key]
    # In the order of their keys: two batches with the same ids would deadlock.
    captures = [_capture(first[key]) for key in sorted(first)]
    lock_names(captures)
    stored = before | _insert_captures(captures, first, source)
    _judge(good, first, stored)
    return [item for item in first.values() if item.issue is None]


def _repeats_of_servers(
    first: dict[MessageKey, _Item], source: Source
) -> dict[MessageKey, _Stored]:
    """Return what pages repeat word by word of servers, and those captures.

    Never the other way round: what a server says is taken whatever a page said before.
    Nor payments: there a page claims, and a server confirms.
    """
    pages = {
        key: item
        for key, item in first.items()
        if key.is_page and _capture(item).type != CaptureType.PAYMENT
    }
    if not pages:
        return {}
    stored = _stored(source, pages)
    before = {}
    for key, item in pages.items():
        capture, other = _capture(item), stored.get(key._replace(is_page=False))
        if other is None or key in stored:
            continue
        if (other.type, other.fingerprint) == (capture.type, capture.fingerprint):
            before[key] = other
    return before


def _judge(
    good: list[_Item],
    first: dict[MessageKey, _Item],
    stored: dict[MessageKey, _Stored],
) -> None:
    """Tell repeats from conflicts, by the stored capture with the same id."""
    differing = []
    for item in good:
        capture = _capture(item)
        if item.capture_id is not None or item.issue is not None:
            continue
        key = _key_of(item)
        if key not in stored:
            # The first one with this id could not be inserted.
            item.issue = _INTERNAL
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


def _insert_captures(
    captures: list[Capture], first: dict[MessageKey, _Item], source: Source
) -> dict[MessageKey, _Stored]:
    try:
        with transaction.atomic():
            Capture.objects.bulk_create(captures, ignore_conflicts=True)
    except (IntegrityError, OperationalError):
        raise
    except Exception:
        # One of them is more than the database takes; the others are not to blame.
        logger.exception("captures are inserted one by one")
        for item in first.values():
            try:
                with transaction.atomic():
                    Capture.objects.bulk_create([_capture(item)], ignore_conflicts=True)
            except (IntegrityError, OperationalError):
                raise
            except Exception:
                logger.exception("a capture could not be inserted")
                item.issue = _INTERNAL
    return _stored(source, first)


def _stored(source: Source, keys: Iterable[MessageKey]) -> dict[MessageKey, _Stored]:
    """Return the captures that have these ids, those of the other trust, too."""
    captures = Capture.objects.filter(
        business=source.business_id,
        source=source,
        message_id__in={key.message_id for key in keys},
    )
    columns = ("trust", "message_id", "pk", "type", "fingerprint")
    return {
        MessageKey.of(trust, message_id): _Stored(
            pk, kind, bytes(fingerprint) if fingerprint is not None else None
        )
        for trust, message_id, pk, kind, fingerprint in captures.values_list(*columns)
    }


def _unchanged_dashboards(good: list[_Item], source: Source) -> dict[MessageKey, UUID]:
    """Return the dashboards without changes: message id and stored capture.

    New is what differs from the state that was seen last of that person; a dashboard
    older than that is always stored.
    """
    boards = [i for i in good if _capture(i).type == CaptureType.DASHBOARD]
    if not boards:
        return {}
    keys = {_key_of(item) for item in boards}
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
    taken = set(_stored(source, keys))
    repeated = {name: pk for name, pk in repeated.items() if name not in taken}
    latest = _latest_states(boards, source)
    for item in sorted(boards, key=lambda i: _capture(i).occurred_at):
        capture = _capture(item)
        key = _key_of(item)
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
    boards: list[_Item], source: Source
) -> dict[tuple[bool, str], LatestState]:
    """Return the state seen last of each person, by who compares with it, and name.

    A page compares with all, a server with what servers said: it may be the first to
    confirm what a page has claimed.
    """
    names = {
        name
        for item in boards
        for name in (_capture(item).email, _capture(item).user_ref)
        if name
    }
    snapshots = DashboardSnapshot.objects.filter(business=source.business_id).order_by()
    columns = ("capture_id", "state_hash", "last_seen_at")
    latest: dict[tuple[bool, str], LatestState] = {}
    for is_page in {_key_of(item).is_page for item in boards}:
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


def _record_duplicates(good: list[_Item], source: Source, actor: Actor) -> None:
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
                message_id=_capture(item).message_id,
                occurred_at=_capture(item).occurred_at,
                received_at=_capture(item).received_at,
                sent_at=_capture(item).sent_at,
                attempt=_capture(item).attempt,
            )
            for item in again
        ]
    )
    boards = {
        item.capture_id: _capture(item).occurred_at
        for item in sorted(again, key=lambda i: _capture(i).occurred_at)
        if _capture(item).type == CaptureType.DASHBOARD
    }
    if boards:
        snapshots = list(DashboardSnapshot.objects.filter(capture__in=list(boards)))
        for snapshot in snapshots:
            snapshot.last_seen_at = max(
                snapshot.last_seen_at, boards[snapshot.capture_id]
            )
        DashboardSnapshot.objects.bulk_update(snapshots, ["last_seen_at"])


def _project_new(
    fresh: list[_Item], source: Source, actor: Actor
) -> dict[UUID, UUID | None]:
    """Link, project, and update customers; return the customer of each capture.

    What fails is tried item by item, and then costs its projection, never its capture.
    """
    if not fresh:
        return {}
    try:
        with transaction.atomic():
            return project_captures([i.parsed for i in fresh], source, actor, fresh)
    except (IntegrityError, OperationalError):
        raise
    except Exception:
        logger.exception("captures are projected one by one")
    owners: dict[UUID, UUID | None] = {}
    for item in fresh:
        try:
            with transaction.atomic():
                owners |= project_captures([item.parsed], source, actor, [item])
        except (IntegrityError, OperationalError):
            raise
        except Exception as error:
            logger.exception("a capture could not be projected")
            item.notes.append("projection_failed")
            _note_failure(_capture(item), error, actor)
    return owners


def _note_failure(capture: Capture, error: Exception, actor: Actor) -> None:
    CaptureLink.objects.bulk_create(
        [CaptureLink(business_id=capture.business_id, capture=capture)],
        ignore_conflicts=True,
    )
    log.record(
        "capture.projection_failed",
        capture,
        actor=actor,
        outcome="failed",
        code=type(error).__name__,
    )


def project_captures(
    parsed: list[ParsedCapture],
    source: Source,
    actor: Actor,
    items: Iterable[_Item] = (),
) -> dict[UUID, UUID | None]:
    """Link captures, write their typed rows, and update customers and figures.

    Runs in the caller's transaction. Returns the customer of each capture.
    """
    linked = link(parsed, source, actor=actor)
    envelopes_by_capture = {_capture(item).pk: item.envelope for item in items}
    plain = [item for item in parsed if item.capture.corrects_id is None]
    corrected = replace_corrected(parsed, linked)
    _project(plain, linked, envelopes_by_capture)
    more = _parse_attached(linked.attached)
    linked.customers |= links_of(item.capture.pk for item in more)
    update_customers([*plain, *corrected, *more], linked, source, actor=actor)
    again = [item.capture for item in (*corrected, *more)]
    captures = [*(t.capture for t in plain), *again, *linked.detached]
    paid = project_payments(captures, source, actor=actor)
    is_plain = not (linked.attached or linked.detached or corrected)
    only_active = _only_active(plain, linked) if is_plain else {}
    customers.refresh_stats((linked.touched | paid) - only_active.keys())
    if only_active:
        customers.note_activity(only_active)
    return linked.customers | links_of(t.capture.pk for t in parsed)


def _parse_attached(attached: list[Capture]) -> list[ParsedCapture]:
    """Parse attached captures. Of pages and events only those that may say a no."""
    if not attached:
        return []
    is_telling = ~Q(type__in=SILENT_TYPES) | Q(payload__contains="onsent")
    ids = [capture.pk for capture in attached]
    return parse_captures(Capture.objects.filter(is_telling, pk__in=ids))


def _only_active(
    parsed: list[ParsedCapture], linked: LinkResult
) -> dict[UUID, datetime]:
    """Return the last activity of customers with nothing but pages and events."""
    moments: dict[UUID, datetime] = {}
    updated: set[UUID] = {*linked.new_identifiers}
    for item in parsed:
        owner = linked.customers[item.capture.pk]
        if owner is None:
            continue
        if item.capture.type not in SILENT_TYPES or consent_of(item) is not None:
            updated.add(owner)
        moment = item.capture.occurred_at
        moments[owner] = max(moments.get(owner, moment), moment)
    return {pk: moment for pk, moment in moments.items() if pk not in updated}


def _project(
    parsed: list[ParsedCapture],
    linked: LinkResult,
    envelopes_by_capture: dict[UUID, Envelope],
) -> None:
    typed: dict[str, list[Projection]] = {kind: [] for kind in TYPED}
    for item in parsed:
        capture = item.capture
        envelope = envelopes_by_capture.get(capture.pk)
        if envelope is not None:
            agent = envelope.user_agent
            capture.trace_ip = envelope.ip
            capture.trace_agent = storable(agent) if agent else None
        if capture.type in TYPED:
            projection = project(item, linked.customers[capture.pk])
            projection.ip_address = capture.trace_ip
            projection.user_agent = capture.trace_agent
            typed[capture.type].append(projection)
    for kind, projections in typed.items():
        if projections:
            TYPED[kind]._default_manager.bulk_create(projections)


def _result_of(
    item: _Item, owners: dict[UUID, UUID | None], quarantine_id: UUID | None
) -> IngestResult:
    envelope, issue = item.envelope, item.issue
    capture = item.capture
    result = IngestResult(
        position=item.position,
        status=item.status,
        capture_id=item.capture_id,
        quarantine_id=quarantine_id,
        customer_id=owners.get(item.capture_id) if item.capture_id else None,
        message_id=envelope.message_id,
        warnings=sorted(
            {code for code, _ in (capture.warnings if capture else None) or ()}
            | set(item.notes)
        ),
    )
    if issue is None:
        return result
    is_conflict = item.status == IngestStatus.CONFLICT
    return replace(
        result,
        status=IngestStatus.CONFLICT if is_conflict else IngestStatus.QUARANTINED,
        code=issue.code,
        pointer=issue.pointer,
        detail=issue.message,
    )


def _capture(item: _Item) -> Capture:
    if item.capture is None:
        raise AssertionError
    return item.capture
