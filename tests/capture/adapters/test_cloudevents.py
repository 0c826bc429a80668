"""CloudEvents in our words, structured and binary."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from capture.adapters import is_cloudevent, read_cloudevent

AT = "2026-11-21T10:00:00Z"
DATA = {"email": "ada@example.org", "amount": Decimal("5.00"), "currency": "EUR"}
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop/berlin",
    "type": "com.example.payment",
    "time": AT,
    "datacontenttype": "application/json",
    "data": DATA,
}
HEADERS = {
    "Ce-Specversion": "1.0",
    "Ce-Id": "1",
    "Ce-Source": "/shop/berlin",
    "Ce-Type": "com.example.payment",
    "Ce-Time": AT,
    "Content-Type": "application/json",
}


@pytest.mark.parametrize(
    ("headers", "body", "path"),
    [(None, EVENT, "data/"), ({}, EVENT, "data/"), (HEADERS, DATA, "")],
)
def test_both_modes_say_the_same(headers, body, path):
    item = read_cloudevent(headers, body)

    assert is_cloudevent(headers, body)
    assert item.issue is None
    assert (item.type, item.name) == ("payment", "com.example.payment")
    assert (item.message_id, item.timestamp) == ("/shop/berlin#1", AT)
    assert not item.clock_trusted
    assert item.identity.email == "ada@example.org"
    assert item.fields == {"final_price": Decimal("5.00"), "currency": "EUR"}
    assert item.sent_as["final_price"] == f"{path}amount"


def test_headers_may_be_quoted_and_encoded():
    headers = {**HEADERS, "Ce-Source": '"/m%C3%BCnchen"'}

    assert read_cloudevent(headers, DATA).message_id == "/m\u00fcnchen#1"


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("payment", "payment"),
        ("com.example.signup", "signup"),
        ("com.example.user.moved", "event"),
        ("com.example.payment.v2", "event"),
    ],
)
def test_the_last_part_of_the_type_chooses(kind, type_):
    item = read_cloudevent(None, {**EVENT, "type": kind})

    assert (item.type, item.name) == (type_, kind)


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", [None, "", [], {}])
def test_each_attribute_is_needed(name, value):
    item = read_cloudevent(None, {**EVENT, name: value})

    assert (item.issue.code, item.issue.pointer) == ("schema_violation", f"/{name}")
    assert item.message_id is None


@pytest.mark.parametrize("data", [None, "text", [1]])
def test_a_payment_needs_an_object(data):
    structured = read_cloudevent(None, {**EVENT, "data": data})
    binary = read_cloudevent(HEADERS, data)

    assert structured.issue.pointer == "/data"
    assert binary.issue.pointer == ""


def test_a_free_event_may_hold_anything():
    item = read_cloudevent(None, {**EVENT, "type": "com.example.x", "data": "text"})

    assert item.issue is None
    assert item.fields == {}


@pytest.mark.parametrize("body", [None, [], {}, {"type": "payment"}, "specversion"])
def test_other_messages_are_none(body):
    assert not is_cloudevent(None, body)
    assert not is_cloudevent({"Content-Type": "application/json"}, body)


def test_the_library_makes_what_can_be_read():
    http = pytest.importorskip("cloudevents.core.bindings.http")
    core = pytest.importorskip("cloudevents.core.v1.event")
    attributes = {
        "specversion": "1.0",
        "id": "7",
        "source": "/shop/m\u00fcnchen",
        "type": "com.example.signup",
        "time": datetime(2026, 11, 21, 10, tzinfo=UTC),
    }
    event = core.CloudEvent(attributes, {"email": "ada@example.org"})
    binary, whole = http.to_binary_event(event), http.to_structured_event(event)

    for item in (
        read_cloudevent(binary.headers, json.loads(binary.body)),
        read_cloudevent(None, json.loads(whole.body)),
    ):
        assert item.issue is None
        assert (item.type, item.message_id) == ("signup", "/shop/m\u00fcnchen#7")
        assert item.timestamp == AT
        assert item.identity.email == "ada@example.org"
