"""The same message id again: a repeat, whatever the client adds by itself, or not."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.tenancy.actors import Actor
from capture import services
from capture.models import Capture, Quarantine, Sighting

ACTOR = Actor.system("test")

SAID = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "messageId": "m-1",
    "properties": {"order_id": "T-1", "revenue": 9.5, "currency": "EUR"},
}
PYTHON = {
    **SAID,
    "timestamp": "2026-11-21T03:53:07.492+00:00",
    "anonymousId": None,
    "integrations": {},
    "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
}
PYTHON_LATER = {
    **SAID,
    "timestamp": "2026-11-21T04:10:00.001+00:00",
    "integrations": {"All": True},
    "context": {"library": {"name": "analytics-python", "version": "2.5.0"}},
}
BROWSER = {
    **SAID,
    "timestamp": "2026-11-21T05:00:00Z",
    "context": {
        "page": {"url": "https://shop.example.com/a", "title": "A"},
        "userAgent": "Mozilla/5.0",
        "locale": "de-AT",
        "timezone": "Europe/Vienna",
        "campaign": {"name": "winter"},
        "library": {"name": "analytics.js", "version": "next-1.84.3"},
    },
    "_metadata": {"bundled": ["Segment.io"]},
    "writeKey": "pk_1",
    "sentAt": "2026-11-21T05:00:01Z",
}
RUDDER = {
    **SAID,
    "originalTimestamp": "2026-11-21T05:00:00Z",
    "channel": "server",
    "rudderId": "r-1",
    "context": {"library": {"name": "rudder"}, "sessionId": 17, "ip": "198.51.100.7"},
}
OTHER = {
    "amount": {**SAID, "properties": {**SAID["properties"], "revenue": 10}},
    "person": {**SAID, "userId": "u-2"},
    "event": {**SAID, "event": "Order Refunded"},
    "more": {**SAID, "properties": {**SAID["properties"], "coupon": "X"}},
    "traits": {**SAID, "context": {"traits": {"email": "ann@example.org"}}},
    "own context": {**SAID, "context": {"shop": "north"}},
}


@pytest.fixture
def send(key):
    def send(*items, path="/v1/batch", name="batch"):
        body = json.dumps({name: items})
        headers = {"Authorization": f"Bearer {key.prefix}"}
        told = Client().post(path, body, "application/json", headers=headers).json()
        return [result["status"] for result in told["results"]]

    return send


@pytest.mark.parametrize("again", [PYTHON, PYTHON_LATER, BROWSER, RUDDER])
@pytest.mark.parametrize("first", [PYTHON, BROWSER])
def test_an_application_that_sends_its_id_twice_repeats_itself(send, first, again):
    assert send(first) == ["accepted"]
    assert send(again) == ["duplicate"]

    assert Capture.objects.count() == 1
    assert not Quarantine.objects.exists()
    assert Sighting.objects.get().capture_id == Capture.objects.get().pk


def test_a_repeat_in_the_same_batch_is_one_too(send):
    assert send(PYTHON, PYTHON_LATER, OTHER["amount"]) == [
        "accepted",
        "duplicate",
        "conflict",
    ]


@pytest.mark.parametrize("other", OTHER)
def test_other_content_is_still_a_conflict(send, other):
    assert send(PYTHON) == ["accepted"]
    assert send({**PYTHON_LATER, **OTHER[other]}) == ["conflict"]

    assert Quarantine.objects.get().code == "message_id_conflict"


def test_a_time_that_the_caller_itself_gives_is_content(send):
    item = {"type": "event", "name": "x", "user_id": "u", "message_id": "m"}
    native = {"path": "/api/v1/captures/batch", "name": "captures"}

    assert send({**item, "timestamp": "2026-11-21T03:00:00Z"}, **native) == ["accepted"]
    assert send({**item, "timestamp": "2026-11-21T04:00:00Z"}, **native) == ["conflict"]


def test_the_time_that_a_library_of_cloud_events_sets_is_none(send):
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "com.x.login",
             "data": {"email": "a@b.org"}}  # fmt: skip
    native = {"path": "/api/v1/captures/batch", "name": "captures"}

    assert send({**event, "time": "2026-11-21T03:00:00Z"}, **native) == ["accepted"]
    assert send({**event, "time": "2026-11-21T04:00:00Z"}, **native) == ["duplicate"]
    changed = {**event, "data": {"email": "c@b.org"}}
    assert send(changed, **native) == ["conflict"]


@pytest.mark.parametrize(
    ("provider", "event", "again", "other"),
    [
        (
            "stripe",
            {"id": "evt_1", "created": 1_795_900_000, "livemode": False,
             "type": "charge.succeeded", "pending_webhooks": 2, "data": {"object": {
                 "id": "ch_1", "amount": 1000, "currency": "eur"}}},
            {"pending_webhooks": 1, "request": {"id": None}},
            {"data": {"object": {"id": "ch_1", "amount": 900, "currency": "eur"}}},
        ),
        (
            "paypal",
            {"id": "WH-1", "create_time": "2026-11-20T10:00:00Z",
             "event_type": "PAYMENT.SALE.COMPLETED", "resource": {
                 "id": "S1", "amount": {"total": "10.00", "currency": "EUR"}}},
            {"transmissions": [{"transmission_id": "2"}], "links": []},
            {"resource": {
                "id": "S1", "amount": {"total": "9.00", "currency": "EUR"}}},
        ),
        (
            "standard",
            {"type": "signup", "timestamp": "2026-11-20T10:00:00Z",
             "data": {"email": "ana@example.org"}},
            {"attempt": 2, "timestamp": "2026-11-20T10:05:00Z"},
            {"data": {"email": "bo@example.org"}},
        ),
    ],
    ids=["stripe", "paypal", "standard"],
)  # fmt: skip
def test_a_provider_that_delivers_again_repeats_itself(
    source, provider, event, again, other
):
    def deliver(**changes):
        envelopes = services.build_webhook(
            provider, event | changes, webhook_id="msg_1", trust="webhook"
        )
        (result,) = services.ingest(envelopes, source=source, actor=ACTOR)
        return result.status

    assert [deliver(), deliver(**again)] == ["accepted", "duplicate"]
    assert not Quarantine.objects.exists()
    assert deliver(**other) == "conflict"


def test_a_cloud_event_that_is_traced_anew_repeats_itself(send):
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "com.x.login",
             "data": {"email": "a@b.org"}}  # fmt: skip
    native = {"path": "/api/v1/captures/batch", "name": "captures"}
    traced = {**event, "traceparent": "00-1-2-01", "attempt": 2}

    assert send(event, **native) == ["accepted"]
    assert send(traced, **native) == ["duplicate"]


def test_telling_repeats_takes_the_same_few_statements_for_many(send):
    ids = [f"m-{n}" for n in range(21)]
    send(*({**PYTHON, "messageId": pk} for pk in ids))

    def statements(*names):
        with CaptureQueriesContext(connection) as told:
            again = [{**PYTHON_LATER, "messageId": pk} for pk in names]
            assert set(send(*again)) == {"duplicate"}
        return len(told)

    statements(ids[20])
    assert statements(ids[0]) == statements(*ids[1:11])


def test_a_small_message_does_not_make_a_large_one_be_read(send):
    large = {**PYTHON, "messageId": "m-2", "properties": {"t": "x" * 400_000}}
    send(PYTHON, large)

    def is_read(item):
        with CaptureQueriesContext(connection) as told:
            send(item)
        return any('"payload" FROM' in query["sql"] for query in told)

    assert is_read(PYTHON_LATER)
    assert not is_read({**PYTHON_LATER, "messageId": "m-2"})
    assert Quarantine.objects.get().message_id == "m-2"


def test_an_event_of_stripe_that_is_delivered_again_is_a_repeat(source):
    charge = {"id": "ch_20", "amount": 1000, "amount_captured": 1000, "currency": "eur"}
    event = {
        "id": "evt_pw",
        "object": "event",
        "created": 1795900000,
        "pending_webhooks": 2,
        "type": "charge.succeeded",
        "data": {"object": {**charge, "captured": True, "payment_intent": "pi_20"}},
    }

    def deliver(delivered):
        envelopes = services.build_webhook("stripe", delivered, trust="webhook")
        [result] = services.ingest(envelopes, source=source, actor=ACTOR)
        return result.status

    assert deliver(event) == "accepted"
    assert deliver(event | {"pending_webhooks": 1}) == "duplicate"
    other = {"data": {"object": {**charge, "amount": 1}}}
    assert deliver(event | other) == "conflict"
