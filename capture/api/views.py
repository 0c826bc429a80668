"""The capture routes of the source documents: one message, one answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from django.http import HttpResponse

from audit.rest.exceptions import ApiError
from capture import services
from capture.api.endpoint import (
    CaptureRequest,
    Limits,
    View,
    endpoint,
    read_body,
    refusal_of,
    too_large,
)
from capture.api.responses import (
    captured,
    error_of_result,
    strict_error,
)
from capture.choices import CaptureType, IngestStatus
from capture.envelope import Envelope, IngestResult, Issue
from capture.parsing import BodyItem, Parsed, ParseError, parse_body, read_text

_LIMITS = {CaptureType.QUESTIONNAIRE: Limits(8_000_000, 8_000_000)}


def capture_view(kind: str, *, methods: tuple[str, ...] = ("POST",)) -> View:
    """Return the view that captures messages of one type."""
    limits = _LIMITS.get(CaptureType(kind), Limits())

    def take(capture_request: CaptureRequest) -> HttpResponse:
        capture_request.authenticate_headers()
        parsed, size = parse_for(
            capture_request, limits, adapter="requirement", type=kind
        )
        capture_request.authenticate_body(parsed.value)
        capture_request.consume_quota(1, size)
        item = BodyItem(parsed.text, parsed.value, warnings=tuple(parsed.warnings))
        envelopes = services.build_envelopes(
            kind, item, **capture_request.envelope_fields()
        )
        return answer_one(
            capture_request, ingest_envelopes(capture_request, envelopes)[0]
        )

    return endpoint(take, methods=methods)


def parse_for(
    capture_request: CaptureRequest,
    limits: Limits,
    parse: Callable[[bytes], Parsed] = parse_body,
    **overrides: object,
) -> tuple[Parsed, int]:
    """Return the parsed body, and its size.

    A body that is not JSON goes to quarantine before it is refused, if the request has
    a valid key; without one, the refusal is only counted.
    """
    raw = read_body(capture_request, limits)
    try:
        return parse(raw), len(raw)
    except ParseError as error:
        if capture_request.key is None:
            capture_request.authenticate_body(None)
        capture_request.consume_quota(1, len(raw))
        if capture_request.wire_size > Limits().wire and limits.wire > Limits().wire:
            # The higher limit is for screenshots, not for bodies that are not JSON.
            raise too_large(limits) from error
        refusal = refusal_of(error)
        refusal.more["quarantine_id"] = str(
            _quarantine_raw(capture_request, raw, error, overrides)
        )
        raise refusal from error


def _quarantine_raw(
    capture_request: CaptureRequest,
    raw: bytes,
    error: ParseError,
    overrides: dict[str, object],
) -> UUID | None:
    text, _ = read_text(raw)
    envelope = services.build_unreadable(
        text,
        Issue(error.code, "", error.message),
        **{**capture_request.envelope_fields(), **overrides},
    )
    return ingest_envelopes(capture_request, [envelope])[0].quarantine_id


def ingest_envelopes(
    capture_request: CaptureRequest, envelopes: list[Envelope], *, status: int = 422
) -> list[IngestResult]:
    """Ingest envelopes. Raises ApiError when a strict batch failed."""
    numbered = [replace(e, position=n) for n, e in enumerate(envelopes)]
    try:
        return services.ingest(
            numbered,
            source=capture_request.required_key.source,
            actor=capture_request.actor,
            strict=capture_request.is_strict,
        )
    except services.StrictError as error:
        raise strict_error(error.results, status) from error


def answer_one(capture_request: CaptureRequest, result: IngestResult) -> HttpResponse:
    """Return the answer to a single message. Raises ApiError when it was not taken."""
    if result.status in (IngestStatus.CONFLICT, IngestStatus.QUARANTINED):
        raise error_of_result(result)
    return captured(result, show_customer=capture_request.is_secret)


def _missing(_capture_request: CaptureRequest, **_: object) -> HttpResponse:
    raise ApiError(404, "not_found", "There is nothing here.")


# A path that does not exist answers in the form of every other error.
missing_view = endpoint(
    _missing,
    methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
)
