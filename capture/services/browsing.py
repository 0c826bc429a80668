"""The doors to captures and quarantine: who asks sees the own businesses' rows."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models import Max, Q

from audit.actors import Actor
from capture.models import (
    Capture,
    Payment,
    Quarantine,
    Questionnaire,
    RefusalCount,
    Sighting,
    Source,
)
from capture.services.projecting import tell_all
from capture.services.screenshots import path_of
from customers import services as customers

_LARGEST_PAGE = 200


@dataclass(frozen=True)
class Page:
    """Rows of one page, and where the next one begins; None after the last."""

    rows: list[Any]
    next_cursor: str | None


class CursorError(ValueError):
    """A cursor that was not made here."""


def list_captures(*, actor: Actor, kind: str = "", customer: UUID | None = None) -> Any:
    """Return captures that the actor may see, with source and link."""
    rows = customers.list_rows(Capture, actor=actor).select_related("source", "link")
    if kind:
        rows = rows.filter(type=kind)
    if customer is not None:
        rows = rows.filter(link__customer=customer)
    return rows


def get_capture(pk: UUID, *, actor: Actor) -> Capture:
    """Return one capture; DoesNotExist for missing and for foreign ones."""
    row: Capture = list_captures(actor=actor).get(pk=pk)
    return row


def fields_of(capture: Capture) -> dict[str, Any]:
    """Return what a capture says in our words, as corrections left it."""
    return tell_all([capture])[0].fields


def last_capture(source: Source) -> datetime | None:
    """Return when a source's last capture arrived."""
    rows = Capture.objects.filter(business=source.business_id, source=source)
    found: datetime | None = rows.aggregate(last=Max("received_at"))["last"]
    return found


def list_refusals(source: Source) -> Any:
    """Return how often requests of a source's keys were refused, by hour and reason."""
    return RefusalCount.objects.filter(source=source)


def shown_amount(payment: Payment) -> str:
    """Return what was paid, at the currency's own precision."""
    if payment.final_price is None:
        return "–"
    return customers.shown_money(payment.final_price, payment.currency)


def open_screenshot(row: Questionnaire) -> Any:
    """Return the open file of a questionnaire's screenshot; None when there is none."""
    if not row.account_screenshot:
        return None
    path = path_of(row.business_id, row.account_screenshot)
    return default_storage.open(path) if default_storage.exists(path) else None


def list_quarantined(*, actor: Actor, code: str = "", is_open: bool = True) -> Any:
    """Return quarantined items that the actor may see: those still open, or all."""
    rows: Any = customers.list_rows(Quarantine, actor=actor)
    rows = rows.select_related("source")
    if is_open:
        rows = rows.open()
    return rows.filter(code=code) if code else rows


def get_quarantined(pk: UUID, *, actor: Actor) -> Quarantine:
    """Return one item; DoesNotExist for missing and for foreign ones."""
    row: Quarantine = list_quarantined(actor=actor, is_open=False).get(pk=pk)
    return row


def list_sightings(capture: Capture) -> Any:
    """Return the repeats of a capture, the newest first."""
    return Sighting.objects.filter(capture=capture)


def page_of(rows: Any, cursor: str, size: int) -> Page:
    """Return one page of rows by arrival, the newest first. Raises CursorError."""
    size = max(1, min(size, _LARGEST_PAGE))
    rows = rows.order_by("-received_at", "-pk")
    if cursor:
        moment, pk = _read(cursor)
        rows = rows.filter(Q(received_at__lt=moment) | Q(received_at=moment, pk__lt=pk))
    found = list(rows[: size + 1])
    is_last = len(found) <= size
    found = found[:size]
    return Page(found, None if is_last or not found else _write(found[-1]))


def _write(row: Any) -> str:
    text = f"{row.received_at.isoformat()}|{row.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        moment, _, pk = text.partition("|")
        return datetime.fromisoformat(moment), UUID(pk)
    except (ValueError, binascii.Error) as error:
        msg = "Take the cursor from `next` of the page before."
        raise CursorError(msg) from error
