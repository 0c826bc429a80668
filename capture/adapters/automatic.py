"""Fields that client libraries and providers add to a message on their own."""

from __future__ import annotations

from capture.adapters.values import as_object

# Of Segment's and RudderStack's clients: when it was called and sent, by which version
# of what, and in which browser on which page.
_SDK = frozenset(
    {
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "receivedAt",
        "writeKey",
        "integrations",
        "channel",
        "version",
        "rudderId",
        "_metadata",
    }
)
_SDK_CONTEXT = frozenset(
    {
        "library",
        "page",
        "userAgent",
        "userAgentData",
        "locale",
        "timezone",
        "screen",
        "os",
        "device",
        "app",
        "network",
        "ip",
        "campaign",
        "referrer",
        "sessionId",
        "sessionStart",
        "autoTrack",
    }
)


# Of what has a signed id, or one of its source for ever: what it says. The rest counts
# deliveries, traces them, or says when it was made.
_CONTENT = {
    "cloudevents": frozenset(
        {"type", "source", "subject", "gpc", "data", "data_base64"}
    ),
    "stripe": frozenset({"type", "livemode", "data"}),
    "paypal": frozenset({"event_type", "resource"}),
    "standard": frozenset({"type", "data"}),
}


def without_automatic(adapter: str, body: object) -> object:
    """Return a message without the fields that its client or its provider adds."""
    if not isinstance(body, dict):
        return body
    content = _CONTENT.get(adapter)
    if content is not None and (adapter != "cloudevents" or "specversion" in body):
        return {key: value for key, value in body.items() if key in content}
    if adapter != "segment":
        return body
    message = {
        key: value
        for key, value in body.items()
        # A name that a client sends or leaves out as it likes says nothing.
        if key not in _SDK and key != "context" and value is not None
    }
    context = as_object(body.get("context"))
    rest = {key: value for key, value in context.items() if key not in _SDK_CONTEXT}
    return {**message, "context": rest} if rest else message
