"""The routes of the Segment and RudderStack SDKs, unmodified clients included.

Their clients throw a whole batch away on a 4xx and take nothing but 200 for success,
so what is wrong with one item goes to quarantine and the answer is 200.
"""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse

from audit.rest.exceptions import ApiError
from capture import services
from capture.api.endpoint import CaptureRequest, Limits, View, endpoint, too_many_items
from capture.api.responses import batch
from capture.api.views import ingest_envelopes, parse_for
from capture.choices import KeyKind
from capture.parsing import Parsed

LIMITS = Limits(wire=4_000_000, unpacked=5_000_000, items=services.SDK_ITEMS)
KINDS = services.SDK_KINDS
BATCHES = ("batch", "import", "b")


def sdk_view(name: str) -> View:
    """Return the view of one path: a kind of message, or a batch of them."""
    kind = KINDS.get(name)

    def take(capture_request: CaptureRequest, **_: object) -> HttpResponse:
        capture_request.authenticate_headers(
            capture_request.request.GET.get("writeKey")
        )
        parsed, size = parse_for(
            capture_request, LIMITS, services.parse_segment, adapter="segment"
        )
        capture_request.authenticate_body(parsed.value)
        items = _items(parsed, kind)
        capture_request.consume_quota(len(items.items), size)
        sent = items.sent_at or capture_request.request.headers.get("SentAt")
        envelope_fields = {**capture_request.envelope_fields(), "sent_at": sent}
        names = services.event_names(capture_request.required_key.source)
        envelopes = [
            services.build_segment(item, None, names, **envelope_fields)[0]
            for item in items.items
        ]
        results = ingest_envelopes(capture_request, envelopes, status=400)
        return batch(
            capture_request.request, results, show_customer=capture_request.is_secret
        )

    return endpoint(take, methods=("POST",))


def _settings(capture_request: CaptureRequest, write_key: str) -> HttpResponse:
    """Answer what analytics-next asks before it sends: where to."""
    key = services.find_key(write_key)
    if key is None or key.kind != KeyKind.PUBLISHABLE:
        raise ApiError(404, "not_found", "There is nothing here.")
    request = capture_request.request
    path = request.path_info.partition("/projects/")[0]
    host = f"{request.get_host()}{path}"
    answer = JsonResponse(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": write_key,
                    "apiHost": host,
                    "protocol": "https" if request.is_secure() else "http",
                }
            }
        }
    )
    answer["Cache-Control"] = "public, max-age=300"
    return answer


def _items(parsed: Parsed, kind: str | None) -> services.Items:
    items = services.segment_items(parsed, kind)
    if items is None:
        raise ApiError(400, "unknown_shape", 'Send {"batch": [...]}.', pointer="/batch")
    if len(items.items) > LIMITS.items:
        raise too_many_items(LIMITS)
    return items


settings_view = endpoint(_settings, methods=("GET",))
