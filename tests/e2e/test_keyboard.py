"""The keyboard in a browser: the map, places, rows of a list, saving, and off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import ROOT, Database, migrated
from tests.e2e import live

pytestmark = pytest.mark.e2e
CUSTOMERS = "/admin/customers/customer/"
# Which row of the list has the focus; -1 for none.
AT = """() => [...document.querySelectorAll('#result_list tbody tr')]
  .indexOf(document.activeElement)"""
CHECKED = "() => document.querySelectorAll('.action-select:checked').length"
OPEN = "() => document.getElementById('keys').open"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Hub]:
    """A hub with the user `office`, who runs the bakery."""
    folder = tmp_path_factory.mktemp("keyboard")
    database: Database = migrated(tmp_path_factory).copy(folder)
    hub = live.Hub(database, folder)
    hub.environment["HOLDFAST_SECOND_FACTOR_ROLES"] = ""
    try:
        made = subprocess.run(
            [sys.executable, "-m", "tests.e2e.make_office", "5"],
            cwd=ROOT,
            env=hub.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        hub.facts = json.loads(made.stdout)  # type: ignore[attr-defined]  # for the tests
        hub.server.start()
        yield hub
    finally:
        hub.server.kill()
        database.drop()


@pytest.fixture
def admin(context: Any, page: Any, hub: live.Hub) -> Any:
    """A page in which the office has signed in."""
    facts = hub.facts  # type: ignore[attr-defined]  # set by the fixture
    cookie = {"name": facts["session_cookie"], "value": facts["session"]}
    context.add_cookies([cookie | {"url": hub.server.url}])
    page.base = hub.server.url
    return page


def visit(page: Any, path: str) -> None:
    page.goto(page.base + path)


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def leads_to(page: Any, path: str, *keys: str) -> None:
    with page.expect_navigation():
        press(page, *keys)
    assert page.url == page.base + path


def test_the_map_opens_in_place_and_closes(admin):
    visit(admin, "/admin/")

    press(admin, "?")
    assert admin.evaluate(OPEN)
    # Nothing acts behind an open dialog.
    press(admin, "g", "c")
    press(admin, "Escape")

    assert not admin.evaluate(OPEN)
    assert admin.url == f"{admin.base}/admin/"
    admin.click("#user-tools summary")
    admin.click("#user-tools [data-opens=keys]")
    assert admin.evaluate(OPEN)


def test_two_keys_lead_to_a_list_and_late_ones_nowhere(admin):
    visit(admin, "/admin/")
    leads_to(admin, CUSTOMERS, "g", "c")
    leads_to(admin, "/admin/customers/ticket/", "g", "t")
    leads_to(admin, "/admin/capture/quarantine/", "g", "q")
    leads_to(admin, "/admin/", "g", "i")

    press(admin, "g")
    admin.wait_for_timeout(1600)
    press(admin, "c")
    press(admin, "g", "z")

    admin.wait_for_timeout(200)
    assert admin.url == f"{admin.base}/admin/"


def test_rows_are_walked_chosen_and_opened(admin):
    visit(admin, CUSTOMERS)

    press(admin, "j", "j", "k")
    assert admin.evaluate(AT) == 0
    press(admin, "k")
    assert admin.evaluate(AT) == 0
    press(admin, "x")
    assert admin.evaluate(CHECKED) == 1
    press(admin, "j", "x", "x")
    assert admin.evaluate(CHECKED) == 1
    link = admin.evaluate("() => document.activeElement.querySelector('a').pathname")

    leads_to(admin, link, "Enter")


def test_a_key_leads_from_the_rows_to_the_acts(admin):
    visit(admin, CUSTOMERS)

    press(admin, "j", "x", "a")

    assert admin.evaluate("() => document.activeElement.name") == "action"
    assert admin.evaluate(CHECKED) == 1


def test_a_field_takes_letters_and_esc_leaves_it(admin):
    visit(admin, CUSTOMERS)

    press(admin, "/")
    press(admin, "g", "c", "j", "?")
    focused = "() => document.activeElement.dataset.key"
    assert admin.evaluate(focused) == "/"
    assert admin.input_value("[data-key='/']") == "gcj?"
    # The first one may close what the field suggests.
    press(admin, "Escape", "Escape", "j")

    assert admin.evaluate(AT) == 0
    assert admin.url == admin.base + CUSTOMERS


def test_held_modifiers_are_the_browser_s(admin):
    visit(admin, CUSTOMERS)

    press(admin, "Alt+j", "Control+j", "Meta+j")

    assert admin.evaluate(AT) == -1


def test_a_form_is_saved_from_inside_a_field(admin):
    visit(admin, CUSTOMERS)
    page = admin.get_attribute("#result_list tbody th a", "href").partition("?")[0]
    visit(admin, f"{page}change/")
    admin.fill("#id_name", "Saved By Key")

    with admin.expect_navigation():
        press(admin, "Control+s")

    assert admin.url.startswith(admin.base + CUSTOMERS)
    admin.wait_for_selector(".messagelist .success")


def test_turned_off_they_are_off_but_saving_is_not(admin):
    visit(admin, "/admin/account/preferences/")
    admin.uncheck("[name=has_shortcuts]")
    with admin.expect_navigation():
        admin.click("#content-main [type=submit]")
    visit(admin, CUSTOMERS)

    press(admin, "j", "?", "g", "i")

    assert admin.evaluate(AT) == -1
    assert not admin.evaluate(OPEN)
    assert admin.url == admin.base + CUSTOMERS
    # The map itself opens by its link.
    admin.click("#user-tools summary")
    admin.click("#user-tools [data-opens=keys]")
    assert admin.evaluate(OPEN)
    visit(admin, "/admin/account/preferences/")
    admin.check("[name=has_shortcuts]")
    with admin.expect_navigation():
        admin.click("#content-main [type=submit]")
