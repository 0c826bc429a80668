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


# When it was made, and how many deliveries of it Stripe has still to make.
_LEFT_OUT = {"cloudevents": "time", "stripe": "pending_webhooks"}


def without_automatic(adapter: str, body: object) -> object:
    """Return a message without the fields that its client or its provider adds."""
    if not isinstance(body, dict):
        return body
    if left_out := _LEFT_OUT.get(adapter):
        return {key: value for key, value in body.items() if key != left_out}
    if adapter != "segment":
        return body
    content = {
        key: value
        for key, value in body.items()
        # A name that a client sends or leaves out as it likes says nothing.
        if key not in _SDK and key != "context" and value is not None
    }
    context = as_object(body.get("context"))
    rest = {key: value for key, value in context.items() if key not in _SDK_CONTEXT}
    return {**content, "context": rest} if rest else content
