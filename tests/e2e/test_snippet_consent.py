"""Consent, refusals of the browser, and what addresses of pages may tell."""

from __future__ import annotations

import json

import pytest

from tests.e2e.collector import ROUTE, status, verdicts, wait_for
from tests.e2e.conftest import KEY

pytestmark = pytest.mark.e2e

PAY = "enhancedDataCapture.capturePaymentData({user_email:'ana@example.org',amount:5})"
ALL = f"""async () => {{
  const hub = enhancedDataCapture;
  const answers = [await {PAY},
    await hub.captureSignupData({{email: 'ana@example.org', marketing_consent: true}}),
    await hub.captureDashboardData({{a: 1}}),
    await hub.track('Opened'), await hub.page()];
  await hub.flush();
  return answers.map(answer => answer.queued);
}}"""
LEFT = "Object.keys(localStorage)"
STATE = f"capture:s:v1:{KEY[:11]}"
GPC = (
    "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})"
)
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', {value: '1'})"


def types(hub):
    return sorted(item["type"] for item in hub.items)


# --- consent ------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["required", "", "perhaps"])
def test_nothing_leaves_or_is_stored_before_the_visitor_agrees(
    visit, hub, site, page, given
):
    page = visit(consent=given)
    assert page.evaluate(ALL) == [True] * 5
    assert page.evaluate("enhancedDataCapture.status().consent") == "required"
    page.goto(site.put("/other", "<p>Bye"))
    page.wait_for_timeout(100)
    assert page.evaluate(LEFT) == []
    assert hub.requests == []


def test_agreeing_sends_what_waited_and_lasts(visit, hub):
    page = visit(consent="required")
    page.evaluate(ALL)

    page.evaluate("enhancedDataCapture.optIn()")

    hub.wait(lambda: len(hub.items) == 5)
    page.reload()
    assert page.evaluate("enhancedDataCapture.status().consent") == "granted"
    assert "consent" not in types(hub), "To be captured is no consent to offers."


def test_denied_captures_nothing_until_the_visitor_agrees(visit, hub):
    page = visit(consent="denied")
    assert page.evaluate(ALL) == [False] * 5
    assert page.evaluate(PAY) == {"queued": False, "id": None}
    assert page.evaluate(LEFT) == []

    page.evaluate("enhancedDataCapture.optIn()")
    page.evaluate(PAY)

    hub.wait(lambda: types(hub) == ["payment"])


def test_opting_out_clears_queue_and_ids_and_tells_the_hub_once(visit, hub):
    hub.rule = status(503)
    page = visit(retry_base="100")
    page.evaluate("enhancedDataCapture.identify('u-1', {email: 'ana@example.org'})")
    page.evaluate(ALL)
    hub.wait(lambda: hub.requests)
    ids = {item["anonymous_id"] for request in hub.requests for item in request.items}

    assert page.evaluate("enhancedDataCapture.optOut()")["id"] is None
    hub.rule = verdicts
    hub.requests.clear()
    hub.wait(lambda: hub.items)

    [item] = hub.items
    assert (item["type"], item["marketing_consent"]) == ("consent", False)
    assert (item["email"], item["user_id"]) == ("ana@example.org", "u-1")
    assert {item["anonymous_id"]} == ids
    assert page.evaluate("enhancedDataCapture.hasOptedOut()") is True
    assert page.evaluate(LEFT) == [STATE]
    kept = json.loads(page.evaluate("name => localStorage[name]", STATE))
    assert kept == {"choice": "out", "dropped": 0}
    assert page.evaluate(PAY)["queued"] is False
    page.reload()
    assert page.evaluate(ALL) == [False] * 5
    assert len(hub.items) == 1


def test_opting_out_in_one_tab_is_heard_in_the_other(new_page, site, tag, hub):
    hub.rule = status(503)
    address = site.put("/", tag(retry_base="200"))
    first, second = new_page(), new_page()
    first.goto(address)
    second.goto(address)
    second.evaluate(PAY)
    hub.wait(lambda: hub.requests)

    first.evaluate("enhancedDataCapture.optOut()")

    wait_for(
        lambda: second.evaluate("enhancedDataCapture.status()")["optedOut"],
        "the refusal",
    )
    assert second.evaluate(PAY)["queued"] is False
    assert second.evaluate("enhancedDataCapture.status().queued") == 0


def test_coming_back_after_opting_out(visit, hub):
    page = visit()
    page.evaluate("enhancedDataCapture.optOut()")
    assert hub.requests == [], "Nobody was known, so nobody is told."
    page.evaluate("enhancedDataCapture.optIn()")
    page.evaluate(PAY)

    hub.wait(lambda: hub.of("payment"))


def test_wrapped_functions_are_as_silent(visit, hub):
    page = visit(
        consent="denied", after="<script>savePaymentToSupabase = () => 1</script>"
    )
    assert page.evaluate("savePaymentToSupabase({user_email: 'a@example.org'})") == 1
    page.wait_for_timeout(100)

    assert page.evaluate("enhancedDataCapture.status().queued") == 0
    assert hub.requests == []


# --- what the browser says -----------------------------------------------------------


def test_global_privacy_control_keeps_only_what_the_visitor_did(visit, context, hub):
    context.add_init_script(GPC)
    page = visit()

    assert page.evaluate(ALL) == [True, True, False, False, False]

    hub.wait(lambda: len(hub.items) == 3)
    assert types(hub) == ["consent", "payment", "signup"]
    assert all(item["gpc"] is True for item in hub.items)
    for kind in ("signup", "consent"):
        assert hub.of(kind)[0]["marketing_consent"] is False
    assert hub.of("consent")[0]["email"] == "ana@example.org"
    page.evaluate(ALL)
    page.evaluate("enhancedDataCapture.flush()")
    assert len(hub.of("consent")) == 1, "Once is enough."


def test_do_not_track_is_recorded(visit, context, hub):
    context.add_init_script(DNT)
    assert visit().evaluate(ALL) == [True] * 5

    hub.wait(lambda: hub.requests)
    assert hub.requests[0].body["context"]["dnt"] is True


def test_do_not_track_is_honoured_if_the_operator_says_so(visit, context, hub):
    context.add_init_script(DNT)

    assert visit(dnt="honour").evaluate(ALL) == [True, True, False, False, False]


# --- people at one computer ----------------------------------------------------------


def test_signing_out_starts_a_new_person(visit, hub):
    page = visit()
    page.evaluate("enhancedDataCapture.identify('u-1', {email: 'ana@example.org'})")
    page.evaluate("enhancedDataCapture.track('One')")
    page.evaluate("enhancedDataCapture.reset()")
    page.evaluate("enhancedDataCapture.track('Two')")
    page.evaluate("enhancedDataCapture.flush()")

    hub.wait(lambda: len(hub.items) == 3)
    one, two = (i for i in hub.items if i["type"] == "event")
    assert (one["user_id"], one["email"]) == ("u-1", "ana@example.org")
    assert not {"user_id", "email"} & set(two)
    assert one["anonymous_id"] != two["anonymous_id"]


@pytest.mark.parametrize(
    "calls",
    [
        ["identify('u-1')", "identify('u-2')"],
        ["captureLogin({email: 'a@example.org'})", "captureLogin({email: 'b@x.org'})"],
        ["captureSignupData({email: 'ana@example.org'})", "identify('bo@example.org')"],
    ],
)  # fmt: skip
def test_somebody_else_signing_in_is_never_joined_to_the_first(visit, hub, calls):
    page = visit()
    for call in calls:
        page.evaluate(f"enhancedDataCapture.{call}")
    page.evaluate("enhancedDataCapture.flush()")
    hub.wait(lambda: len(hub.items) == 2)

    assert len({item["anonymous_id"] for item in hub.items}) == 2


def test_a_failed_login_says_nothing_about_who_is_here(visit, hub):
    page = visit()
    page.evaluate(
        "enhancedDataCapture.captureLogin({email: 'bo@example.org', success: false})"
    )
    page.evaluate("enhancedDataCapture.track('On')")
    page.evaluate("enhancedDataCapture.flush()")
    hub.wait(lambda: len(hub.items) == 2)

    assert "email" not in hub.of("event")[0]


def test_an_item_about_somebody_else_does_not_carry_my_id(visit, hub):
    page = visit()
    page.evaluate("enhancedDataCapture.identify('u-1', {email: 'ana@example.org'})")
    page.evaluate(
        """enhancedDataCapture.capturePaymentData({user_email: 'bo@example.org', n: 1});
        enhancedDataCapture.capturePaymentData({user_email: ' ANA@example.org', n: 2});
        enhancedDataCapture.capturePaymentData({email: '', userId: null, n: 3})"""
    )
    hub.wait(lambda: len(hub.of("payment")) == 3)

    one, two, three = sorted(hub.of("payment"), key=lambda item: item["n"])
    assert "user_id" not in one
    assert "email" not in one
    assert two["user_id"] == "u-1"
    assert "email" not in two
    assert (three["email"], three["user_id"]) == ("ana@example.org", "u-1")
    assert "userId" not in three


# --- addresses -----------------------------------------------------------------------

DIRTY = (
    "/shop/ana@example.org/eyJhbGciOiJIUzI1NiJ9.e30.x/list?utm_source=flyer&page=2"
    "&email=ana%40example.org&q=ana%40example.org&access_token=abc&code=9&s=Bearer"
    "&ref=4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c&tel=1&call=%2B49%2030%205550199"
    "&id=123e4567-e89b-12d3-a456-426614174000#access_token=secret"
)
PERSONAL = (
    "ana", "eyJ", "access_token", "code=", "4f9a8b7c", "5550199", "123e4567", "#",
    "secret",
)  # fmt: skip


def test_addresses_of_pages_tell_nothing_personal(site, page, tag, hub):
    path = DIRTY.partition("?")[0]
    site.put(path, f"<title>Cart of ana@example.org</title>{tag()}")
    page.goto(site.url + DIRTY, referer=site.url + DIRTY)
    page.evaluate("enhancedDataCapture.page()")
    page.evaluate(
        "address => enhancedDataCapture.track('Went', {to: address, deep: [address]})",
        site.url + DIRTY,
    )
    page.evaluate("enhancedDataCapture.flush()")
    hub.wait(lambda: len(hub.items) == 2)

    clean = f"{site.url}/shop/-/-/list?utm_source=flyer&page=2&s=Bearer"
    assert hub.of("page")[0]["properties"] == {
        "url": clean,
        "title": "Cart of [address]",
        "referrer": clean,
        "path": "/shop/-/-/list",
    }
    assert hub.of("event")[0]["properties"] == {"to": clean, "deep": [clean]}
    said = json.dumps([[r.path, r.headers, r.body] for r in hub.requests])
    assert [word for word in PERSONAL if word in said] == []
    assert {r.path for r in hub.requests} == {ROUTE}
    assert hub.requests[0].headers["Referer"] == site.url + "/"


def test_typing_and_forms_are_not_looked_at(visit, hub):
    page = visit(after="<form><input name=note><input type=password name=p></form>")
    page.fill("[name=note]", "private")
    page.fill("[name=p]", "hunter2")
    page.evaluate("document.forms[0].onsubmit = () => false")
    page.evaluate("document.forms[0].requestSubmit()")
    page.evaluate("enhancedDataCapture.flush()")

    assert hub.requests == []
    assert page.evaluate(LEFT) == []
