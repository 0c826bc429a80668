"""Quarantined items, and whole bodies, that are taken after all."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import log
from audit.database.batches import give_way
from audit.database.outages import is_unavailable
from audit.tenancy.actors import Actor
from capture.choices import CaptureType, Decision, IngestStatus
from capture.envelope import Envelope, IngestResult
from capture.ingest.entrances import (
    BODY_KEYS,
    NATIVE_ITEMS,
    SDK_ITEMS,
    Items,
    kind_of_route,
    native_items,
    parse_native,
    parse_segment,
    segment_items,
)
from capture.ingest.envelopes import CLOUDEVENTS, NATIVE, SEGMENT, build_again
from capture.ingest.items import MessageKey
from capture.ingest.normalisation import stored_message_id
from capture.ingest.pipeline import ingest
from capture.ingest.quarantine import UNREAD, decide
from capture.ingest.repeats import find_repeats
from capture.models import Capture, Quarantine, QuarantineDecision, Source
from capture.parsing import BodyItem, Parsed, ParseError, parse_body

logger = logging.getLogger(__name__)

_TAKEN = (IngestStatus.ACCEPTED, IngestStatus.DUPLICATE)


@transaction.atomic
def replay_quarantined(
    quarantined: Quarantine,
    *,
    actor: Actor,
    text: str | None = None,
    reason: str | None = None,
) -> IngestResult:
    """Take a quarantined item as it is, or as `text` corrects it; the original stays.

    What could not be read at all goes through the parsing of its entrance again, so
    that a whole body of several items is taken as the batch it is: the result then
    has one for each in `items`, what is still wrong is in quarantine by itself, and
    the decision says how many became what. A capture has the item's own arrival time
    and message id, or `replay:<id>` when other content has that id. Repeating a replay
    returns the same capture. When nothing of it can be taken, the result says what is
    still wrong and nothing was decided. Raises ValidationError for text that is no
    JSON. One transaction; a savepoint where the caller has one.
    """
    actor.require_perm(quarantined.business_id, "capture.replay_quarantine")
    # The row itself is kept as it is and cannot be locked by whoever may not change it.
    sources = Source.objects.select_related("business")
    source = sources.select_for_update(of=("self",), no_key=True).get(
        pk=quarantined.source_id
    )
    done = QuarantineDecision.objects.filter(
        quarantine=quarantined, decision=Decision.REPLAYED
    ).first()
    if done is not None:
        return IngestResult(0, IngestStatus.DUPLICATE, capture_id=done.capture_id)
    entry, groups = _read_again(quarantined, text or quarantined.item or "", source)
    if all(group[0].issue for group in groups):
        return _failed_result(quarantined, entry, groups)
    if not entry.is_batch:
        groups = [_with_free_ids(groups[0], quarantined, source)]
    flat = [
        replace(envelope, position=n)
        for n, group in enumerate(groups)
        for envelope in group
    ]
    results = iter(ingest(flat, source=source, actor=actor))
    # A profile with a login time is two messages, and one item.
    item_results = [[next(results) for _ in group][0] for group in groups]  # noqa: RUF015 - all are taken
    item_results = [replace(each, position=n) for n, each in enumerate(item_results)]
    first = next((v for v in item_results if v.status in _TAKEN), item_results[0])
    if first.status in _TAKEN:
        if entry.is_batch:
            reason = " ".join(filter(None, [reason, _summary(item_results)]))
        decide(
            quarantined, Decision.REPLAYED, first.capture_id, actor=actor, reason=reason
        )
    return replace(first, items=item_results) if entry.is_batch else first


def replay_all(
    items: Iterable[Quarantine],
    *,
    actor: Actor,
    reason: str | None = None,
    on_each: Callable[[int], None] = lambda _: None,
) -> int:
    """Replay many items, each in a transaction of its own; return how many were taken.

    Savepoints inside of the caller's. Others may write between two of them. `on_each`
    is told how many are done.
    """
    taken = 0
    for number, quarantined in enumerate(items, start=1):
        started = time.monotonic()
        try:
            result = replay_quarantined(quarantined, actor=actor, reason=reason)
        except ValidationError:
            pass
        except Exception as error:
            if is_unavailable(error):
                raise
            # A bug in one of them must not stop the others.
            logger.exception(
                "item %s of the quarantine cannot be replayed", quarantined.pk
            )
        else:
            taken += result.status in _TAKEN
        give_way(time.monotonic() - started)
        on_each(number)
    return taken


def _read_again(
    quarantined: Quarantine, text: str, source: Source
) -> tuple[Items, list[list[Envelope]]]:
    """Return the items of a row and the envelopes of each, as its entrance reads it."""
    operation = log.find_operation(quarantined.operation_id)
    kind = kind_of_route(operation.route) if operation else None
    try:
        entry = _items_of(quarantined, text.encode(errors="replace"), kind)
    except ParseError as error:
        fault = error.message.partition(".")[0]
        msg = _("%(fault)s. Correct the text.") % {"fault": fault}
        raise ValidationError(msg, code=error.code) from error
    envelope_fields = {
        "trust": quarantined.trust,
        "key_id": quarantined.key_id,
        "received_at": quarantined.received_at,
        "replay_of": quarantined.pk,
        "ip": operation.ip if operation else None,
        "user_agent": operation.user_agent if operation else None,
    }
    sent = entry.sent_at or (
        quarantined.sent_at.isoformat() if quarantined.sent_at else None
    )
    adapter, capture_type = quarantined.adapter, quarantined.type or CaptureType.EVENT
    return entry, [
        build_again(
            adapter,
            capture_type,
            item,
            source,
            # Where it stood in a header.
            webhook_id=quarantined.message_id,
            sent_at=sent,
            **envelope_fields,
        )
        for item in entry.items
    ]


def _items_of(quarantined: Quarantine, body: bytes, kind: str | None) -> Items:
    """Return the items of a text. Raises ParseError or ValidationError."""
    items, most = None, SDK_ITEMS
    if quarantined.stage == UNREAD and quarantined.adapter == SEGMENT:
        parsed = parse_segment(body)
        _drop_key(parsed)
        items = segment_items(parsed, kind)
    elif quarantined.stage == UNREAD and quarantined.adapter in (NATIVE, CLOUDEVENTS):
        parsed, most = parse_native(body), NATIVE_ITEMS
        _drop_key(parsed)
        items = native_items(parsed, is_single=True)
    else:
        parsed = parse_body(body)
    if items is None:
        return Items([BodyItem(parsed.text, parsed.value)], is_batch=False)
    if not 0 < len(items.items) <= most:
        msg = _("Replay 1 to %(most)s items at once.") % {"most": most}
        raise ValidationError(msg, code="item_count")
    return items


def _drop_key(parsed: Parsed) -> None:
    if isinstance(parsed.value, dict):
        for name in BODY_KEYS:
            parsed.value.pop(name, None)


def _failed_result(
    quarantined: Quarantine, entry: Items, groups: list[list[Envelope]]
) -> IngestResult:
    issue = groups[0][0].issue
    if issue is None:
        raise AssertionError
    place = f"{entry.prefix}/0" if entry.is_batch else ""
    return IngestResult(
        0,
        IngestStatus.QUARANTINED,
        quarantine_id=quarantined.pk,
        code=issue.code,
        pointer=f"{place}{issue.pointer}",
        detail=issue.message,
    )


def _summary(results: list[IngestResult]) -> str:
    """Return what became of the items of a body, as a sentence."""
    counts = Counter(result.status for result in results)
    counted = ", ".join(f"{counts[s]} {s}" for s in IngestStatus.values if counts[s])
    return f"Of {len(results)} items: {counted}."


def _with_free_ids(
    envelopes: list[Envelope], quarantined: Quarantine, source: Source
) -> list[Envelope]:
    """Return the messages under ids that no other content has."""
    ids = [stored_message_id(envelope, source) for envelope in envelopes]
    captures = Capture.objects.filter(
        business=source.business_id, source=source, message_id__in=filter(None, ids)
    )
    taken = {
        MessageKey.of(trust, name): pk
        for trust, name, pk in captures.values_list("trust", "message_id", "pk")
    }
    keys = [
        MessageKey.of(envelope.trust, name or "")
        for envelope, name in zip(envelopes, ids, strict=True)
    ]
    same = find_repeats(
        [(taken.get(key), e) for key, e in zip(keys, envelopes, strict=True)]
    )
    return [
        envelope
        if key.message_id and (key not in taken or is_same)
        else replace(
            envelope, message_id=f"replay:{quarantined.pk}{f':{n}' if n else ''}"
        )
        for n, (key, is_same, envelope) in enumerate(
            zip(keys, same, envelopes, strict=True)
        )
    ]
