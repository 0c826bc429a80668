"""Any bytes, any JSON and almost valid messages: JSON comes back, never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.choices import CaptureType, IngestStatus
from tests.long import IS_LONG

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TRACK = {"type": "track", "userId": "u-1", "event": "Looked"}
# Each way in, with a body that it takes.
PATHS = {
    "/api/data-capture/payment": {"user_email": "ann@example.org", "final_price": 5},
    "/api/v1/captures": {"type": "profile", "user_id": "u-1"},
    "/api/v1/captures/batch": {"captures": [{"type": "profile", "user_id": "u-1"}]},
    "/v1/batch": {"batch": [TRACK]},
    "/v1/track": TRACK,
}
JSON = ("application/json", "application/problem+json")
NAMES = (
    *("email", "user_email", "userId", "user_id", "anonymousId", "anonymous_id"),
    *("previousId", "message_id", "messageId", "timestamp", "sentAt", "name", "event"),
    *("originalTimestamp", "event_name", "traits", "context", "properties", "amount"),
    *("final_price", "original_price", "discount_amount", "currency", "plan_name"),
    *("transaction_id", "payment_status", "payment_processor", "payment_date"),
    *("amount_refunded", "success", "login_time", "signup_date", "phone", "answers"),
    *("dashboard_state", "trading_state", "theme", "marketing_consent", "groupId"),
    *("schema_version", "_metadata", "consent", "integrations"),
)
LIKELY = st.sampled_from(
    [
        *("ann@example.org", "ANN@example.org ", "u-1", "a-1", "undefined", "EUR"),
        *("xyz", "12.5", "-1", "1e999", "", " ", "\0", "\ud800", "é" * 300, "paid"),
        *("2026-03-01T12:00:00Z", "0001-01-01", "9999-12-31T23:59:59.999999-14:00"),
        *("refunded", "Order Completed", "Payment Failed", "Signed Up", "Login Failed"),
        *(0, 1, -1, 10**30, 1e300, float("nan"), float("-inf"), 2**63, True, None),
        *(1772366400, 1772366400000, -(10**18)),
    ]
)
VALUES = st.recursive(
    LIKELY | st.text(max_size=20) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), inner)
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(
    [*CaptureType.values, "identify", "track", "screen", "group", "nothing", 7]
)
ITEMS = st.builds(
    lambda kind, some: {"type": kind, **some},
    KINDS,
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8),
)
LISTS = st.lists(ITEMS | VALUES, max_size=4)
BODIES = st.one_of(
    st.binary(max_size=200),
    VALUES.map(json.dumps).map(str.encode),
    ITEMS.map(json.dumps).map(str.encode),
    st.builds(
        lambda name, items, sent: json.dumps({name: items, "sentAt": sent}).encode(),
        st.sampled_from(["batch", "captures"]),
        LISTS,
        LIKELY,
    ),
)


def verdicts(told: dict[str, Any]) -> list[str]:
    assert told.get("received", 1) == len(told.get("results", [told]))
    return [result["status"] for result in told.get("results", [told])]


@pytest.mark.parametrize("path", PATHS)
def test_every_body_gets_an_answer_that_a_client_can_read(post, path):
    assert post(path, json.dumps(PATHS[path]).encode()).status_code == 200
    assert post(path, b"{").status_code == 400

    @settings(
        max_examples=200 if IS_LONG else 35,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(BODIES)
    def check(body: bytes) -> None:
        answer = post(path, body)
        assert answer.status_code in (200, 400, 409, 422), (body, answer.content)
        assert answer["Content-Type"] in (
            "application/json",
            "application/problem+json",
        )
        told = json.loads(answer.content)
        if answer.status_code == 200:
            assert set(verdicts(told)) <= set(IngestStatus.values)
            assert IngestStatus.RETRY not in verdicts(told)
        else:
            assert told["code"]
            assert told["message"]

    check()
