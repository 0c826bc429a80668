"""Wrapping: the functions of the page work as they did, and are captured beside it."""

from __future__ import annotations

import pytest

from tests.e2e.collector import status

pytestmark = pytest.mark.e2e

NAMES = {
    "savePaymentToSupabase": "payment",
    "storeQuestionnaireData": "questionnaire",
    "saveDashboardToSupabase": "dashboard",
}
CALL = "savePaymentToSupabase({user_email: 'ana@example.org', final_price: 5})"

# How a page may come by its function.
DECLARED = {
    "assigned": "window.NAME = BODY",
    "assigned to the bare name": "NAME = BODY",
    "var": "var NAME = BODY",
    "declared": "function NAME(data) { return (BODY)(data) }",
    "defined": "Object.defineProperty(window, 'NAME', {value: BODY, writable: true, "
    "configurable: true})",
}


def script(text):
    return f"<script>{text}</script>"


def source(how, name="savePaymentToSupabase", body="async data => ({data})"):
    return DECLARED[how].replace("NAME", name).replace("BODY", body)


# --- finding them -------------------------------------------------------------------


@pytest.mark.parametrize("how", DECLARED)
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_function_is_found(visit, hub, how, place):
    page = visit(**{place: script(source(how))})

    assert page.evaluate(CALL) == {
        "data": {"user_email": "ana@example.org", "final_price": 5}
    }

    hub.wait(lambda: hub.of("payment"))
    [item] = hub.items
    assert (item["wrapped"], item["outcome"]) == ("savePaymentToSupabase", "ok")
    assert item["final_price"] == 5


@pytest.mark.parametrize("how", ["assigned", "declared"])
def test_the_next_script_already_calls_the_wrapped_one(visit, hub, how):
    visit(after=script(source(how)) + script(CALL))

    hub.wait(lambda: hub.of("payment"))


def test_a_script_that_assigns_and_calls_is_captured(visit, hub):
    visit(after=script(f"{source('assigned')}; {CALL}"))

    hub.wait(lambda: hub.of("payment"))


@pytest.mark.parametrize("how", ["assigned", "declared"])
@pytest.mark.parametrize("kind", ["", "defer", "async", "type=module"])
def test_files_loaded_later_are_found(visit, site, hub, how, kind):
    text = source(how)
    if kind == "type=module":
        text = "window.savePaymentToSupabase = async data => data"
    site.put("/host.js", text)
    page = visit(after=f'<script {kind} src="/host.js"></script>')
    page.wait_for_function("typeof savePaymentToSupabase === 'function'")

    page.evaluate(CALL)

    hub.wait(lambda: hub.of("payment"))


def test_a_script_added_long_after_is_found_before_the_click_reaches_it(visit, hub):
    page = visit(after="<button>Pay</button>")
    page.wait_for_load_state("load")
    page.evaluate(
        """() => {
          const late = document.createElement('script');
          late.textContent = 'function savePaymentToSupabase(data) { return data }';
          document.body.append(late);
          document.querySelector('button').onclick = () => CALL;
        }""".replace("CALL", CALL)
    )

    page.click("button")

    hub.wait(lambda: hub.of("payment"))


def test_a_function_may_be_replaced(visit, hub):
    page = visit(after=script(source("assigned")))
    page.evaluate("window.savePaymentToSupabase = () => 'second'")

    assert page.evaluate(CALL) == "second"
    hub.wait(lambda: hub.of("payment"))
    assert page.evaluate("savePaymentToSupabase = null") is None
    assert page.evaluate("savePaymentToSupabase") is None


def test_a_function_around_a_wrapped_one_counts_once(visit, hub):
    page = visit(after=script(source("assigned")))
    page.evaluate(
        """() => {
          const inner = window.savePaymentToSupabase;
          window.savePaymentToSupabase = data => inner({...data, extra: 1});
          return CALL;
        }""".replace("CALL", CALL)
    )
    hub.wait(lambda: hub.of("payment"))
    page.evaluate("enhancedDataCapture.flush()")

    assert len(hub.items) == 1


def test_loading_it_twice_wraps_once(visit, tag, hub):
    page = visit(before=script(source("assigned")), after=tag() + tag())
    page.evaluate(CALL)
    hub.wait(lambda: hub.of("payment"))
    page.evaluate("enhancedDataCapture.flush()")

    assert len(hub.items) == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_function_has_its_type(visit, hub, name):
    page = visit(after=script(source("declared", name)))
    page.evaluate(f"{name}({{user_email: 'ana@example.org', propFirm: 'FTMO'}})")
    hub.wait(lambda: hub.items)

    [item] = hub.items
    assert (item["type"], item["wrapped"]) == (NAMES[name], name)
    data = item["dashboardData"] if NAMES[name] == "dashboard" else item
    assert data["propFirm"] == "FTMO"
    assert item["user_email"] == "ana@example.org"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("{a: 1}, {b: 2}, 'dark'", {"dashboardData": {"a": 1}, "theme": "dark"}),
        ("'ana@example.org', {a: 1}, {b: 2}", {"user_email": "ana@example.org"}),
        ("{dashboardData: {a: 1}, tradingState: {b: 2}, user_email: 'ana@example.org'}",
         {"user_email": "ana@example.org"}),
        ("{dashboard_data: {a: 1}, trading_state: {b: 2}}",
         {"dashboard_data": {"a": 1}, "trading_state": {"b": 2}}),
        ("{a: 1, userEmail: 'ana@example.org'}, {b: 2}",
         {"user_email": "ana@example.org"}),
        ("null, {b: 2}", {"tradingState": {"b": 2}}),
    ],
)  # fmt: skip
def test_a_dashboard_is_read_as_it_is_handed_over(visit, hub, arguments, expected):
    page = visit(after=script("saveDashboardToSupabase = () => 1"))
    page.evaluate(f"saveDashboardToSupabase({arguments})")
    hub.wait(lambda: hub.items)

    [item] = hub.items
    assert item | expected == item
    if "tradingState" in item:
        assert item["tradingState"] == {"b": 2}


def test_module_code_wraps_its_own(visit, hub):
    page = visit()
    page.evaluate(
        """async () => {
          const api = {prefix: 'p', savePayment(data) { return this.prefix + data.n }};
          enhancedDataCapture.wrap(api, 'savePayment', 'payment');
          window.results = [api.savePayment({n: 1})];
          const store = enhancedDataCapture.wrap(
            async n => n, 'storeQuestionnaireData');
          results.push(await store({propFirm: 'FTMO'}));
          enhancedDataCapture.wrap(api, 'missing');
          enhancedDataCapture.wrap(null, 'x');
          enhancedDataCapture.wrap(Object.freeze({f() {}}), 'f');
        }"""
    )
    hub.wait(lambda: len(hub.items) == 2)

    assert page.evaluate("results") == ["p1", {"propFirm": "FTMO"}]
    found = {item["type"]: item["wrapped"] for item in hub.items}
    assert found == {
        "payment": "savePayment",
        "questionnaire": "storeQuestionnaireData",
    }


@pytest.mark.parametrize("how", DECLARED)
def test_unwrap_restores_the_original(visit, hub, how):
    page = visit(
        before=script("window.first = f => (window.kept = f)"),
        after=script(
            f"{source(how, body='first(async data => data)')}; window.mine = 5;"
        ),
    )
    page.evaluate(
        """() => {
          const api = {save() {}};
          window.raw = api.save;
          window.held = enhancedDataCapture.wrap(api, 'save').save;
          enhancedDataCapture.unwrap();
          window.api = api;
        }"""
    )

    assert page.evaluate("api.save === raw")
    assert page.evaluate(
        """() => {
          const name = 'savePaymentToSupabase';
          const {value} = Object.getOwnPropertyDescriptor(window, name);
          return value && !value[Symbol.for('holdfast.capture.original')];
        }"""
    )
    page.evaluate(CALL)
    page.evaluate("held()")
    page.wait_for_timeout(100)
    assert page.evaluate("enhancedDataCapture.status().queued") == 0
    assert hub.items == []


# --- the same page with and without -------------------------------------------------

# Writes down all that a page can notice. The functions are put in by the test.
HOST = r"""
window.log = [];
const say = (...parts) => log.push(parts.map(part =>
  part instanceof Error ? part.name + ': ' + part.message : String(part)).join(' '));
const promises = new Map();
addEventListener('error', event => say('error', event.message, event.lineno,
  event.filename.split('/').pop(), event.error === window.thrown));
addEventListener('unhandledrejection', event => {
  say('unhandled', event.reason, promises.get(event.promise));
  event.preventDefault();
});

class Sum { constructor(n) { this.n = n } }
const failure = new Error('no network');
const failed = Promise.reject(failure);
failed.catch(() => {});
const kept = Promise.resolve({error: {code: '409'}});
let started = 0;
const lazy = {then(done) { started += 1; done({data: 1}) }};
const frozen = Object.freeze({ok: true});
const bodies = {
  sync: data => data,
  nothing: () => undefined,
  number: () => 7,
  frozen: () => frozen,
  promise: () => kept,
  rejected: () => failed,
  lazy: () => lazy,
  slow: data => new Promise(done => setTimeout(done, 20, data)),
  slowly_rejecting: () => new Promise((_, no) => setTimeout(no, 20, failure)),
  throwing: () => { throw (window.thrown = failure) },
  throwing_null: () => { throw null },
  throwing_text: () => { throw 'text' },
  changing: data => { data.changed = true; return data },
  aware: function () { return [this === window, this === undefined, arguments.length] },
  strict: function () { 'use strict'; return this === undefined },
  generator: function* (n) { yield n; yield n },
  async_throwing: async () => { throw failure },
  construct: Sum,
};
const wrong = [[], [null], [undefined], [5], ['text'], [() => 1], [[]], [NaN, 1n],
  [{a: 1}, {b: 2}], [Symbol('s')]];

function attempt(label, run) {
  try {
    const result = run();
    say(label, typeof result, result && Object.keys(result), result === kept,
      result === failed, result === lazy, result === frozen);
    if (result instanceof Promise) {
      promises.set(result, label);
      return result.then(value => say(label, 'resolved', JSON.stringify(value)),
        reason => say(label, 'rejected', reason, reason === failure));
    }
    return result;
  } catch (error) { say(label, 'threw', error, error === failure) }
}

async function run() {
  // Nobody handles these. Where an error is reported from is part of the page, too.
  for (const key of ['async_throwing', 'throwing', 'throwing_null', 'throwing_text']) {
    window.savePaymentToSupabase = bodies[key];
    setTimeout(() => promises.set(savePaymentToSupabase({n: 1}), key));
    await new Promise(done => setTimeout(done, 30));
  }
  for (const name of ['savePaymentToSupabase', 'storeQuestionnaireData',
    'saveDashboardToSupabase']) {
    for (const [key, body] of Object.entries(bodies)) {
      window[name] = body;
      body.extra = {key};
      const shown = window[name];
      say(name, key, shown.length, shown.name, shown.extra === body.extra,
        Object.getOwnPropertyNames(shown).sort(), String(shown), typeof shown,
        shown.prototype === body.prototype, shown === window[name],
        Object.getPrototypeOf(shown) === Object.getPrototypeOf(body));
      const data = {user_email: 'a@example.org', n: 1};
      if (key === 'construct') {
        say(new shown(3) instanceof Sum, new shown(4).n);
        continue;
      }
      await attempt(key, () => shown(data));
      say(key, JSON.stringify(data));
      await attempt(key + ' call', () => shown.call({}, 1, 2));
      for (const args of wrong) await attempt(key + ' wrong', () => shown(...args));
      const own = {shown};
      await attempt(key + ' method', () => own.shown(data));
    }
    say(Object.keys(window).includes(name), delete window[name], typeof window[name]);
  }
  say('lazy started', started);
  return log;
}
"""


HUBS = ["up", "down", "refusing", "slow", "denied"]


@pytest.mark.parametrize("state", HUBS)
def test_the_page_behaves_as_without_it(site, new_page, errors, tag, hub, state):  # noqa: PLR0917 - fixtures
    hub.rule = status(401) if state == "refusing" else hub.rule
    hub.delay = 1 if state == "slow" else 0
    if state == "down":
        hub.stop()
    site.put("/host.js", HOST)
    host = '<script src="/host.js"></script>'
    seen = []
    for snippet in ("", tag(consent="denied" if state == "denied" else "granted")):
        page = new_page()
        page.goto(site.put("/", f"<!doctype html>{snippet}{host}"))
        seen.append(page.evaluate("run()"))
        page.close()
    plain, captured = seen

    assert len(plain) > 500
    assert captured == plain
    said = [line for line in plain if line.startswith(("error", "unhandled"))]
    assert said[0] == "unhandled Error: no network async_throwing"
    assert len(said) == 4
    # The page's own, in both runs.
    assert errors[:3] == errors[3:]
    errors.clear()


def test_the_lazy_result_of_a_query_builder_is_not_started(visit, hub):
    page = visit(after=script("let n = 0; savePaymentToSupabase = () => "
                              "({then(done) { n++; done() }})"))  # fmt: skip
    page.evaluate(f"void {CALL}")
    hub.wait(lambda: hub.of("payment"))

    assert page.evaluate("n") == 0
    assert "outcome" not in hub.items[0]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("() => 1", "ok"),
        ("() => undefined", "ok"),
        ("() => ({error: null, data: 1})", "ok"),
        ("() => ({error: {message: 'no'}})", "error"),
        ("async () => ({data: 1, error: null})", "ok"),
        ("async () => ({data: null, error: {code: '409'}, status: 409})", "error"),
        ("async () => { throw 1 }", "threw"),
        ("() => new Promise((_, no) => setTimeout(no, 30))", "threw"),
        ("() => { throw 1 }", "threw"),
        ("() => ({get error() { throw 1 }})", "ok"),
    ],
)
def test_the_outcome_is_noted(visit, hub, body, outcome):
    page = visit(after=script(f"savePaymentToSupabase = {body}"))
    page.evaluate(
        f"(async () => {{ try {{ await {CALL} }} catch (e) {{ void e }} }})()"
    )
    hub.wait(lambda: hub.of("payment"))

    assert hub.items[0]["outcome"] == outcome


def test_arguments_are_taken_before_the_function_changes_them(visit, hub):
    page = visit(after=script("savePaymentToSupabase = data => { data.n = 2 }"))
    page.evaluate("savePaymentToSupabase({n: 1, user_email: 'a@example.org'})")
    hub.wait(lambda: hub.items)

    assert hub.items[0]["n"] == 1


def test_a_save_that_the_page_does_not_wait_for_is_captured_on_leaving(
    visit, hub, site
):
    page = visit(after=script("savePaymentToSupabase = () => new Promise(() => {})"))
    site.put("/thanks", "<p>Thanks")
    page.evaluate(f"{CALL}; location.href = '/thanks'")

    hub.wait(lambda: hub.of("payment"))
    assert "outcome" not in hub.items[0]


def test_two_files_may_hold_the_same_function(visit, hub):
    """A later declaration replaces an earlier one, as it would without us."""
    page = visit(
        after=script("function savePaymentToSupabase() { return 1 }")
        + script("function savePaymentToSupabase() { return 2 }")
    )

    assert page.evaluate(CALL) == 2
    hub.wait(lambda: hub.of("payment"))
