"""The form of a customer in browsers: two people at once, and who it may be already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.databases import migrated
from tests.e2e import live
from tests.e2e.hostile import WATCH
from tests.factories.audit import PASSWORD

pytestmark = pytest.mark.e2e
LIST = "/admin/customers/customer/"
# Of the demo's people: whom two change, and whom another one is taken for.
CHANGED = "C-DEM0-0002"
REFERENCE, EMAIL, PHONE = "C-DEM0-0001", "ana.silva@example.org", "+47 22 00 04 21"
SAVE = "[name=_save]"
LIKELY = "[data-similar] .match"
IS_LINK = "text => document.activeElement.textContent.startsWith(text)"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Hub]:
    folder = tmp_path_factory.mktemp("form")
    with live.office(migrated(tmp_path_factory), folder) as hub:
        yield hub


@pytest.fixture
def open_page(chromium: Any, hub: live.Hub) -> Iterator[Callable[..., Any]]:
    """Open a page of the admin in a browser of its own, as the office."""
    contexts: list[Any] = []

    def open_it(path: str, **options: Any) -> Any:
        contexts.append(chromium.new_context(**options))
        contexts[-1].set_default_timeout(60_000)
        contexts[-1].add_init_script(WATCH)
        page = contexts[-1].new_page()
        page.goto(f"{hub.server.url}/admin/login/?next={path}")
        page.fill("[name=username]", "office")
        page.fill("[name=password]", PASSWORD)
        page.click("#login-form [type=submit]")
        page.wait_for_url(f"**{path}")
        return page

    yield open_it
    refused = [
        one
        for context in contexts
        for page in context.pages
        for one in page.evaluate("window.__refused || []")
    ]
    for context in contexts:
        context.close()
    assert refused == []


@pytest.fixture
def form(hub: live.Hub) -> str:
    """The path of the form of one of the demo's people."""
    [(pk,)] = hub.database.rows(
        "SELECT id FROM customers_customer WHERE unique_id = ?", CHANGED
    )
    return f"{LIST}{pk}/change/"


def stored(hub: live.Hub) -> tuple[str, str]:
    """Return what is stored of that person: phone and place."""
    [row] = hub.database.rows(
        "SELECT phone, location FROM customers_customer WHERE unique_id = ?", CHANGED
    )
    return row


def press_until(page: Any, key: str, found: str, argument: Any = None) -> None:
    """Press a key until the page says that it is there."""
    for _ in range(80):
        if page.evaluate(found, argument):
            return
        page.keyboard.press(key)
    msg = f"{found} {argument} is not reached by {key}"
    raise AssertionError(msg)


# --- two people -----------------------------------------------------------------


def both_write(mine: Any, theirs: Any, number: str) -> None:
    """Let both change the phone, the other one first."""
    theirs.fill("#id_phone", f"+47 22 00 10 {number}")
    theirs.click(SAVE)
    theirs.wait_for_selector(".messagelist")
    mine.fill("#id_phone", f"+47 22 00 20 {number}")
    mine.click("summary:has-text('Origin')")
    mine.fill("#id_location", f"Oslo {number}")


def test_a_conflict_is_solved_by_mouse(open_page, hub, form):
    mine, theirs = open_page(form), open_page(form)
    both_write(mine, theirs, "11")
    mine.click(SAVE)
    mine.wait_for_selector(".conflict")
    assert f"office saved {CHANGED}" in mine.inner_text(".conflict")
    assert stored(hub)[0] == "+47 22 00 10 11"

    mine.locator(".pick", has_text="+47 22 00 10 11").click()
    with mine.expect_navigation():
        mine.click(".conflict button")

    assert "is saved" in mine.inner_text(".messagelist")
    assert stored(hub) == ("+47 22 00 10 11", "Oslo 11")


def test_a_conflict_is_solved_by_keys_alone(open_page, hub, form):
    mine, theirs = open_page(form), open_page(form)
    both_write(mine, theirs, "22")
    mine.keyboard.press("Control+s")
    mine.wait_for_selector(".conflict")

    press_until(mine, "Tab", "() => document.activeElement.name === '_choice_phone'")
    mine.keyboard.press("ArrowDown")
    assert mine.evaluate("() => document.activeElement.value") == "yours"
    press_until(mine, "Tab", "() => document.activeElement.type === 'submit'")
    with mine.expect_navigation():
        mine.keyboard.press("Enter")

    assert "is saved" in mine.inner_text(".messagelist")
    assert stored(hub) == ("+47 22 00 20 22", "Oslo 22")


def test_a_conflict_is_solved_without_script(open_page, hub, form):
    mine = open_page(form, java_script_enabled=False)
    theirs = open_page(form)
    theirs.fill("#id_phone", "+47 22 00 10 33")
    theirs.click(SAVE)
    theirs.wait_for_selector(".messagelist")
    mine.fill("#id_phone", "+47 22 00 20 33")
    mine.click(SAVE)
    mine.check("[name=_choice_phone][value=yours]")
    mine.click(".conflict button")

    assert "is saved" in mine.inner_text(".messagelist")
    assert stored(hub)[0] == "+47 22 00 20 33"


def test_the_page_of_a_conflict_is_accessible(open_page, form):
    mine, theirs = open_page(form), open_page(form)
    both_write(mine, theirs, "44")
    mine.click(SAVE)
    mine.wait_for_selector(".conflict")

    assert faults(mine) == []


def test_the_form_with_its_panel_is_accessible(open_page, form):
    page = open_page(f"{LIST}add/")
    page.fill("#id_email", EMAIL)
    page.click("#id_phone")
    page.wait_for_selector(LIKELY)
    page.click("#addresses-group .add-row a")
    page.click("#contacts-group .add-row a")

    assert faults(page) == []


def faults(page: Any) -> list[Any]:
    """Return what axe finds on a page in both themes, and where it is too wide."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - e2e only

    found: list[Any] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = Axe().run(page).response["violations"]
        found += [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in violations]
    for width in (320, 390, 768, 1366, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
            found.append(f"too wide at {width}")
    # Axe has styles of its own.
    page.evaluate("window.__refused = []")
    return found


# --- who it may be already ------------------------------------------------------


def test_the_existing_customer_is_used_by_mouse(open_page, hub):
    page = open_page(f"{LIST}add/")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.fill("#id_name", "A. Silva")
    page.fill("#id_email", EMAIL)
    page.click("#id_phone")
    page.wait_for_selector(LIKELY)
    assert "has this e-mail" in page.inner_text("[data-similar]")
    assert EMAIL not in page.inner_text("[data-similar]")
    with page.expect_navigation():
        page.click("text=Use this one")

    assert REFERENCE in page.inner_text(".customer-page .head")
    # That was meant: nobody is asked whether to leave what was typed.
    assert asked == []


def test_the_existing_customer_is_used_by_keys_alone(open_page, hub):
    page = open_page(f"{LIST}add/")
    press_until(page, "Tab", "() => document.activeElement.name === 'email'")
    page.keyboard.type(EMAIL)
    page.keyboard.press("Tab")
    page.wait_for_selector(LIKELY)
    assert page.inner_text("[data-similar] [role=status]") == "1 looks like this person"
    press_until(page, "Tab", IS_LINK, "Use this one")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert REFERENCE in page.inner_text(".customer-page .head")


def test_who_was_seen_does_not_keep_from_saving(open_page, hub):
    page = open_page(f"{LIST}add/")
    page.fill("#id_name", "Seen Before")
    page.fill("#id_phone", PHONE)
    page.click("#id_name")
    page.wait_for_selector(LIKELY)
    with page.expect_navigation():
        page.click(SAVE)

    assert "is created" in page.inner_text(".messagelist")


def test_without_script_it_is_one_more_press(open_page, hub):
    page = open_page(f"{LIST}add/", java_script_enabled=False)
    page.fill("#id_name", "Plain Page")
    page.fill("#id_phone", PHONE)
    page.click(SAVE)
    assert page.input_value("#id_name") == "Plain Page"
    page.check("[name=create_anyway]")
    page.click(SAVE)

    assert "is created" in page.inner_text(".messagelist")


def test_a_slow_answer_does_not_replace_a_newer_one(open_page, hub):
    page = open_page(f"{LIST}add/")
    held: list[Any] = []

    def hold_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/similar/", hold_first)
    page.fill("#id_email", EMAIL)
    page.focus("#id_name")
    page.wait_for_timeout(400)
    assert len(held) == 1
    page.fill("#id_email", "nobody@example.org")
    with page.expect_response("**/similar/"):
        page.focus("#id_name")

    assert page.locator(LIKELY).count() == 0


# --- leaving --------------------------------------------------------------------


def test_leaving_asks_only_when_something_is_not_saved(open_page, form):
    page = open_page(form)
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.click("#addresses-group .add-row a")
    page.type("#id_name", " ")
    page.keyboard.press("Backspace")
    page.click(".crumbs a")
    assert asked == ["beforeunload"]
    page.wait_for_timeout(300)
    assert page.url.endswith("/change/")

    page.click(SAVE)
    page.wait_for_selector(".messagelist, .summary")
    assert asked == ["beforeunload"]

    page.goto(page.url.split("/admin/")[0] + form)
    page.type("#id_name", "x")
    page.keyboard.press("Backspace")
    with page.expect_navigation():
        page.click(".crumbs a")
    assert asked == ["beforeunload"]


def test_a_refused_form_is_not_left_by_accident(open_page, form):
    page = open_page(form)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.fill("#id_email", "x@")
    page.click(SAVE)
    page.wait_for_selector(".summary")
    page.click("#id_name")
    with page.expect_navigation():
        page.click(".crumbs a")

    assert asked == ["beforeunload"]


# --- the zone of a time ---------------------------------------------------------


def test_shortcuts_and_the_note_are_of_the_zone_of_the_page(open_page, hub):
    [(pk,)] = hub.database.rows(
        "SELECT id FROM customers_booking WHERE reference = ?", "B-DEM1-0003"
    )
    path = f"/admin/customers/booking/{pk}/change/"
    page = open_page(path, timezone_id="America/New_York")
    # Still the day before, where the browser is.
    page.clock.set_fixed_time("2026-11-20T23:30:00Z")
    page.goto(page.url)

    page.locator(".field-starts_at a", has_text="Today").click()
    page.locator(".field-starts_at a", has_text="Now").click()

    assert page.input_value("#id_starts_at_0") == "2026-11-21"
    # By what clocks of the zone are ahead on the day of the test.
    assert page.input_value("#id_starts_at_1") in ("00:30:00", "01:30:00")
    notes = set(page.locator(".timezonewarning").all_inner_texts())
    assert notes == {"The time in Europe/Oslo, not that of your device."}
    assert "server time" not in page.inner_text("body")


def test_who_is_in_the_zone_of_the_page_reads_no_note(open_page):
    page = open_page("/admin/customers/booking/add/", timezone_id="Europe/Oslo")

    assert page.locator(".vTimeField").count()
    assert page.locator(".timezonewarning").count() == 0
