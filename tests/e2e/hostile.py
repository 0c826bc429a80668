"""A hub in which every text column holds script, and a browser that looks for it."""

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
        # Beginnings of what is not noted, besides answers that are errors.
        self.expected = (STATUS,)
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
        if message.type == "error" and not message.text.startswith(self.expected):
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
