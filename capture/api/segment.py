"""The routes of the Segment and RudderStack SDKs, unmodified clients included.

Their clients throw a whole batch away on a 4xx and take nothing but 200 for success,
so what is wrong with one item goes to quarantine and the answer is 200.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse

from capture import services
from capture.api.answers import Refusal, batch
from capture.api.doors import Limits, View, Visit, endpoint
from capture.api.views import keep, parse_for
from capture.choices import KeyKind

LIMITS = Limits(wire=4_000_000, unpacked=5_000_000, items=2500)
# The short names are those of the browser library.
KINDS = {
    "identify": "identify",
    "track": "track",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
BATCHES = ("batch", "import", "b")


def sdk_view(name: str) -> View:
    """Return the view of one path: a kind of message, or a batch of them."""
    kind = KINDS.get(name)

    def take(visit: Visit, **_: Any) -> HttpResponse:
        visit.unlock_by_headers(visit.request.GET.get("writeKey"))
        parsed, size = parse_for(visit, LIMITS, adapter="segment")
        visit.unlock_by_body(parsed.value)
        items = _items(parsed.value, kind)
        visit.spend(len(items), size)
        facts = {**visit.facts(), "warnings": tuple(parsed.warnings)}
        sent = _sent_at(visit, parsed.value)
        names = services.event_names(visit.key.source)
        envelopes = [
            services.build_segment(
                _named(item, kind), None, names, **{**facts, "sent_at": sent}
            )[0]
            for item in items
        ]
        verdicts = keep(visit, envelopes, status=400)
        return batch(visit.request, verdicts, show_customer=visit.is_secret)

    return endpoint(take, methods=("POST",))


def _settings(visit: Visit, write_key: str) -> HttpResponse:
    """Answer what analytics-next asks before it sends: where to."""
    key = services.find_key(write_key)
    if key is None or key.kind != KeyKind.PUBLISHABLE:
        raise Refusal(404, "not_found", "There is nothing here.")
    request = visit.request
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


def _items(value: Any, kind: str | None) -> list[Any]:
    items = value
    if isinstance(value, dict):
        # Everything but a batch is one message; a client may batch anywhere.
        items = value.get("batch", [value] if kind else None)
    if not isinstance(items, list):
        raise Refusal(400, "unknown_shape", 'Send {"batch": [...]}.', pointer="/batch")
    if len(items) > LIMITS.items:
        raise Refusal(
            413,
            "too_many_items",
            f"Send at most {LIMITS.items} items at once.",
            limit_bytes=LIMITS.wire,
            max_items=LIMITS.items,
        )
    return items


def _named(item: Any, kind: str | None) -> Any:
    """Return the message with its kind, which only the path may have said."""
    if isinstance(item, dict) and kind is not None and not item.get("type"):
        return {**item, "type": kind}
    return item


def _sent_at(visit: Visit, value: Any) -> Any:
    given = value.get("sentAt") if isinstance(value, dict) else None
    return given or visit.request.headers.get("SentAt")


settings_view = endpoint(_settings, methods=("GET",))
