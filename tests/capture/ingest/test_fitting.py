"""No optional value vanishes: it is read, noted with its key, or refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from capture.adapters import EVENT_TYPES, NAMES
from capture.choices import CaptureType
from capture.ingest.envelopes import (
    build_envelopes,
    build_native,
    build_segment,
    build_webhook,
)
from tests.capture.adapters.test_any_json import SAMPLES, places, replaced
from tests.capture.adapters.test_segment import track

ARRIVED = datetime(2026, 11, 21, 6, tzinfo=UTC)
FIELDS = {"trust": "server", "received_at": ARRIVED}
# What no column, and no reader, can take for something.
GARBAGE = ([], ["x"], [[1]], {"a": 1}, "x" * 20_000)
# Any value is an answer to a questionnaire.
FREE = {"answers", "questionnaire_data"}
# The kinds of garbage that one of the columns does take: a list of texts, an object.
TAKEN = {
    "preferred_categories": ([], ["x"]),
    "crypto_assets": ([], ["x"]),
    "forex_assets": ([], ["x"]),
    "custom_forex_pairs": ([], ["x"]),
    "dashboard_data": ({"a": 1},),
    "dashboard_state": ({"a": 1},),
    "trading_state": ({"a": 1},),
    "properties": ({"a": 1},),
    # Hashed when it is long.
    "message_id": (GARBAGE[-1],),
}
KEYS = [
    (str(kind), key)
    for kind, names in NAMES.items()
    for key in dict.fromkeys(
        key
        for keys in (
            *names.values(),
            ("user_email", "email"),
            ("user_id", "anonymous_id", "previous_id"),
            ("phone", "message_id", "sent_at", "timestamp", "gpc"),
        )
        for key in keys
    )
    if key not in FREE
]
BUILD = {
    "stripe": lambda body: build_webhook("stripe", body, **FIELDS),
    "paypal": lambda body: build_webhook("paypal", body, **FIELDS),
    "standard": lambda body: build_webhook(
        "standard", body, webhook_id="w-1", **FIELDS
    ),
    "segment": lambda body: build_segment(body, None, EVENT_TYPES, **FIELDS),
    "structured": lambda body: build_native(body, **FIELDS),
}
PERSON = {"email": "ada@example.org", "phone": "+47 22 00 00 00"}
MORE = {
    "standard": [
        {"type": "signup.made", "timestamp": "2026-11-21T10:00:00Z", "data": PERSON},
        {"type": "order.made", "data": PERSON},
    ],
    "segment": [
        track("Signed Up", {**PERSON, "emailVerified": True, "plan": "Gold"}),
        track("Logged In", {**PERSON, "success": True, "loginMethod": "sso"}),
        {
            "type": "identify",
            "anonymousId": "a-1",
            "traits": {
                **PERSON,
                "firstName": "Ada",
                "status": "active",
                "address": {"city": "London"},
                "marketingConsent": False,
            },
            "context": {"gpc": False, "ip": "203.0.113.9", "userAgent": "Mozilla"},
        },
        {"type": "page", "name": "Home", "userId": "u-1"},
    ],
    "structured": [
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/shop",
            "type": "org.example.login",
            "time": "2026-11-21T10:00:00Z",
            "gpc": False,
            "data": {**PERSON, "success": "no", "marketing_consent": "no"},
        }
    ],
}


def noted(envelopes) -> set[str]:
    return {pointer for each in envelopes for _, pointer in each.warnings}


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_value_that_does_not_fit_is_noted_or_refused(kind, key):
    for value in GARBAGE:
        if value in TAKEN.get(key, ()):
            continue
        body = {"user_id": "u-1", "message_id": "m-1", key: value}
        if key == "previous_id":
            body["email"] = "ada@example.org"
        if kind == CaptureType.CONSENT:
            body.setdefault("marketing_consent", "no")
        envelope = build_envelopes(kind, body, **FIELDS)[0]

        # Of the time of a message itself the warning is of the whole.
        is_time = envelope.timestamp == value
        is_noted = f"/{key}" in noted([envelope]) or is_time
        assert envelope.issue is not None or is_noted, repr(value)[:20]


@pytest.mark.parametrize("name", BUILD)
def test_what_a_reader_leaves_out_is_noted_or_refused(name):
    """Put garbage in the place of each value: where that matters, it is noted."""
    for sample in (*SAMPLES[name], *MORE.get(name, ())):
        before = essence(BUILD[name](sample))
        for path in places(sample):
            value = sample
            for step in path:
                value = value[step]
            if not path or isinstance(value, dict | list | None) or is_free(path):
                continue
            for garbage in ([["x"]], {"a": 1}):
                envelopes = BUILD[name](replaced(sample, path, garbage))
                if essence(envelopes) == before or envelopes[0].issue is not None:
                    continue
                pointer = f"/{'/'.join(map(str, path))}"
                is_time = envelopes[0].timestamp == garbage
                # Of an object that says nothing any more the whole is noted.
                is_noted = any(pointer.startswith(p) for p in noted(envelopes))
                assert is_noted or is_time, (pointer, garbage)


def is_free(path) -> bool:
    """Tell whether a value is one of many that a business names as it likes."""
    return path[-1] in ("products", "url") or "_metadata" in path


def essence(envelopes):
    """Return what is read of a message, without the message itself."""
    return [replace(each, body=None, warnings=()) for each in envelopes]


@pytest.mark.parametrize(
    ("kind", "value", "pointer"),
    [
        ("dashboard", {"performance": {"totalPnl": "much"}}, "/performance/totalPnl"),
        ("dashboard", {"performance": {"winRate": 1e9}}, "/performance/winRate"),
        ("dashboard", {"performance": []}, None),
        ("dashboard", {"performance": "good"}, "/performance"),
        ("dashboard", {"account": {"balance": []}}, "/account/balance"),
        ("trading", {"initialEquity": "all"}, "/initialEquity"),
        ("trading", {"riskSettings": {"riskPerTrade": "1%"}},
         "/riskSettings/riskPerTrade"),
        ("trading", {"performanceMetrics": {"totalTrades": 1.5}},
         "/performanceMetrics/totalTrades"),
    ],
)  # fmt: skip
def test_a_value_deep_in_a_dashboard(kind, value, pointer):
    key = {"dashboard": "dashboardData", "trading": "tradingState"}[kind]
    body = {"user_id": "u-1", key: value}

    (envelope,) = build_envelopes("dashboard", body, **FIELDS)

    expected = f"/{key}{pointer or '/performance'}"
    assert envelope.warnings == (("does_not_fit", expected),)


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_what_is_not_said_is_not_noted(blank):
    body = dict.fromkeys(NAMES["signup"], blank) | {"user_id": "u-1"}

    (envelope,) = build_envelopes("signup", body, **FIELDS)

    assert envelope.warnings == ()
    assert envelope.issue is None
