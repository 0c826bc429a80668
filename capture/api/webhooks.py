"""Signed events of payment providers: exact bytes first, then everything else."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, JsonResponse

from audit.rest.exceptions import ApiError
from audit.tenancy.actors import Actor
from audit.tenancy.scope import set_tenant_scope
from capture import services
from capture.adapters import SignatureError, stripe_livemode
from capture.api.endpoint import (
    CaptureRequest,
    Limits,
    View,
    endpoint,
    read_body,
    refusal_of,
)
from capture.choices import IngestStatus, Provider, Trust
from capture.envelope import Envelope, IngestResult, Issue
from capture.models import WebhookEndpoint
from capture.parsing import ParseError, parse_body, read_text, redact_text

_LIMITS = Limits(wire=1_000_000, unpacked=1_000_000)
_MAX_UNSIGNED = 65_536


def webhook_view(provider: str) -> View:
    """Return the view to which one provider delivers."""

    def take(capture_request: CaptureRequest, endpoint_id: UUID) -> HttpResponse:
        webhook_endpoint = services.find_endpoint(provider, endpoint_id)
        if webhook_endpoint is None:
            capture_request.consume_quota(1, 0)
            raise ApiError(404, "not_found", "There is nothing here.")
        set_tenant_scope({webhook_endpoint.business_id})
        raw = read_body(capture_request, _LIMITS)
        envelope_fields = _envelope_fields(capture_request, webhook_endpoint)
        try:
            signature, webhook_id = services.verify(
                webhook_endpoint,
                raw,
                capture_request.request.headers,
                capture_request.received_at,
            )
        except SignatureError as error:
            capture_request.consume_quota(1, len(raw))
            refused = Issue(error.code, "", "No secret of this endpoint signed this.")
            _quarantine_unread(
                capture_request, webhook_endpoint, raw, refused, envelope_fields
            )
            raise ApiError(400, error.code, refused.message) from error
        envelope_fields = {**envelope_fields, **_evidence(raw, signature)}
        return _receive(
            capture_request, webhook_endpoint, raw, envelope_fields, webhook_id
        )

    return endpoint(take, methods=("POST",))


def _receive(
    capture_request: CaptureRequest,
    webhook_endpoint: WebhookEndpoint,
    raw: bytes,
    envelope_fields: dict[str, object],
    webhook_id: str | None,
) -> HttpResponse:
    unread = {**envelope_fields, "message_id": webhook_id}
    try:
        event = parse_body(raw).value
    except ParseError as error:
        wrong = Issue(error.code, "", error.message)
        _quarantine_unread(capture_request, webhook_endpoint, raw, wrong, unread)
        raise refusal_of(error) from error
    if webhook_endpoint.provider == Provider.STRIPE and not _fits_mode(
        webhook_endpoint, event
    ):
        wrong = Issue("livemode_mismatch", "/livemode", "The endpoint is for the "
                        "other mode, live or test.")  # fmt: skip
        _quarantine_unread(capture_request, webhook_endpoint, raw, wrong, unread)
        raise ApiError(400, wrong.code, wrong.message)
    envelopes = services.build_webhook(
        webhook_endpoint.provider, event, webhook_id=webhook_id, **envelope_fields
    )
    result = _ingest(capture_request, webhook_endpoint, envelopes)[0]
    # What cannot be read is in quarantine: sending it again would not help.
    return JsonResponse(
        {
            "success": result.status in (IngestStatus.ACCEPTED, IngestStatus.DUPLICATE),
            "status": result.status,
            "capture_id": str(result.capture_id) if result.capture_id else None,
            "duplicate": result.status == IngestStatus.DUPLICATE,
        }
    )


def _envelope_fields(
    capture_request: CaptureRequest, webhook_endpoint: WebhookEndpoint
) -> dict[str, object]:
    return {
        "trust": Trust.WEBHOOK,
        "business_id": webhook_endpoint.business_id,
        "received_at": capture_request.received_at,
    }


def _evidence(raw: bytes, signature: str) -> dict[str, object]:
    """Return the exact bytes and their signature; masked where they hold a secret."""
    text, _ = read_text(raw)
    clean = redact_text(text)
    exact = raw if clean == text else clean.encode("utf-8", errors="replace")
    return {"raw": exact, "raw_signature": signature}


def _quarantine_unread(
    capture_request: CaptureRequest,
    webhook_endpoint: WebhookEndpoint,
    raw: bytes,
    wrong: Issue,
    envelope_fields: dict[str, object],
) -> None:
    text, _ = read_text(raw)
    envelope_fields = {
        **envelope_fields,
        "adapter": webhook_endpoint.provider,
        "raw": None,
    }
    if wrong.code in ("bad_signature", "stale_signature"):
        # Anybody can send this: store only a part, and do not trust it in a replay.
        envelope_fields["trust"], text = Trust.BROWSER, text[:_MAX_UNSIGNED]
    envelope = services.build_unreadable(text, wrong, **envelope_fields)
    _ingest(capture_request, webhook_endpoint, [envelope])


def _ingest(
    capture_request: CaptureRequest,
    webhook_endpoint: WebhookEndpoint,
    envelopes: list[Envelope],
) -> list[IngestResult]:
    actor = Actor.from_key(webhook_endpoint, capture_request.operation)
    return services.ingest(envelopes, source=webhook_endpoint.source, actor=actor)


def _fits_mode(webhook_endpoint: WebhookEndpoint, event: object) -> bool:
    if webhook_endpoint.livemode is None or not isinstance(event, dict):
        return True
    return stripe_livemode(event) in (None, webhook_endpoint.livemode)
