"""One pipeline for every endpoint: captures, customers, links, typed rows, figures.

One transaction and a constant number of statements for one message or a thousand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q

from audit import log
from audit.tenancy.actors import Actor
from capture.choices import IngestStatus, Trust
from capture.envelope import Envelope, IngestResult
from capture.ingest.corrected_projections import replace_corrected
from capture.ingest.customer_values import SILENT_TYPES, consent_of, update_customers
from capture.ingest.identity import LinkResult, link, links_of
from capture.ingest.items import INTERNAL, IngestItem, MessageKey, capture_of, key_of
from capture.ingest.locking import lock_names
from capture.ingest.normalisation import build_capture, issue_of, storable
from capture.ingest.payments import project_payments
from capture.ingest.projections import (
    TYPED,
    ParsedCapture,
    parse_captures,
    project,
)
from capture.ingest.quarantine import quarantine
from capture.ingest.repeats import (
    StoredCapture,
    judge_repeats,
    record_repeats,
    repeats_of_servers,
    stored_captures,
    unchanged_dashboards,
)
from capture.models import (
    Capture,
    CaptureLink,
    Source,
)
from capture.models.projections import Projection
from customers import services as customers

logger = logging.getLogger(__name__)

# The warning of a message whose customer staff have to name.
IDENTITY_REVIEW = "identity_review"
_TRIES = 3
_T = TypeVar("_T")


class StrictError(Exception):
    """A strict batch that holds something wrong: nothing of it was accepted.

    `results` name the items that were wrong; those are in quarantine.
    """

    def __init__(self, results: list[IngestResult]) -> None:
        super().__init__("strict")
        self.results = results


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
    def __init__(self, items: list[IngestItem]) -> None:
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


def _prepare(n: int, envelope: Envelope, source: Source, actor: Actor) -> IngestItem:
    issue = issue_of(envelope, source)
    item = IngestItem(n, envelope, issue=issue)
    if item.issue is None:
        try:
            item.capture = build_capture(envelope, source, actor)
        except Exception:
            # One item that we cannot handle must not cost its neighbours.
            logger.exception("an item could not be prepared")
            item.issue = INTERNAL
    return item


def _ingest(
    items: list[IngestItem], source: Source, actor: Actor, *, strict: bool
) -> list[IngestResult]:
    log.ensure_operation(actor)
    # A try before this one may have left its marks.
    good = [_reset(item) for item in items if item.capture is not None]
    repeated = unchanged_dashboards(good, source)
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
    record_repeats(good, source, actor)
    fresh = [item for item in first if item.status == IngestStatus.ACCEPTED]
    linked = _project_new(fresh, source, actor)
    before = {
        i.capture_id for i in good if i.capture_id and i.status != IngestStatus.ACCEPTED
    }
    owners = linked | links_of(pk for pk in before if pk not in linked)
    return [_result_of(item, owners, quarantine_id_of.get(id(item))) for item in items]


def _reset(item: IngestItem) -> IngestItem:
    """Return the item as it was before it met the database."""
    item.status, item.capture_id, item.notes = IngestStatus.ACCEPTED, None, []
    item.issue = item.envelope.issue
    return item


def _quarantine_items(
    items: list[IngestItem], source: Source, actor: Actor
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
    good: list[IngestItem], repeated: dict[MessageKey, UUID], source: Source
) -> list[IngestItem]:
    """Insert captures, then set the status of every item; return the new ones."""
    first: dict[MessageKey, IngestItem] = {}
    for item in good:
        key = key_of(item)
        if key in repeated:
            item.status = IngestStatus.DUPLICATE
            item.capture_id = repeated[key]
            item.notes.append("unchanged")
        else:
            first.setdefault(key, item)
    before = repeats_of_servers(first, source)
    for key in before:
        del first[key]
    # In the order of their keys: two batches with the same ids would deadlock.
    captures = [capture_of(first[key]) for key in sorted(first)]
    lock_names(captures)
    stored = before | _insert_captures(captures, first, source)
    judge_repeats(good, first, stored)
    return [item for item in first.values() if item.issue is None]


def _insert_captures(
    captures: list[Capture], first: dict[MessageKey, IngestItem], source: Source
) -> dict[MessageKey, StoredCapture]:
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
                    Capture.objects.bulk_create(
                        [capture_of(item)], ignore_conflicts=True
                    )
            except (IntegrityError, OperationalError):
                raise
            except Exception:
                logger.exception("a capture could not be inserted")
                item.issue = INTERNAL
    return stored_captures(source, first)


def _project_new(
    fresh: list[IngestItem], source: Source, actor: Actor
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
            _note_failure(capture_of(item), error, actor)
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
    items: Iterable[IngestItem] = (),
) -> dict[UUID, UUID | None]:
    """Link captures, write their typed rows, and update customers and figures.

    Runs in the caller's transaction. Returns the customer of each capture.
    """
    items = list(items)
    linked = link(parsed, source, actor=actor)
    for item in items:
        # To a page it would tell that somebody has the e-mail, or had it.
        is_page = capture_of(item).trust == Trust.BROWSER
        if capture_of(item).pk in linked.waiting and not is_page:
            item.notes.append(IDENTITY_REVIEW)
    envelopes_by_capture = {capture_of(item).pk: item.envelope for item in items}
    project_linked(parsed, linked, source, actor, envelopes_by_capture)
    return linked.customers | links_of(t.capture.pk for t in parsed)


def project_linked(
    parsed: list[ParsedCapture],
    linked: LinkResult,
    source: Source,
    actor: Actor,
    envelopes_by_capture: dict[UUID, Envelope],
) -> None:
    """Write the typed rows of new captures, and what linking has changed.

    Updates customers and figures, also of captures that were attached or detached.
    Runs in the caller's transaction.
    """
    plain = [item for item in parsed if item.capture.corrects_id is None]
    corrected = replace_corrected(parsed, linked)
    _project(plain, linked, envelopes_by_capture)
    more = _parse_attached([*linked.attached, *linked.questioned])
    linked.customers |= links_of(item.capture.pk for item in more)
    update_customers([*plain, *corrected, *more], linked, source, actor=actor)
    again = [item.capture for item in (*corrected, *more)]
    captures = [*(t.capture for t in plain), *again, *linked.detached]
    paid = project_payments(captures, source, actor=actor)
    is_plain = not (linked.attached or linked.detached or linked.waiting or corrected)
    only_active = _only_active(plain, linked) if is_plain else {}
    customers.refresh_stats((linked.touched | paid) - only_active.keys())
    if only_active:
        customers.note_activity(only_active)


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
    item: IngestItem, owners: dict[UUID, UUID | None], quarantine_id: UUID | None
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
