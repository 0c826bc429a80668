"""segment-analytics-python and rudder-sdk-python, unmodified, against a live server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.live import Shop, within
from tests.e2e.proxy import LossyProxy

pytestmark = pytest.mark.e2e
WHY = "The clients come with the end-to-end packages."
Rudder = pytest.importorskip("rudderstack.analytics.client", reason=WHY).Client
Segment = pytest.importorskip("segment.analytics.client", reason=WHY).Client
NAIVE = datetime(2026, 3, 1, 12, 30, 15, 250_000)  # noqa: DTZ001 - what users send
AWARE = datetime(2026, 3, 2, 1, 0, 0, 125_000, timezone(timedelta(hours=5, minutes=30)))


@pytest.fixture(params=[Segment, Rudder], ids=["segment", "rudder"])
def connect(shop: Shop, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Make clients of the shop; the test fails if one of them gives a batch up."""
    made: list[Any] = []
    errors: list[Any] = []

    def make(url: str = "", **options: Any) -> Any:
        client = request.param(
            shop.secret,
            host=url or shop.hub.server.url,
            upload_interval=0.05,
            on_error=lambda error, _batch: errors.append(error),
            **options,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        within(60, client.join)
    assert errors == []


@pytest.mark.parametrize("gzip", [False, True])
def test_every_kind_of_message_arrives_once_on_one_customer(shop, connect, gzip):
    client = connect(gzip=gzip)
    user, ids = f"u-{uuid4()}", [str(uuid4()) for _ in range(7)]
    traits = {"email": "Ann@Example.org", "name": "Ann", "age": 30}

    client.track(anonymous_id="a-1", event="Looked", message_id=ids[0])
    client.identify(user, traits, anonymous_id="a-1", message_id=ids[1])
    client.track(user, "Bought", {"x": float("nan")}, message_id=ids[2])
    client.page(user, "Docs", "Start", {"url": "/start"}, message_id=ids[3])
    client.group(user, "g-1", {"name": "Acme"}, message_id=ids[4])
    client.alias("a-2", user, message_id=ids[5])
    client.screen(user, "App", "Home", message_id=ids[6])
    within(60, client.flush)

    kept = shop.captures()
    assert set(kept) == set(ids)
    assert [kept[pk]["type"] for pk in ids] == [
        "event", "profile", "event", "page", "profile", "alias", "page",
    ]  # fmt: skip
    assert json.loads(kept[ids[2]]["payload"])["properties"] == {"x": None}
    assert {row["adapter"] for row in kept.values()} == {"segment"}
    assert len(shop.owners() - {None}) == len(shop.owners()) == 1
    assert shop.rows("customers_customer", "name", "email") == [
        ("Ann", "Ann@Example.org")
    ]
    assert shop.count("capture_quarantine") == 0


def test_times_are_those_given_naive_and_aware(shop, connect):
    client = connect()
    client.track("u-1", "Naive", timestamp=NAIVE, message_id="m-naive")
    client.track("u-1", "Aware", timestamp=AWARE, message_id="m-aware")
    within(60, client.flush)

    kept = shop.captures()
    assert kept["m-naive"]["occurred_at"] == NAIVE.replace(tzinfo=UTC)
    assert kept["m-aware"]["occurred_at"] == AWARE
    assert {row["time_source"] for row in kept.values()} == {"client"}


def test_250_events_arrive_once_each(shop, connect):
    client = connect(gzip=True)
    ids = [f"m-{n}" for n in range(250)]
    client.identify("u-1", {"email": "ann@example.org"})
    for pk in ids:
        client.track("u-1", "Clicked", {"n": pk}, message_id=pk)
    within(60, client.flush)

    kept = shop.captures()
    assert set(ids) < set(kept)
    assert len(kept) == 251
    assert len(shop.owners() - {None}) == len(shop.owners()) == 1
    assert shop.count("capture_sighting") == 0


def test_an_own_message_id_sent_twice_is_a_repeat(shop, connect):
    client = connect()
    for properties in ({"n": 1}, {"n": 1}, {"n": 2}):
        client.track("u-1", "Clicked", properties, message_id="m-1")
        within(60, client.flush)

    assert json.loads(shop.captures()["m-1"]["payload"])["properties"] == {"n": 1}
    assert shop.count("capture_sighting") == 1
    assert shop.rows("capture_quarantine", "code") == [("message_id_conflict",)]


def test_an_item_too_deep_costs_no_other(shop, connect):
    deep: dict[str, Any] = {}
    for _ in range(150):
        deep = {"a": deep}
    client = connect()
    for n in range(100):
        properties = {"deep": deep} if n == 50 else {}
        client.track("u-1", "Clicked", properties, message_id=f"m-{n}")
    within(60, client.flush)

    assert len(shop.captures()) == 99
    assert shop.rows("capture_quarantine", "code", "stage") == [("too_deep", "parsing")]


def test_lost_answers_lose_and_double_nothing(shop, connect):
    with LossyProxy(shop.hub.server.port, seed=11) as proxy:
        client = connect(proxy.url, upload_size=10)
        client.identify("u-1", {"email": "ann@example.org"}, message_id="m-0")
        for n in range(1, 200):
            client.track("u-1", "Clicked", message_id=f"m-{n}")
        within(60, client.flush)

    assert proxy.dropped > 2
    # A slow machine sends a part of ten before the rest is there.
    assert proxy.passed >= 20
    assert set(shop.captures()) == {f"m-{n}" for n in range(200)}
    assert shop.count("capture_capturelink") == 200
    assert shop.count("capture_sighting") == proxy.unanswered
    assert len(shop.owners() - {None}) == len(shop.owners()) == 1
    if isinstance(client, Segment):
        assert shop.count("capture_sighting", "AND attempt IS NOT NULL") > 0
