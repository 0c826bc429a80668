"""Requests built by the cloudevents library, in both modes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.e2e
WHY = "The library comes with the end-to-end packages."
http = pytest.importorskip("cloudevents.core.bindings.http", reason=WHY)
json_format = pytest.importorskip("cloudevents.core.formats.json", reason=WHY)
v1 = pytest.importorskip("cloudevents.core.v1.event", reason=WHY)
AT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize("build", [http.to_structured, http.to_binary])
def test_an_event_of_the_library_is_captured_once(shop, build):
    event = v1.CloudEvent(
        attributes={
            "id": "e-1",
            "source": "/shop",
            "type": "org.example.payment",
            "specversion": "1.0",
            "time": AT,
            "datacontenttype": "application/json",
        },
        data={"email": "ann@example.org", "amount": 5.25, "currency": "EUR"},
    )
    message = build(event, json_format.JSONFormat())
    body = message.body

    first = shop.post("/api/v1/captures", body, **message.headers)
    again = shop.post("/api/v1/captures", body, **message.headers)

    assert first.json()["status"] == "accepted"
    assert again.json()["status"] == "duplicate"
    kept = shop.captures()
    assert list(kept) == ["/shop#e-1"]
    assert (kept["/shop#e-1"]["type"], kept["/shop#e-1"]["occurred_at"]) == (
        "payment",
        AT,
    )
    assert shop.rows("customers_customer", "email") == [("ann@example.org",)]
