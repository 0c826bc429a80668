"""Selectors of captures and quarantine, limited to the businesses of the actor."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import Max, QuerySet

from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from capture.ingest.projections import parse_captures
from capture.ingest.screenshots import path_of
from capture.models import (
    Capture,
    Payment,
    Quarantine,
    Questionnaire,
    RefusalCount,
    Source,
)
from capture.models.quarantine import QuarantineQuerySet
from customers import services as customers


def list_captures(
    *, actor: Actor, kind: str = "", customer: UUID | None = None
) -> QuerySet[Capture]:
    """Return captures that the actor may see, with source and link."""
    captures = customers.list_visible(Capture, actor=actor).select_related(
        "source", "link"
    )
    if kind:
        captures = captures.filter(type=kind)
    if customer is not None:
        captures = captures.filter(link__customer=customer)
    return captures


def fields_of(capture: Capture) -> JsonObject:
    """Return what a capture says in our words, as corrections left it."""
    return parse_captures([capture])[0].fields


def last_capture(source: Source) -> datetime | None:
    """Return when a source's last capture arrived."""
    captures = Capture.objects.filter(business=source.business_id, source=source)
    latest: datetime | None = captures.aggregate(last=Max("received_at"))["last"]
    return latest


def list_refusals(source: Source) -> QuerySet[RefusalCount]:
    """Return how often requests of a source's keys were refused, by hour and reason."""
    return RefusalCount.objects.filter(source=source)


def format_amount(payment: Payment) -> str:
    """Return what was paid, at the currency's own precision."""
    if payment.final_price is None:
        return "–"
    return customers.format_money(payment.final_price, payment.currency)


def open_screenshot(questionnaire: Questionnaire) -> File | None:
    """Return the open file of a questionnaire's screenshot; None when there is none."""
    if not questionnaire.account_screenshot:
        return None
    path = path_of(questionnaire.business_id, questionnaire.account_screenshot)
    return default_storage.open(path) if default_storage.exists(path) else None


def list_quarantined(
    *, actor: Actor, code: str = "", is_open: bool = True
) -> QuarantineQuerySet:
    """Return quarantined items that the actor may see: those still open, or all."""
    items = cast("QuarantineQuerySet", customers.list_visible(Quarantine, actor=actor))
    items = items.select_related("source")
    if is_open:
        items = items.open()
    return items.filter(code=code) if code else items


def list_sightings(capture: Capture) -> QuerySet:
    """Return the repeats of a capture, the newest first."""
    return capture.sightings.all()
