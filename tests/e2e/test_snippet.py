"""What the snippet sends, when it tries again, and what it keeps meanwhile."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import time

import pytest

from tests.e2e.collector import (
    ROUTE,
    SNIPPET,
    answer_of,
    status,
    verdicts,
    wait_for,
)
from tests.e2e.conftest import KEY, NEVER, PAY, STORED, numbers, queued, track

pytestmark = pytest.mark.e2e

UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


# --- the wire -----------------------------------------------------------------------


def test_the_script_is_small():
    assert len(gzip.compress(SNIPPET.read_bytes())) < 12_000


def test_a_payment_arrives_as_the_hub_reads_it(visit, context, hub):
    context.add_cookies([{"name": "sid", "value": "1", "url": hub.url}])
    page = visit()

    answer = page.evaluate(PAY)
    hub.wait(lambda: hub.items)

    [request] = hub.requests
    assert request.path == ROUTE
    assert request.headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert "Cookie" not in request.headers
    assert hub.preflights == 0
    assert request.body["api_key"] == KEY
    assert RFC3339.fullmatch(request.body["sent_at"])
    assert request.body["context"]["dropped"] == 0
    [item] = request.items
    assert answer == {"queued": True, "id": item["message_id"]}
    assert UUID.fullmatch(item["message_id"])
    assert UUID.fullmatch(item["anonymous_id"])
    assert RFC3339.fullmatch(item["timestamp"])
    assert item == {
        "type": "payment",
        "message_id": item["message_id"],
        "timestamp": item["timestamp"],
        "anonymous_id": item["anonymous_id"],
        "user_email": "ana@example.org",
        "plan_name_payment": "Team",
        "final_price": 89.99,
    }


def test_every_call_has_its_shape(visit, hub):
    page = visit()
    page.evaluate(
        """async () => {
          const hub = enhancedDataCapture;
          await hub.captureSignupData({email: 'ana@example.org', name: 'Ana'});
          await hub.captureLogin({login_method: 'password', success: true});
          await hub.identify('u-1', {company: 'Silva'});
          await hub.captureQuestionnaireData(
            {tradesPerDay: '1-5', cryptoAssets: ['BTC']});
          await hub.captureDashboardData(
            {account: {balance: 1}}, {initialEquity: 2}, 'dark');
          await hub.track('Opened', {plan: 'pro'});
          await hub.page('Pricing', {section: 'top'});
        }"""
    )
    hub.wait(lambda: len(hub.items) == 7)

    own = ("message_id", "timestamp", "anonymous_id")
    found = {
        item["type"]: {k: v for k, v in item.items() if k not in own}
        for item in hub.items
    }
    who = {"email": "ana@example.org", "user_id": "u-1"}
    assert found["signup"] == {
        "type": "signup",
        "email": "ana@example.org",
        "name": "Ana",
    }
    assert found["login"] == {
        "type": "login",
        "login_method": "password",
        "success": True,
        "email": "ana@example.org",
    }
    assert found["profile"] == {"type": "profile", "company": "Silva"} | who
    assert (
        found["questionnaire"]
        == {
            "type": "questionnaire",
            "tradesPerDay": "1-5",
            "cryptoAssets": ["BTC"],
        }
        | who
    )
    assert (
        found["dashboard"]
        == {
            "type": "dashboard",
            "dashboardData": {"account": {"balance": 1}},
            "tradingState": {"initialEquity": 2},
            "theme": "dark",
        }
        | who
    )
    assert (
        found["event"]
        == {
            "type": "event",
            "name": "Opened",
            "properties": {"plan": "pro"},
        }
        | who
    )
    assert (
        found["page"]
        == {
            "type": "page",
            "name": "Pricing",
            "properties": {
                "url": page.url,
                "title": "Shop",
                "referrer": "",
                "path": "/",
                "section": "top",
            },
        }
        | who
    )
    assert len({item["anonymous_id"] for item in hub.items}) == 1


def test_data_cannot_forge_the_envelope(visit, hub):
    visit().evaluate(
        """enhancedDataCapture.capturePaymentData(
          {type: 'card', messageId: 'order-7', api_key: 'k', gpc: 1, amount: 5})"""
    )
    hub.wait(lambda: hub.items)

    [item] = hub.items
    assert (item["type"], item["amount"]) == ("payment", 5)
    assert item["message_id"] == "order-7", "The page may name its own message."
    assert item["given"] == {"type": "card", "api_key": "k", "gpc": 1}
    assert "messageId" not in item


def test_payments_and_signups_go_at_once_and_the_rest_waits_a_second(visit, hub):
    page = visit()
    track(page, 1)
    start = time.monotonic()
    hub.wait(lambda: len(hub.items) == 1)
    assert time.monotonic() - start > 0.7

    for call in (
        PAY,
        "enhancedDataCapture.captureSignupData({email: 'a@example.org'})",
    ):
        count, start = len(hub.items), time.monotonic()
        page.evaluate(call)
        hub.wait(lambda count=count: len(hub.items) > count)
        assert time.monotonic() - start < 0.7


def test_batches_hold_twenty_in_their_order(visit, hub):
    track(visit(), 45)
    hub.wait(lambda: len(hub.items) == 45)

    assert [len(request.items) for request in hub.requests] == [20, 20, 5]
    assert [n for request in hub.requests for n in numbers(request)] == list(range(45))


def test_module_code_starts_it_by_hand(site, page, hub):
    page.goto(site.put("/", '<script src="/capture.js"></script>'))
    page.evaluate(PAY)
    page.evaluate(
        "options => enhancedDataCapture.init(options)",
        {"key": KEY, "host": hub.url + "/", "consent": "granted"},
    )

    hub.wait(lambda: hub.of("payment"), "what was captured before init")


def test_the_hub_defaults_to_where_the_script_came_from(visit, page):
    seen = []
    page.on("request", lambda request: seen.append(request.url))

    visit(host="").evaluate(PAY)

    wait_for(lambda: page.wait_for_timeout(20) or seen[2:], str(seen))
    assert page.url.rstrip("/") + ROUTE in seen


# --- trying again -------------------------------------------------------------------


def test_offline_then_online(visit, context, hub):
    page = visit(retry_base=NEVER)
    context.set_offline(True)
    page.evaluate(
        f"new Promise(done => {{ enhancedDataCapture.on('retry', done); {PAY} }})"
    )
    assert (queued(page), hub.items) == (1, [])

    context.set_offline(False)

    hub.wait(lambda: hub.of("payment"))
    wait_for(lambda: queued(page) == 0, "an empty queue")


def test_items_survive_a_reload_with_their_id(visit, hub):
    hub.rule = status(503)
    page = visit(retry_base=NEVER)
    answer = page.evaluate(PAY)
    hub.wait(lambda: hub.requests)

    hub.rule = verdicts
    page.reload()

    hub.wait(lambda: hub.items)
    wait_for(lambda: queued(page) == 0, "an empty queue")
    assert {i["message_id"] for r in hub.requests for i in r.items} == {answer["id"]}
    assert page.evaluate(STORED) == []


def test_a_hub_that_is_down_is_asked_again_until_it_is_up(visit, hub):
    hub.stop()
    page = visit()
    page.evaluate(
        f"""new Promise(done => {{ let n = 0; {PAY};
          enhancedDataCapture.on('retry', () => ++n > 2 && done()) }})"""
    )
    assert page.evaluate(STORED) != []

    hub.start()

    hub.wait(lambda: hub.of("payment"))
    wait_for(lambda: page.evaluate(STORED) == [], "an empty queue")


def test_each_attempt_says_when_it_was_sent_and_keeps_the_id(visit, hub):
    hub.rule = status(500)
    visit().evaluate(PAY)
    hub.wait(lambda: len(hub.requests) >= 3)

    tries = hub.requests[:3]
    assert len({request.body["sent_at"] for request in tries}) == 3
    assert len({json.dumps(request.items) for request in tries}) == 1


def test_pauses_grow(visit, hub):
    hub.rule = status(503)
    visit(retry_base="100").evaluate(PAY)
    hub.wait(lambda: len(hub.requests) >= 4)

    at = [request.at for request in hub.requests]
    for earlier, later in itertools.pairwise(at):
        assert later - earlier > 0.09
    assert at[3] - at[0] < 3


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_honoured(visit, hub, code):
    hub.rule = status(code, Retry_After="1")
    page = visit(retry_base="5")
    page.evaluate(PAY)
    hub.wait(lambda: hub.requests)
    hub.rule = verdicts
    page.evaluate("dispatchEvent(new Event('online'))")
    page.evaluate("enhancedDataCapture.flush()")
    hub.wait(lambda: hub.items)

    first, second = hub.requests
    assert second.at - first.at >= 0.95


RUBBISH = {
    "a page": status(200, "<!doctype html><h1>Welcome</h1>", Content_Type="text/html"),
    "other JSON": status(200, '{"ok": true}'),
    "null": status(200, "null"),
    "a list": status(200, "[1]"),
    "nothing": status(200, ""),
    "foreign ids": lambda *_: answer_of(
        [{"index": 0, "message_id": "x", "status": "accepted"}]
    ),
    "no verdict": lambda _, body: answer_of(
        [{"index": 0, "message_id": body["captures"][0]["message_id"], "status": "ok"}]
    ),
    "202": lambda *args: (202, *verdicts(*args)[1:]),
    "a redirect": status(307, Location="/elsewhere"),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_only_a_verdict_empties_the_queue(visit, hub, name):
    hub.rule = RUBBISH[name]
    page = visit()
    page.evaluate(PAY)
    hub.wait(lambda: len(hub.requests) >= 2, "a second try")
    assert len(page.evaluate(STORED)) == 1
    hub.stored.clear()

    hub.rule = verdicts

    wait_for(lambda: page.evaluate(STORED) == [], "an empty queue")
    assert {request.path for request in hub.requests} == {ROUTE}


def test_each_verdict_counts_for_its_own_item(visit, hub):
    said = ["accepted", "retry", "quarantined", "conflict", "duplicate", "retry"]

    def answer(_collector, body):
        items = [(n, item["message_id"]) for n, item in enumerate(body["captures"])]
        return answer_of(
            [{"index": n, "message_id": m, "status": said[n]} for n, m in items]
        )

    hub.rule = answer
    page = visit(retry_base="300")
    track(page, 6)
    hub.wait(lambda: hub.requests)
    hub.rule = verdicts
    hub.wait(lambda: len(hub.requests) == 2)

    assert numbers(hub.requests[1]) == [1, 5]


def test_a_slow_hub_is_given_up_and_asked_again(visit, hub):
    hub.delay = 1
    page = visit(timeout="150")
    page.evaluate(PAY)
    hub.wait(lambda: len(hub.requests) >= 2, "a second try")
    hub.delay = 0

    wait_for(lambda: queued(page) == 0, "an empty queue")
    assert len(hub.items) == 1


def test_too_large_is_halved_and_one_item_alone_is_set_aside(visit, hub):
    def answer(collector, body):
        big = any(item["properties"]["i"] == 7 for item in body["captures"])
        return (413, {}, b"{}") if big else verdicts(collector, body)

    hub.rule = answer
    page = visit()
    track(page, 12)
    hub.wait(lambda: len(hub.items) == 11)

    wait_for(lambda: queued(page) == 1, "only the large one left")
    wait_for(
        lambda: page.evaluate("enhancedDataCapture.status().setAside") == 1, "one aside"
    )
    count = len(hub.requests)
    hub.rule = verdicts
    page.evaluate(PAY)
    hub.wait(lambda: hub.of("payment"))
    assert len(hub.requests) == count + 1, "The large one is not tried on this page."

    page.reload()
    hub.wait(lambda: len(hub.of("event")) == 12, "another try after a reload")


@pytest.mark.parametrize("code", [400, 401, 403])
def test_a_refused_key_stops_it_until_a_reload(visit, hub, code):
    said = []
    hub.rule = status(code)
    page = visit(retry_base="10")
    page.on("console", lambda m: m.type == "warning" and said.append(m.text))
    page.evaluate(PAY)
    hub.wait(lambda: hub.requests)
    wait_for(lambda: page.evaluate("enhancedDataCapture.status().stopped"), "a stop")

    assert page.evaluate(PAY)["queued"] is True
    page.evaluate("enhancedDataCapture.flush()")
    page.wait_for_timeout(200)

    assert len(hub.requests) == 1
    assert len(page.evaluate(STORED)) == 2
    assert said == [
        f"enhancedDataCapture: HTTP {code}. Captures are kept and tried again after a "
        "reload."
    ]
    hub.rule = verdicts
    page.reload()
    hub.wait(lambda: len(hub.items) == 2)
