"""Every page of the admin in a browser, over rows in which every text is script."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.databases import ROOT, Database, migrated, once, run_folder
from tests.e2e import live
from tests.factories.audit import PASSWORD, PIN

pytestmark = pytest.mark.e2e

WATCH = """
  window.__refused = [];
  document.addEventListener('securitypolicyviolation', event =>
    window.__refused.push(`${event.effectiveDirective} ${event.blockedURI} ` +
      `${event.sourceFile}:${event.lineNumber}`));
"""
# What a browser says of an answer that is an error by itself.
STATUS = "Failed to load resource: the server responded with a status of"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[live.Hub, Any]]:
    """A hub as in production, whose rows hold script in every text column.

    The rows and the static files are made once in a run, for the workers that share
    the tests; each has a copy of its own, as some tests write.
    """
    url = once(tmp_path_factory, "hostile.url", partial(poisoned, tmp_path_factory))
    shared = run_folder(tmp_path_factory) / "hostile"
    facts = json.loads((shared / "facts.json").read_text())
    folder = tmp_path_factory.mktemp("crawl")
    hub = live.Hub(Database(url).copy(folder), folder)
    hub.environment |= facts["environment"]
    try:
        hub.server.start()
        yield hub, facts
    finally:
        hub.server.kill()
        hub.database.drop()


def poisoned(factory: pytest.TempPathFactory, run: Path) -> str:
    """Make the rows, and files with the static files and with what was made."""
    shared = run / "hostile"
    shared.mkdir()
    database = migrated(factory).copy(shared)
    hub = live.Hub(database, shared)
    more = {
        "HOLDFAST_DEBUG": "false",
        "HOLDFAST_HTTPS": "false",
        "HOLDFAST_SECRET_KEY": secrets.token_urlsafe(48),
        "HOLDFAST_STATIC_ROOT": str(shared / "static"),
        "HOLDFAST_RATE_STAFF": "10000/10000",
        # The visitor looks at all pages, and not at the one that sets up a second one.
        "HOLDFAST_SECOND_FACTOR_ROLES": "",
    }
    hub.environment |= more
    # What it keeps of the catalogue is signed with the key.
    migrated_again = hub.manage("migrate", "--verbosity=0")
    assert migrated_again.returncode == 0, migrated_again.stderr
    collected = hub.manage("collectstatic", "--no-input", "--verbosity=0")
    assert collected.returncode == 0, collected.stderr
    made = subprocess.run(
        [sys.executable, "-m", "tests.e2e.make_hostile"],
        cwd=ROOT,
        env=hub.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    facts = {**json.loads(made.stdout), "environment": more}
    (shared / "facts.json").write_text(json.dumps(facts))
    return database.url


class Visitor:
    """One page of a browser that notes whatever it should not see."""

    def __init__(self, context: Any, base: str) -> None:
        self.base = base
        self.wrong: list[str] = []
        self.at = ""
        context.add_init_script(WATCH)
        self.page = context.new_page()
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self._note(f"error: {error}"))
        self.page.on("console", self._said)

    def open(self, path: str, *expected: int) -> None:
        """Open a page and note script that ran, refusals, and a wrong status."""
        self.at = path
        answer = self.page.goto(f"{self.base}{path}")
        if answer.status not in (expected or (200,)):
            self._note(f"status {answer.status}")
        self.look()

    def look(self) -> None:
        """Note what has happened on the page so far."""
        ran, refused = self.page.evaluate("[window.__xss, window.__refused]")
        if ran is not None:
            self._note(f"script ran: {ran}")
        for one in refused:
            self._note(f"refused by the policy: {one}")

    def _dialog(self, dialog: Any) -> None:
        self._note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _said(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(STATUS):
            self._note(f"console: {message.text}")

    def _note(self, text: str) -> None:
        self.wrong.append(f"{self.at} {text}")


@pytest.fixture
def visitor(context: Any, hostile: tuple[live.Hub, Any]) -> Visitor:
    hub, facts = hostile
    url = hub.server.url
    context.add_cookies(
        [{"name": facts["cookie"], "value": facts["session"], "url": url}]
    )
    return Visitor(context, url)


def test_no_stored_text_is_more_than_text(visitor, hostile):
    _, facts = hostile
    assert facts["columns"] > 200

    for path in facts["paths"]:
        # Kept rows cannot be added, and nothing can be deleted.
        is_refusable = path.endswith(("/add/", "/delete/"))
        visitor.open(path, *((200, 403) if is_refusable else (200,)))

    assert visitor.wrong == []


def test_the_visitor_sees_what_it_looks_for(visitor):
    visitor.open("/admin/")
    visitor.page.evaluate(
        """async () => {
          document.body.insertAdjacentHTML('beforeend',
            '<img src=x onerror=window.__xss=1><b style="color:red">x</b>');
          window.__xss = 1;
          await new Promise(done => setTimeout(done, 300));
        }"""
    )
    visitor.look()

    found = " ".join(visitor.wrong)
    for sign in ("script ran", "script-src-attr", "style-src-attr", "console"):
        assert sign in found


def test_the_pages_of_errors_and_of_signing_in_are_clean(visitor, context):
    visitor.open("/admin/nothing-here/%3Cscript%3Ewindow.__xss=1%3C/script%3E", 404)
    visitor.open("/nothing-here/", 404)
    visitor.open("/admin/customers/customer/?hidden__startswith=a", 400)
    visitor.open("/admin/customers/customer/export/")
    context.clear_cookies()
    visitor.open("/admin/login/?next=javascript:window.__xss=1")
    visitor.open("/demo/", 404)

    assert visitor.wrong == []


def test_what_the_pages_do_by_script_still_works(visitor, hostile):
    visitor.open("/admin/customers/customer/export/")
    boxes = visitor.page.locator(".selectable-field-export-row input[type=checkbox]")
    visitor.page.click("#select-all-toggle")
    assert not any(box.is_checked() for box in boxes.all())
    visitor.page.click("#select-all-toggle")
    assert all(box.is_checked() for box in boxes.all())

    visitor.open("/admin/customers/note/add/")
    visitor.page.click(".field-customer .select2-selection")
    visitor.page.wait_for_selector(".select2-results__option:not(.loading-results)")
    visitor.look()

    visitor.open("/admin/customers/booking/add/")
    visitor.page.locator(".datetimeshortcuts a").first.click()
    visitor.page.locator(".date-icon").first.click()
    visitor.look()

    assert visitor.wrong == []


def test_a_preview_of_hostile_rows_is_text(visitor, hostile, tmp_path: Path):
    file = tmp_path / "list.csv"
    cells = 'bakery,"<img src=x onerror=window.__xss=1>",no address,nope'
    file.write_text(f"business,name,email,status\n{cells}\n", encoding="utf-8")

    visitor.open("/admin/customers/customer/import/")
    visitor.page.set_input_files("#id_import_file", str(file))
    visitor.page.select_option("#id_format", label="CSV")
    visitor.page.select_option("#id_business", index=1)
    visitor.page.click("input[type=submit]")
    visitor.page.wait_for_selector(".import-preview, .errorlist, .errornote")
    visitor.look()

    assert visitor.page.locator("td", has_text="onerror").count()
    assert visitor.wrong == []


def test_the_pages_that_confirm_and_enrol_are_clean(visitor, context, hostile):
    hub, facts = hostile
    session = {"name": facts["cookie"], "value": facts["enrolling"]}
    context.add_cookies([session | {"url": hub.server.url}])
    page = visitor.page
    visitor.open("/admin/account/second-factor/")
    form = "form:has([value=begin])"
    page.fill(f"{form} [name=password]", PASSWORD)
    page.click(f"{form} [type=submit]")
    page.wait_for_selector("svg[role=img]")
    visitor.look()

    visitor.open("/admin/account/pin/")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=pin]", PIN)
    page.fill("[name=again]", PIN)
    page.click("#content [type=submit]")
    visitor.look()

    visitor.open("/admin/customers/membership/add/")
    page.fill("[name=user]", "<img src=x onerror=window.__xss=1>")
    page.click("[name=_save]")
    page.wait_for_selector("[name=step_up_code]")
    visitor.look()
    page.fill("[name=step_up_code]", "518364")
    page.click("#content [type=submit]")
    visitor.look()
    page.fill("[name=step_up_code]", PIN)
    page.click("#content [type=submit]")
    page.wait_for_selector("text=No account has this user name")
    visitor.look()

    assert visitor.wrong == []
