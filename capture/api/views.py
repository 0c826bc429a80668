"""The capture routes of the source documents: one message, one answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse

from audit.rest.exceptions import ApiError
from capture import services
from capture.api.answers import (
    captured,
    refusal_of_verdict,
    strict_refusal,
)
from capture.api.doors import (
    Limits,
    View,
    Visit,
    endpoint,
    read_body,
    refusal_of,
    too_large,
)
from capture.choices import CaptureType, Status
from capture.envelope import Envelope, Issue, Verdict
from capture.parsing import Parsed, ParseError, Piece, parse_body, read_text

_LIMITS = {CaptureType.QUESTIONNAIRE: Limits(8_000_000, 8_000_000)}


def capture_view(kind: str, *, methods: tuple[str, ...] = ("POST",)) -> View:
    """Return the view that captures messages of one type."""
    limits = _LIMITS.get(CaptureType(kind), Limits())

    def take(visit: Visit) -> HttpResponse:
        visit.unlock_by_headers()
        parsed, size = parse_for(visit, limits, adapter="requirement", type=kind)
        visit.unlock_by_body(parsed.value)
        visit.spend(1, size)
        item = Piece(parsed.text, parsed.value, warnings=tuple(parsed.warnings))
        envelopes = services.build_envelopes(kind, item, **visit.facts())
        return answer_one(visit, keep(visit, envelopes)[0])

    return endpoint(take, methods=methods)


def parse_for(
    visit: Visit,
    limits: Limits,
    parse: Any = parse_body,
    **facts: Any,
) -> tuple[Parsed, int]:
    """Return the values of the body, and its size.

    A body that is no JSON is kept in quarantine before it is refused, if a key came
    with the request; a stranger leaves nothing but a number.
    """
    raw = read_body(visit, limits)
    try:
        return parse(raw), len(raw)
    except ParseError as error:
        if visit.key is None:
            visit.unlock_by_body(None)
        visit.spend(1, len(raw))
        if visit.wire_size > Limits().wire and limits.wire > Limits().wire:
            # More room is for screenshots, not for what nobody can read.
            raise too_large(limits) from error
        refusal = refusal_of(error)
        refusal.more["quarantine_id"] = str(_keep_raw(visit, raw, error, facts))
        raise refusal from error


def _keep_raw(
    visit: Visit, raw: bytes, error: ParseError, facts: dict[str, Any]
) -> Any:
    text, _ = read_text(raw)
    envelope = services.build_unreadable(
        text, Issue(error.code, "", error.message), **{**visit.facts(), **facts}
    )
    return keep(visit, [envelope])[0].quarantine_id


def keep(
    visit: Visit, envelopes: list[Envelope], *, status: int = 422
) -> list[Verdict]:
    """Hand envelopes to the pipeline. Raises ApiError when a strict batch failed."""
    numbered = [replace(e, index=n) for n, e in enumerate(envelopes)]
    try:
        return services.ingest(
            numbered,
            source=visit.key.source,
            actor=visit.actor,
            strict=visit.is_strict,
        )
    except services.StrictError as error:
        raise strict_refusal(error.verdicts, status) from error


def answer_one(visit: Visit, verdict: Verdict) -> HttpResponse:
    """Return the answer to a single message. Raises ApiError when it was not taken."""
    if verdict.status in (Status.CONFLICT, Status.QUARANTINED):
        raise refusal_of_verdict(verdict)
    return captured(verdict, show_customer=visit.is_secret)


def _missing(_visit: Visit, **_: Any) -> HttpResponse:
    raise ApiError(404, "not_found", "There is nothing here.")


# A path that does not exist answers in the form of every other error.
missing_view = endpoint(
    _missing,
    methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
)
