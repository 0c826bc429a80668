"""What the snippet keeps, drops, shares between tabs, and sends with a leaving page."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.collector import status, verdicts, wait_for
from tests.e2e.conftest import KEY, NEVER, PAY, STORED, numbers, queued, track

pytestmark = pytest.mark.e2e


# --- leaving ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "navigate", "hide"])
def test_leaving_the_page_delivers_and_keeps(visit, new_page, hub, site, tag, how):  # noqa: PLR0917 - fixtures
    page = visit()
    track(page, 2)
    if how == "close":
        page.close(run_before_unload=True)
    elif how == "navigate":
        page.goto(site.put("/other", "<p>Bye"))
    else:
        page.evaluate(
            """Object.defineProperty(document, 'hidden', {value: true});
            document.dispatchEvent(new Event('visibilitychange'))"""
        )
    hub.wait(lambda: len(hub.items) == 2)
    assert len(hub.requests) == 1

    later = new_page()
    later.goto(site.put("/later", tag()))
    hub.wait(lambda: len(hub.requests) == 2, "the same again")
    assert sorted(numbers(hub.requests[1])) == [0, 1]
    assert len(hub.items) == 2


def test_without_keepalive_a_beacon_leaves(visit, context, hub, site):
    context.add_init_script("delete Request.prototype.keepalive")
    page = visit()
    track(page, 1)
    page.goto(site.put("/other", "<p>Bye"))
    hub.wait(lambda: hub.items)

    assert hub.requests[0].headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert hub.preflights == 0


def test_what_leaves_fits_and_the_newest_payments_go_first(visit, hub, site):
    hub.rule = status(503)
    page = visit(retry_base=NEVER)
    for number in range(3):
        page.evaluate(
            "n => enhancedDataCapture.capturePaymentData({n, text: 'é'.repeat(8000)})",
            number,
        )
    hub.wait(lambda: hub.requests)
    track(page, 30, size=4000)
    hub.requests.clear()
    hub.rule = verdicts
    # Both events of a closing tab share the sixty kilobytes.
    page.evaluate(
        """Object.defineProperty(document, 'hidden', {value: true});
        document.dispatchEvent(new Event('visibilitychange'))"""
    )
    page.goto(site.put("/other", "<p>Bye"))
    hub.wait(lambda: hub.items)

    assert sum(request.size for request in hub.requests) <= 60_000
    items = [item for request in hub.requests for item in request.items]
    assert [item["n"] for item in items[:3]] == [2, 1, 0]
    assert {item["type"] for item in items[3:]} == {"event"}


# --- the queue ----------------------------------------------------------------------


def test_large_items_go_at_once_and_are_never_stored(visit, hub, site):
    hub.rule = status(503)
    page = visit(retry_base=NEVER)
    start = time.monotonic()
    track(page, 1, size=60_000)
    hub.wait(lambda: hub.requests)
    assert time.monotonic() - start < 0.7
    assert page.evaluate(STORED) == []
    assert queued(page) == 1
    hub.requests.clear()

    page.goto(site.put("/other", "<p>Bye"))
    page.wait_for_timeout(200)

    assert hub.requests == []


def test_a_full_queue_drops_old_dashboards_first_and_says_so(visit, hub):
    hub.rule = status(503)
    page = visit(retry_base=NEVER)
    page.evaluate(
        """() => {
          const hub = enhancedDataCapture;
          window.lost = [];
          hub.on('dropped', item => lost.push(item.type + ' ' + item.reason));
          hub.capturePaymentData({n: 0});
          for (let n = 0; n < 3; n++) hub.captureDashboardData({n});
          for (let n = 0; n < 200; n++) hub.track('step', {i: n});
        }"""
    )
    hub.wait(lambda: hub.requests)

    assert page.evaluate("lost") == ["dashboard queue full"] * 3 + ["event queue full"]
    assert len(page.evaluate(STORED)) == 200
    hub.requests.clear()
    hub.rule = verdicts
    page.evaluate("enhancedDataCapture.flush()")
    hub.wait(lambda: len(hub.items) == 200)
    assert hub.requests[0].body["context"]["dropped"] == 4
    assert hub.requests[-1].body["context"]["dropped"] == 0
    assert len(hub.of("payment")) == 1
    assert min(item["properties"]["i"] for item in hub.of("event")) == 1


def test_a_megabyte_is_enough(visit, hub):
    hub.rule = status(503)
    page = visit(retry_base=NEVER)
    track(page, 40, size=40_000)

    stored = page.evaluate(
        f"{STORED}.reduce((sum, name) => sum + localStorage[name].length, 0)"
    )
    assert 900_000 < stored < 1_060_000
    assert page.evaluate("enhancedDataCapture.status().dropped") == 40 - len(
        page.evaluate(STORED)
    )


def test_items_expire_after_seven_days(visit, hub, site):
    hub.rule = status(503)
    page = visit(retry_base=NEVER)
    page.evaluate(PAY)
    track(page, 1)
    hub.wait(lambda: hub.requests)
    page.goto(site.put("/other", "<p>A page without the snippet"))
    hub.wait(lambda: len(hub.requests) == 2, "what left with the page")
    # One of them becomes eight days old, the other nearly seven.
    page.evaluate(
        """names => names.forEach(name => {
          const days = localStorage[name].includes('"payment"') ? 8 : 6.9;
          localStorage[name] = localStorage[name].replace(
            /^\\d+/, Date.now() - days * 864e5);
        })""",
        page.evaluate(STORED),
    )
    hub.requests.clear()
    hub.rule = verdicts
    page.goto(site.url)
    hub.wait(lambda: hub.of("event"))

    [request] = hub.requests
    assert [item["type"] for item in request.items] == ["event"]
    assert request.body["context"]["dropped"] == 1
    wait_for(lambda: page.evaluate(STORED) == [], "an empty queue")


@pytest.mark.parametrize(
    "breakage",
    [
        "Storage.prototype.setItem = () => { throw new Error('QuotaExceededError') }",
        "Storage.prototype.getItem = Storage.prototype.setItem = "
        "Storage.prototype.removeItem = () => { throw new Error('no') }",
        "Object.defineProperty(window, 'localStorage', "
        "{get() { throw new DOMException('denied', 'SecurityError') }})",
        "Object.defineProperty(window, 'localStorage', {value: null})",
    ],
)
def test_without_storage_it_works_from_memory(visit, context, hub, breakage):
    context.add_init_script(breakage)
    hub.rule = status(503)
    page = visit()
    answer = page.evaluate(PAY)
    hub.wait(lambda: hub.requests)
    hub.rule = verdicts

    hub.wait(lambda: hub.items)
    wait_for(lambda: queued(page) == 0, "an empty queue")
    assert hub.items[0]["message_id"] == answer["id"]


def test_a_storage_that_is_really_full_is_left_as_it_is(visit, hub):
    hub.rule = status(503)
    fill = """<script>let text = 'x'.repeat(4e6);
      for (let n = 0; text; n++) {
        try { localStorage['own' + n] = text; }
        catch (e) { text = text.slice(text.length / 2 + 1); }
      }</script>"""
    page = visit(before=fill)
    own = page.evaluate("Object.keys(localStorage).sort()")
    page.evaluate(PAY)
    hub.wait(lambda: hub.requests)
    hub.rule = verdicts
    hub.wait(lambda: hub.items)

    assert page.evaluate("Object.keys(localStorage).sort()") == own


def test_a_page_that_empties_the_storage_loses_nothing(visit, hub):
    hub.rule = status(503)
    page = visit(retry_base="200")
    page.evaluate(PAY)
    hub.wait(lambda: hub.requests)
    page.evaluate("localStorage.clear()")
    hub.rule = verdicts

    hub.wait(lambda: hub.items)


def test_rubbish_in_the_storage_is_thrown_away(visit, hub, context):
    names = [f"capture:q:v1:{KEY[:11]}:{n}" for n in range(4)]
    values = ["", "1 {", "x null", '5 {"message_id": "other"}']
    entries = json.dumps(dict(zip(names, values, strict=True)))
    visit(before=f"<script>Object.assign(localStorage, {entries})</script>").evaluate(
        PAY
    )
    hub.wait(lambda: hub.of("payment"))

    assert len(hub.items) == 1


# --- tabs ---------------------------------------------------------------------------


def test_two_tabs_deliver_each_message_once(new_page, site, tag, hub):
    hub.delay = 0.05
    address = site.put("/", tag())
    tabs = [new_page(), new_page()]
    for tab in tabs:
        tab.goto(address)
    for tab in tabs:
        track(tab, 30)
    hub.wait(lambda: len(hub.items) == 60)
    for tab in tabs:
        wait_for(lambda tab=tab: queued(tab) == 0, "empty queues")

    assert hub.most_at_once == 1, "One tab sends at a time."


@pytest.mark.parametrize(
    "locks",
    [
        "null",
        "{request() { throw new Error('no') }}",
        "{request: async () => { throw new Error('no') }}",
    ],
)
def test_without_locks_the_hub_tells_the_tabs_apart(  # noqa: PLR0917 - fixtures
    new_page, context, site, tag, hub, locks
):
    context.add_init_script(
        f"Object.defineProperty(navigator, 'locks', {{value: {locks}}})"
    )
    hub.delay = 0.05
    address = site.put("/", tag())
    tabs = [new_page(), new_page()]
    for tab in tabs:
        tab.goto(address)
        track(tab, 30)
    hub.wait(lambda: len(hub.items) == 60)
    for tab in tabs:
        wait_for(lambda tab=tab: queued(tab) == 0, "empty queues")


def test_a_tab_delivers_what_a_closed_one_left(new_page, site, tag, hub):
    hub.rule = status(503)
    address = site.put("/", tag(retry_base=NEVER))
    first, second = new_page(), new_page()
    first.goto(address)
    second.goto(address)
    first.evaluate(PAY)
    hub.wait(lambda: hub.requests)
    first.close()
    hub.rule = verdicts

    second.evaluate("enhancedDataCapture.track('on')")

    hub.wait(lambda: hub.of("payment"))


# --- policies -----------------------------------------------------------------------


def test_a_strict_policy_is_enough(page, site, tag, hub):
    said = []
    page.on("console", lambda message: said.append(message.text))
    policy = f"default-src 'none'; script-src 'self'; connect-src {hub.url}"
    site.put("/host.js", "window.storeQuestionnaireData = () => 1")
    text = f'{tag()}<script src="/host.js"></script>'
    page.goto(
        site.put(
            "/",
            text,
            Content_Security_Policy=f"{policy}; require-trusted-types-for 'script'",
        )
    )
    page.evaluate(PAY)
    page.evaluate(
        """storeQuestionnaireData({accountScreenshot: new File(
          [new Uint8Array(9)], 'a.png', {type: 'image/png'})})"""
    )

    hub.wait(lambda: len(hub.items) == 2)
    assert "favicon" in "".join(said) or said == []


def test_a_policy_without_the_hub_stops_it_quietly(page, site, tag, hub):
    said = []
    page.on("console", lambda m: m.type == "warning" and said.append(m.text))
    page.goto(
        site.put(
            "/", tag(retry_base="10"), Content_Security_Policy="connect-src 'none'"
        )
    )
    assert page.evaluate(PAY)["queued"] is True
    wait_for(lambda: page.evaluate("enhancedDataCapture.status().stopped"), "a stop")
    page.wait_for_timeout(150)

    assert said == [
        "enhancedDataCapture: blocked by connect-src. Captures are kept and tried "
        "again after a reload."
    ]
    assert len(page.evaluate(STORED)) == 1
    assert hub.requests == []


# --- status -------------------------------------------------------------------------


def test_the_status_tells_what_exists(visit, hub):
    page = visit()
    parts = "enhancedDataCapture.status().captured"
    assert page.evaluate(parts) == {
        "signup": None,
        "payment": None,
        "questionnaire": None,
    }

    hub.rule = status(503)
    page.evaluate("enhancedDataCapture.captureSignupData({email: 'ana@example.org'})")
    page.evaluate(PAY)
    assert page.evaluate(parts)["signup"] == "queued"
    assert page.evaluate("enhancedDataCapture.status().complete") is False
    hub.rule = verdicts
    page.evaluate("enhancedDataCapture.captureQuestionnaireData({propFirm: 'FTMO'})")
    wait_for(
        lambda: page.evaluate("enhancedDataCapture.status().complete"), "all three"
    )

    page.reload()
    assert page.evaluate(parts) == {
        "signup": "sent",
        "payment": "sent",
        "questionnaire": "sent",
    }
    page.evaluate("enhancedDataCapture.reset()")
    assert page.evaluate(parts)["signup"] is None


def test_listeners_that_throw_and_leave_do_no_harm(visit, hub):
    page = visit()
    page.evaluate(
        f"""() => {{
          const hub = enhancedDataCapture;
          window.seen = [];
          hub.on('sent', () => {{ throw new Error('listener') }});
          const off = hub.on('sent', item => seen.push('off'));
          hub.on('sent', item => seen.push(item.status));
          off();
          return {PAY};
        }}"""
    )
    hub.wait(lambda: hub.items)

    wait_for(lambda: page.evaluate("seen"), "the event")
    assert page.evaluate("seen") == ["accepted"]


@pytest.mark.parametrize(
    "call",
    [
        "init(null)", "init({host: 'http://['})", "init({host: {}, key: 5})",
        "capturePaymentData()", "capturePaymentData(null, 1, 'x', [])",
        "captureQuestionnaireData(document)", "captureDashboardData()",
        "captureDashboardData(window, 5n, Symbol())", "captureSignupData('x')",
        "captureLogin(() => 1)", "identify()", "identify(null, null)",
        "identify({toString() { throw 1 }})", "track()", "track({}, 5)",
        "track(Symbol('x'))", "track({toString() { throw 1 }})", "page(null, 'x')",
        "page(1, new Proxy({}, {ownKeys() { throw 1 }}))", "reset()", "flush()",
        "optIn()", "optOut()",
    ],
)  # fmt: skip
def test_every_promise_is_kept(visit, call):
    answer = visit().evaluate(f"enhancedDataCapture.{call}")

    assert set(answer) == {"queued", "id"}
    assert isinstance(answer["queued"], bool)
