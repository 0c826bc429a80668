"""What happens shows on a page that is open, which asks for nothing while hidden."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import live
from tests.e2e.staff import IS_FOCUSED, Colleague, person

pytestmark = pytest.mark.e2e
PULSE = "/admin/pulse/"
WITHIN = 5
# As the browser says it when another tab comes before this one.
SET_HIDDEN = """isHidden => {
  Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture(scope="module")
def key(colleague: Colleague, bakery_id: str) -> str:
    return str(colleague.open_shop(bakery_id))


@pytest.fixture
def page(chromium, workplace, colleague, bakery_id) -> Iterator[Any]:
    """A page of support, with the addresses it has asked for."""
    cookie = colleague.session_of(colleague.hire(bakery_id, "support"))
    with person(chromium, workplace.server.url, "mouse", 1366, cookie) as window:
        page = window.page
        page.asked = []
        page.on("request", lambda sent: page.asked.append(sent.url))
        yield page
        window.look()


def capture(hub: live.Hub, key: str, customer: dict[str, str], price: float) -> None:
    """Send a payment of a customer, as a shop does."""
    body = {"type": "payment", "email": customer["email"], "final_price": price}
    body |= {"message_id": f"{customer['reference']}-{price}"}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = live.request(
        hub.server.port, "POST", "/api/v1/captures", json.dumps(body).encode(), headers
    )
    assert answer.status < 300, answer.content


def open_page(page: Any, hub: live.Hub, customer: dict[str, str]) -> None:
    """Open the customer's page, and wait until it knows its version."""
    with page.expect_response(lambda answer: PULSE in answer.url):
        page.goto(f"{hub.server.url}/admin/customers/customer/{customer['pk']}/")


def entries(page: Any) -> list[str]:
    return list(page.locator("#timeline [data-entry]").all_inner_texts())


def pulses(page: Any) -> int:
    return sum(PULSE in url for url in page.asked)


def seconds_until_shown(
    page: Any, hub: live.Hub, key: str, customer: dict[str, str], price: float
) -> float:
    """Send a payment; return how long it took until the page showed one entry more."""
    count = len(entries(page))
    capture(hub, key, customer, price)
    arrived = time.monotonic()
    page.locator("#timeline [data-entry]").nth(count).wait_for()
    return time.monotonic() - arrived


def test_a_capture_shows_within_seconds_without_loading(page, workplace, key, customer):
    open_page(page, workplace, customer)
    page.evaluate("window.mark = 'the same page'")
    page.locator("[name=content]").fill("half a note")

    # Each comes right after the page has asked. A busy machine is no outage: one of
    # three has to be in time.
    sent = 0
    while sent < 3:
        sent += 1
        if seconds_until_shown(page, workplace, key, customer, sent) <= WITHIN:
            break
    else:
        pytest.fail(f"No capture was shown within {WITHIN} seconds.")

    assert any("payment" in text.lower() for text in entries(page)[:3])
    assert page.locator(".tabs a", has_text=f"Captures {sent}").count() == 1
    assert page.evaluate("window.mark") == "the same page"
    # What somebody was writing is still there.
    assert page.input_value("[name=content]") == "half a note"
    # What asks by itself names nobody.
    assert not any(customer["email"] in url for url in page.asked)


def test_nothing_moves_from_under_the_focus(page, workplace, key, customer):
    page.clock.install()
    open_page(page, workplace, customer)
    chosen = page.locator(".tabs a", has_text="Captures")
    chosen.focus()
    capture(workplace, key, customer, 1.5)
    page.clock.fast_forward(5_000)
    page.locator(".tabs a", has_text="Captures 1").wait_for()
    assert chosen.evaluate(IS_FOCUSED)

    entry = page.locator("#timeline [data-entry] a").first
    entry.focus()
    before = entries(page)
    capture(workplace, key, customer, 2.5)
    page.clock.fast_forward(5_000)
    show = page.get_by_role("button", name="Show 1 new entry")
    show.wait_for()
    assert entry.evaluate(IS_FOCUSED)
    assert entries(page) == before
    assert page.locator(".tabs a", has_text="Captures 2").count() == 1

    show.press("Enter")
    assert len(entries(page)) == len(before) + 1
    assert page.locator("#timeline").evaluate(IS_FOCUSED)


def test_nothing_is_asked_while_the_page_is_hidden(page, workplace, key, customer):
    page.clock.install()
    open_page(page, workplace, customer)
    with page.expect_response(lambda answer: PULSE in answer.url):
        page.clock.fast_forward(5_000)

    page.evaluate(SET_HIDDEN, True)
    capture(workplace, key, customer, 7.25)
    page.asked.clear()
    for _ in range(10):
        page.clock.fast_forward(60_000)
    page.wait_for_timeout(200)
    assert page.asked == []

    with page.expect_response(lambda answer: PULSE in answer.url):
        page.evaluate(SET_HIDDEN, False)
        page.clock.fast_forward(100)
    page.locator("#timeline [data-entry]", has_text="Payment").first.wait_for()
    assert pulses(page) == 1
