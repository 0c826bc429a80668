"""Acts of a customer's page in a browser: by mouse, by keys, and without script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import migrated
from tests.e2e import live
from tests.e2e.hostile import WATCH
from tests.factories.audit import PASSWORD, PIN

pytestmark = pytest.mark.e2e
CUSTOMER = "/admin/customers/C-DEM0-0001"
DIALOG = "dialog.act-dialog[open]"
IS_IN_DIALOG = f"() => document.activeElement.closest('{DIALOG}') !== null"
FOCUSED = "() => document.activeElement.name || document.activeElement.id"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Hub]:
    folder = tmp_path_factory.mktemp("acts")
    with live.office(migrated(tmp_path_factory), folder) as hub:
        yield hub


def open_customer(page: Any, hub: live.Hub) -> Any:
    """Return a page that shows a customer to the office."""
    page.goto(f"{hub.server.url}/admin/login/?next={CUSTOMER}")
    page.fill("[name=username]", "office")
    page.fill("[name=password]", PASSWORD)
    page.click("#login-form [type=submit]")
    page.wait_for_url("**/admin/customers/customer/**")
    return page


@pytest.fixture
def customer(context: Any, page: Any, hub: live.Hub) -> Iterator[Any]:
    context.add_init_script(WATCH)
    yield open_customer(page, hub)
    assert page.evaluate("window.__refused") == []


def open_dialog(page: Any, label: str) -> Any:
    page.locator(".acts-bar > a", has_text=label).click()
    return page.wait_for_selector(DIALOG)


def message_of(page: Any) -> str:
    return str(page.wait_for_selector(".messagelist li").inner_text())


def notes(hub: live.Hub) -> list[str]:
    rows = hub.database.rows("SELECT content FROM customers_note ORDER BY created_at")
    return [content for (content,) in rows]


def test_a_note_by_mouse(customer, hub):
    url = customer.url
    open_dialog(customer, "Note")
    assert customer.url == url
    customer.fill(f"{DIALOG} [name=content]", "By mouse.")
    with customer.expect_navigation():
        customer.click(f"{DIALOG} footer button")

    assert customer.url == url
    assert "The note is saved." in message_of(customer)
    assert notes(hub)[-1] == "By mouse."


def test_a_note_by_keys_alone(customer, hub):
    customer.keyboard.press("n")
    customer.wait_for_selector(DIALOG)
    assert customer.evaluate(FOCUSED) == "content"
    customer.keyboard.type("By keys, nothing opens: n e ?")
    for _ in range(12):
        assert customer.evaluate(IS_IN_DIALOG)
        customer.keyboard.press("Tab")
        if customer.evaluate("() => document.activeElement.type") == "submit":
            break
    with customer.expect_navigation():
        customer.keyboard.press("Enter")

    assert "The note is saved." in message_of(customer)
    assert notes(hub)[-1] == "By keys, nothing opens: n e ?"


def test_escape_leads_back_to_the_opener(customer, hub):
    before = notes(hub)
    customer.locator(".acts-bar > a", has_text="Note").focus()
    customer.keyboard.press("Enter")
    customer.wait_for_selector(DIALOG)
    customer.keyboard.press("Escape")
    customer.wait_for_selector("dialog.act-dialog", state="detached")

    assert customer.evaluate("() => document.activeElement.dataset.key") == "n"
    open_dialog(customer, "Note")
    customer.click(f"{DIALOG} footer a")
    customer.wait_for_selector("dialog.act-dialog", state="detached")
    assert customer.evaluate("() => document.activeElement.dataset.key") == "n"
    assert notes(hub) == before


def test_an_act_under_more_leads_back_to_more(customer):
    customer.click(".acts-bar summary")
    customer.locator(".acts-bar .pop a", has_text="Archive").click()
    customer.wait_for_selector(DIALOG)
    assert customer.inner_text(f"{DIALOG} h2") == "Archive this customer"
    customer.keyboard.press("Escape")
    customer.wait_for_selector("dialog.act-dialog", state="detached")

    assert customer.evaluate("() => document.activeElement.tagName") == "SUMMARY"


def test_a_refused_form_is_drawn_again_in_the_dialog(customer):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - e2e only

    url = customer.url
    open_dialog(customer, "Ticket")
    customer.fill(f"{DIALOG} [name=subject]", "Late again")
    customer.click(f"{DIALOG} footer button")
    customer.wait_for_selector(f"{DIALOG} .summary")

    assert customer.url == url
    assert customer.evaluate(FOCUSED) == "refused"
    assert customer.input_value(f"{DIALOG} [name=subject]") == "Late again"
    assert customer.evaluate("window.__refused") == []
    assert Axe().run(customer).response["violations"] == []
    # Axe has styles of its own.
    customer.evaluate("window.__refused = []")

    customer.fill(f"{DIALOG} [name=body]", "Where is it?")
    with customer.expect_navigation():
        customer.click(f"{DIALOG} footer button")
    assert "is open." in message_of(customer)


def test_what_has_to_be_confirmed_opens_as_a_whole_page(customer):
    url = customer.url
    customer.click(".acts-bar summary")
    customer.locator(".acts-bar .pop a", has_text="Export").click()
    customer.wait_for_selector(DIALOG)
    customer.fill(f"{DIALOG} [name=reason]", "asked for it")
    with customer.expect_navigation():
        customer.click(f"{DIALOG} footer button")
    assert customer.url.endswith("/act/export/")
    assert "Export everything about C-DEM0-0001" in customer.inner_text("#content")
    customer.fill("[name=step_up_code]", PIN)
    with customer.expect_navigation():
        customer.click("#content [type=submit]")

    assert customer.url == url
    with customer.expect_download() as waiting:
        customer.locator(".messagelist a", has_text="Download").click()
    assert waiting.value.suggested_filename == "C-DEM0-0001.json"


def test_without_an_answer_what_was_typed_stays(customer, hub):
    open_dialog(customer, "Note")
    customer.fill(f"{DIALOG} [name=content]", "Not lost.")
    customer.route("**/act/note/", lambda route: route.abort())
    customer.click(f"{DIALOG} footer button")
    error = customer.wait_for_selector(f"{DIALOG} > [role=alert]:not([hidden])")

    assert "still here" in error.inner_text()
    assert customer.input_value(f"{DIALOG} [name=content]") == "Not lost."
    customer.unroute("**/act/note/")
    with customer.expect_navigation():
        customer.click(f"{DIALOG} footer button")
    assert notes(hub)[-1] == "Not lost."


def test_without_script_an_act_is_a_page(chromium, hub):
    context = chromium.new_context(java_script_enabled=False)
    page = open_customer(context.new_page(), hub)
    url = page.url
    page.click(".acts-bar > a:has-text('Note')")
    assert page.url.endswith("/act/note/")
    page.click("[data-act-form] button")
    assert page.locator("#refused").count() == 1
    page.fill("[name=content]", "Without script.")
    page.click("[data-act-form] button")

    assert page.url == url
    assert "The note is saved." in page.inner_text(".messagelist")
    assert notes(hub)[-1] == "Without script."
    context.close()
