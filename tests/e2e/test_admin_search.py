"""The field that searches everything, in a browser: a combobox over a plain form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import live
from tests.e2e.hostile import Visitor

pytestmark = pytest.mark.e2e
FIELD = "#top-search"
OPTIONS = "[role=option]"


def attribute(page: Any, name: str) -> str | None:
    return page.locator(FIELD).get_attribute(name)


def test_suggestions_are_chosen_by_keys(
    visitor: Visitor, hostile: tuple[live.Hub, Any]
) -> None:
    page = visitor.page
    posts: list[str] = []
    page.on("request", lambda sent: posts.append(sent.method + " " + sent.url))
    visitor.open("/admin/search/")
    assert attribute(page, "role") == "combobox"
    assert attribute(page, "aria-expanded") == "false"

    # One request for several letters, typed within the pause.
    posts.clear()
    page.locator(FIELD).press_sequentially("bookin", delay=20)
    page.wait_for_selector(OPTIONS)
    assert posts == [f"POST {visitor.base}/admin/search/suggest/"]
    assert attribute(page, "aria-expanded") == "true"
    assert attribute(page, "aria-activedescendant") is None
    listbox = page.locator(f"#{attribute(page, 'aria-controls')}")
    assert listbox.get_attribute("role") == "listbox"

    # Down, up behind the first, and Escape, which keeps what was typed.
    page.keyboard.press("ArrowDown")
    first = page.locator(OPTIONS).first
    assert attribute(page, "aria-activedescendant") == first.get_attribute("id")
    assert first.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    assert attribute(page, "aria-activedescendant") is None
    page.keyboard.press("Escape")
    assert not listbox.is_visible()
    assert page.input_value(FIELD) == "bookin"

    # It opens again, and Enter opens the page that was chosen.
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/customers/booking/")

    visitor.look()
    assert visitor.wrong == []


def test_hostile_names_are_text_and_the_address_has_a_key_alone(
    visitor: Visitor, hostile: tuple[live.Hub, Any]
) -> None:
    page = visitor.page
    visitor.open("/admin/search/")

    page.locator(FIELD).press_sequentially("<img")
    page.wait_for_selector(OPTIONS)
    visitor.look()
    assert page.locator(f"{OPTIONS} img").count() == 0
    assert "<img" in page.locator(OPTIONS).first.inner_text()

    # Without a choice Enter sends the form.
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/search/?s=*")
    visitor.look()
    assert "img" not in page.url
    assert visitor.wrong == []


def test_the_search_works_without_script(
    visitor: Visitor, context: Any, hostile: tuple[live.Hub, Any]
) -> None:
    plain = context.browser.new_context(java_script_enabled=False)
    plain.add_cookies(context.cookies())
    page = plain.new_page()
    page.goto(f"{visitor.base}/admin/search/")

    page.fill(FIELD, "booking")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/search/?s=*")

    assert page.get_by_role("link", name="Bookings").count()
    plain.close()
