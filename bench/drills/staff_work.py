"""Captures go on while staff work: imports, bulk acts, rebuilds, exports, replays.

    python -m bench.drills.staff_work                  SQLite, in a temporary folder
    DATABASE_URL=postgresql://… python -m bench.drills.staff_work    in a new database

A real server, a real worker, and a shop that sends a capture every tenth of a second
and writes down each answer. For each kind of work: the 99th percentile of the answers,
how many were refused, and whether anything that was acknowledged is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openpyxl import Workbook

from bench.drills.browser import Browser, Page
from bench.drills.journal import Journal, told
from tests.databases import ROOT, Database
from tests.e2e import live
from tests.e2e.server.office import Office
from tests.factories.audit import PASSWORD, PIN

CUSTOMERS = "/admin/customers/customer/"
# Seconds within which 99 of 100 captures are answered.
LIMIT = 1.0
QUARANTINE = "/admin/capture/quarantine/"


@dataclass(frozen=True)
class Sizes:
    """How much of each kind of work."""

    imported: int = 20_000
    workbook: int = 200_000
    archived: int = 5_000
    replayed: int = 5_000


SHORT = Sizes(imported=1_500, workbook=20_000, archived=700, replayed=300)


@dataclass
class Drill:
    """A hub with an office, a shop that sends, and somebody with a browser."""

    hub: live.Hub
    office: Office
    shop: live.Shop
    sizes: Sizes
    browser: Browser = field(init=False)
    journals: list[Journal] = field(default_factory=list)
    people: bytes = field(init=False)
    workbook: bytes = field(init=False)

    def __post_init__(self) -> None:
        # Beforehand: the shop sends from this process, and would wait for it.
        self.people = people_csv(self.sizes.imported, self.sizes.archived)
        self.workbook = short_workbook(self.sizes.workbook)
        self.browser = Browser(self.hub.server.url, pin=PIN)
        self.browser.sign_in("office", PASSWORD)

    def during(self, name: str, work: Callable[[], None]) -> Journal:
        """Do the work while the shop sends; return what it wrote down."""
        with Journal(self.shop, name) as journal:
            # Before, while and after.
            time.sleep(1)
            work()
            time.sleep(1)
        self.journals.append(journal)
        return journal

    # --- kinds of work ------------------------------------------------------------

    def import_file(self) -> None:
        """Preview and load a file of new customers."""
        sizes = self.sizes
        page = self._preview("people.csv", self.people)
        assert ">Import<" in page.text or 'value="Import"' in page.text, page.words
        done = self.browser.wait_for_job(self.browser.post(page.url, reason="drill"))
        assert f">{sizes.imported}</dd>" in done.text, done.words

    def open_workbook(self) -> None:
        """Preview a small workbook of very many short rows."""
        self._preview("short.xlsx", self.workbook)

    def archive(self) -> None:
        """Archive as many customers of the import as the drill says."""
        done = self._act(f"{CUSTOMERS}?customer_type__exact={MARK}", "archive")
        count = re.search(r"([\d,]+) archived", done.text)
        assert count, done.words
        assert int(count[1].replace(",", "")) >= self.sizes.archived, done.words

    def rebuild(self) -> None:
        """Compare all projections, and repair what differs."""
        done = self.hub.manage("rebuild_projections")
        assert done.returncode == 0, done.stderr

    def export(self) -> None:
        """Export everybody, with every column."""
        page = self.browser.get(f"{CUSTOMERS}export/")
        ticked = [(name, "on") for name in page.checkboxes()]
        declared = {"contact_data": "clear", "purpose": "drill", "reason": "drill"}
        fields = [*ticked, *declared.items(), ("format", "0"), ("resource", "0")]
        # The page that hands the file out, once.
        confirmed = self.browser.post(page.url, fields)
        file = self.browser.post(confirmed.url)
        assert file.text.count("\n") > self.sizes.imported, file.words

    def replay(self) -> None:
        """Replay everything that lies in quarantine."""
        done = self._act(f"{QUARANTINE}?state=open", "replay_all")
        assert done.job_status == "successful", done.words

    def _act(self, chosen: str, action: str) -> Page:
        """Do something to all rows of a list; type what the page asks for."""
        first = self.browser.get(chosen).hidden("_selected_action")
        fields = [
            ("action", action),
            ("_selected_action", first),
            ("select_across", "1"),
            ("reason", "drill"),
        ]
        page = self.browser.post(chosen, fields)
        if count := re.search(r"Type (\d+) to confirm", page.text):
            page = self.browser.post(chosen, [*fields, ("typed_count", count[1])])
        return self.browser.wait_for_job(page)

    # --- what they need -----------------------------------------------------------

    def fill_quarantine(self) -> None:
        """Send what conflicts: the id of one message with the content of another."""
        for turn in ("first", "second"):
            for start in range(0, self.sizes.replayed, 100):
                numbers = range(start, min(start + 100, self.sizes.replayed))
                batch = [
                    {
                        "type": "event",
                        "name": turn,
                        "email": f"q{n}@example.org",
                        "message_id": f"conflict-{n}",
                    }
                    for n in numbers
                ]
                self._send({"captures": batch})

    def _send(self, body: object) -> None:
        headers = {
            "authorization": f"Bearer {self.office.key}",
            "content-type": "application/json",
        }
        data = json.dumps(body).encode()
        answer = live.request(
            self.hub.server.port, "POST", "/api/v1/captures/batch", data, headers
        )
        assert answer.status < 300, answer.content

    def _preview(self, name: str, content: bytes) -> Page:
        page = self.browser.get(f"{CUSTOMERS}import/")
        page = self.browser.upload(page.url, name, content, format="")
        return self.browser.wait_for_job(page)


# Of those who are archived; nobody else has it.
MARK = "wholesale"


def people_csv(count: int, marked: int) -> bytes:
    """Return a file of customers whom nobody knows yet."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["name", "email", "phone", "customer_type"])
    for n in range(count):
        kind = MARK if n < marked else "regular"
        rows.writerow([f"Person {n}", f"p{n}@import.example", f"+4722{n:06}", kind])
    return out.getvalue().encode()


def short_workbook(count: int) -> bytes:
    """Return a workbook of rows with one short cell each."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["name"])
    for n in range(count - 1):
        sheet.append([str(n % 10)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@contextlib.contextmanager
def running_worker(hub: live.Hub) -> Iterator[None]:
    """Run a worker beside the server."""
    log = (hub.folder / "worker.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=hub.environment,
        stdout=log,
        stderr=log,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        log.close()


def run(drill: Drill, *, pause: float = 5) -> None:
    """Do every kind of work, one after the other; before it nothing for so long."""
    drill.fill_quarantine()
    if pause:
        drill.during("nothing", lambda: time.sleep(pause))
    drill.during("import", drill.import_file)
    drill.during("workbook", drill.open_workbook)
    drill.during("export", drill.export)
    drill.during("archive", drill.archive)
    drill.during("replay", drill.replay)
    drill.during("rebuild", drill.rebuild)


def is_well(journal: Journal) -> bool:
    """Tell whether the shop noticed nothing of the work."""
    return not (journal.refused or journal.lost()) and journal.slowest < LIMIT


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="A tenth of everything.")
    sizes = SHORT if parser.parse_args().short else Sizes()
    with tempfile.TemporaryDirectory() as folder:
        empty = Database.create(Path(folder))
        hub = live.Hub(empty, Path(folder))
        del hub.environment["HOLDFAST_DATABASE_WAIT_MS"]
        migrated = hub.manage("migrate", "--verbosity=0")
        assert migrated.returncode == 0, migrated.stderr
        try:
            hub.server.start()
            with running_worker(hub):
                shop = hub.open_shops(1)[0]
                drill = Drill(hub, Office.open(hub, 200), shop, sizes)
                try:
                    run(drill)
                finally:
                    for journal in drill.journals:
                        print(told(journal))
                if any(not is_well(journal) for journal in drill.journals):
                    sys.exit(1)
        finally:
            hub.server.kill()
            empty.drop()


if __name__ == "__main__":
    main()
