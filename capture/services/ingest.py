"""One pipeline for every door: captures, customers, links, typed rows, figures.

One transaction and a constant number of statements for one message or a hundred.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction

from audit import services as audit
from audit.actors import Actor
from capture.choices import CaptureType, Status, Trust
from capture.envelope import Envelope, Verdict
from capture.models import Capture, Source
from capture.services.identity import Linked, Pair, link, links_of
from capture.services.normalising import build_capture
from capture.services.projecting import TYPED, earliest_signups, project, text
from customers import services as customers

_TRIES = 3
_STATUSES = ("active", "inactive")


def ingest(envelopes: list[Envelope], *, source: Source, actor: Actor) -> list[Verdict]:
    """Keep messages and everything that follows from them, and say what became of each.

    The caller has found no problem in them (`find_problem`). Runs in one transaction;
    two that make the same customer at once are told apart by the database, and the
    loser runs again. Raises PermissionDenied for a source of another business.
    """
    actor.require(source.business_id)
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return _ingest(envelopes, source, actor)
        except (IntegrityError, OperationalError):
            if attempt == _TRIES:
                raise
    raise AssertionError  # pragma: no cover - the loop returns or raises


def _ingest(envelopes: list[Envelope], source: Source, actor: Actor) -> list[Verdict]:
    audit.ensure_operation(actor)
    built = [Pair(e, build_capture(e, source, actor)) for e in envelopes]
    first = {pair.capture.message_id: pair for pair in reversed(built)}
    # In the order of their keys: two batches with the same ids would deadlock.
    rows = [first[key].capture for key in sorted(first)]
    Capture.objects.bulk_create(rows, ignore_conflicts=True)
    stored = _stored(source, list(first))
    fresh = [
        p for p in first.values() if stored[p.capture.message_id][0] == p.capture.pk
    ]
    found = link(fresh, source, actor=actor)
    linked = found.customers
    _project(fresh, linked)
    _update_customers(fresh, found, source, actor)
    touched = {pk for pk in linked.values() if pk is not None}
    customers.refresh_stats(touched | found.joined)
    known = [pk for pk, _ in stored.values() if pk not in linked]
    linked |= links_of(known)
    return [_verdict(pair, stored, linked, first) for pair in built]


def _stored(source: Source, ids: list[str]) -> dict[str, tuple[UUID, bytes | None]]:
    rows = Capture.objects.filter(
        business=source.business_id, source=source, message_id__in=ids
    )
    return {
        message_id: (pk, bytes(mark) if mark is not None else None)
        for message_id, pk, mark in rows.values_list("message_id", "pk", "fingerprint")
    }


def _verdict(
    pair: Pair,
    stored: dict[str, tuple[UUID, bytes | None]],
    linked: dict[UUID, UUID | None],
    first: dict[str, Pair],
) -> Verdict:
    capture = pair.capture
    kept_id, mark = stored[capture.message_id]
    status: str = Status.DUPLICATE
    if kept_id == capture.pk and first[capture.message_id] is pair:
        status = Status.ACCEPTED
    elif mark is not None and mark != capture.fingerprint:
        status = Status.CONFLICT
    return Verdict(
        index=pair.envelope.index,
        status=status,
        capture_id=kept_id,
        customer_id=linked.get(kept_id),
        warnings=sorted({code for code, _ in capture.warnings or ()}),
    )


def _project(pairs: list[Pair], linked: dict[UUID, UUID | None]) -> None:
    typed: dict[Any, list[Any]] = {model: [] for model in TYPED.values()}
    for pair in pairs:
        row = project(pair.capture, linked[pair.capture.pk])
        if row is not None:
            named = pair.envelope.fields.get("ip_address")
            row.ip_address = text(named, 45) or pair.envelope.ip
            row.user_agent = pair.envelope.user_agent
            typed[type(row)].append(row)
    for model, rows in typed.items():
        if rows:
            model.objects.bulk_create(rows)


def _update_customers(
    pairs: list[Pair], linked: Linked, source: Source, actor: Actor
) -> None:
    told: dict[UUID, dict[str, Any]] = {pk: {**f} for pk, f in linked.learned.items()}
    consents = []
    for pair in sorted(pairs, key=lambda p: p.capture.occurred_at):
        customer_id = linked.customers[pair.capture.pk]
        if customer_id is None:
            continue
        if pair.envelope.type in (CaptureType.SIGNUP, CaptureType.PROFILE):
            told.setdefault(customer_id, {}).update(_facts(pair.envelope))
        answer = pair.envelope.fields.get("marketing_consent")
        if isinstance(answer, bool):
            moment = pair.capture.occurred_at
            consents.append((customer_id, answer, moment, pair.capture.pk))
    for pk, moment in earliest_signups(told).items():
        told[pk]["joined_at"] = moment
    if told:
        trust = pairs[0].envelope.trust
        customers.update_captured_customers(
            told, actor=actor, only_blanks=trust == Trust.BROWSER
        )
    customers.record_captured_consents(
        consents,
        business_id=source.business_id,
        wording_version=source.consent_wording_version,
        actor=actor,
    )


def _facts(envelope: Envelope) -> dict[str, Any]:
    fields = envelope.fields
    status = fields.get("status")
    facts = {
        "name": text(fields.get("full_name"), 255),
        "phone": text(fields.get("mobile_number"), 50),
        "location": text(fields.get("location"), 200),
        "source": text(fields.get("signup_source", fields.get("source")), 100),
        "status": status if status in _STATUSES else None,
    }
    return {name: value for name, value in facts.items() if value}
