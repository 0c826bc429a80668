"""Twice as many captures as the hub can take, and somebody who works beside them.

    python -m bench.drills.overload                SQLite, in a temporary folder
    DATABASE_URL=postgresql://… python -m bench.drills.overload    a server to use

Measures what one process sends as fast as it gets answers, then offers twice as much
for --seconds, on a timetable that waits for nobody. The load is made on the same
machine, so the rates say little; the times and the answers are what counts.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.databases import Database
from tests.e2e import live
from tests.e2e.server.office import Office

# So many senders are enough for twice the rate, even if each waits two seconds.
_SENDERS = 120
_WARM_SECONDS = 5.0
_QUICK_SECONDS = 0.5
# As long after the load a page may be slow or refused before the drill gives up.
_RECOVERY_SECONDS = 60.0
_LIST = "/admin/customers/customer/"


@dataclass
class Target:
    """A running hub, a capture key, and the cookie of somebody who may look."""

    port: int
    key: str
    cookie: str


@dataclass
class Report:
    """What was seen: times in seconds, and answers by status."""

    capacity: float = 0.0
    offered: float = 0.0
    statuses: Counter[int | str] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)
    shed: list[float] = field(default_factory=list)
    # Refused, and nothing said when to come again.
    silent: int = 0
    acknowledged: list[str] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    page_statuses: Counter[int | str] = field(default_factory=Counter)
    idle_after: float = 0.0

    def lines(self) -> list[str]:
        """Return the report as text."""
        return [
            f"capacity {self.capacity:.0f}/s, offered {self.offered:.0f}/s",
            f"answers {dict(self.statuses)}, without Retry-After {self.silent}",
            f"accepted p50 {at(self.accepted, 0.5):.2f} s p99 "
            f"{at(self.accepted, 0.99):.2f} s max {at(self.accepted, 1):.2f} s",
            f"refused p50 {at(self.shed, 0.5):.2f} s max {at(self.shed, 1):.2f} s",
            f"pages {dict(self.page_statuses)} p50 {at(self.pages, 0.5):.2f} s "
            f"max {at(self.pages, 1):.2f} s",
            f"idle after {self.idle_after:.1f} s",
        ]


def at(values: list[float], share: float) -> float:
    """Return the value below which a share of all lies; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


class Sender:
    """Sends captures, each over a connection of its own, as webhooks come."""

    def __init__(self, target: Target, report: Report, lock: threading.Lock) -> None:
        self.target, self.report, self.lock = target, report, lock

    def send(self, name: str, due: float) -> None:
        """Send one that was due at a time; its answer counts from then on."""
        body = json.dumps(
            {
                "type": "event",
                "name": "looked",
                "message_id": name,
                "email": "a@x.example",
            }
        )
        headers = {
            "Authorization": f"Bearer {self.target.key}",
            "Content-Type": "application/json",
        }
        retry_after = None
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.target.port, timeout=30
        )
        try:
            connection.request("POST", "/api/v1/captures", body, headers)
            response = connection.getresponse()
            response.read()
            status: int | str = response.status
            retry_after = response.headers.get("Retry-After")
        except (OSError, http.client.HTTPException) as error:
            status = type(error).__name__
        finally:
            connection.close()
        took = time.perf_counter() - due
        with self.lock:
            report = self.report
            report.statuses[status] += 1
            if status in (200, 201):
                report.accepted.append(took)
                report.acknowledged.append(name)
            else:
                report.shed.append(took)
                report.silent += not retry_after


def drill(target: Target, *, seconds: float, load: float = 2.0) -> Report:
    """Offer `load` times what the hub can take for so long; return what was seen."""
    report, lock = Report(), threading.Lock()
    warm = Report()
    _send_all(target, warm, lock, _closed(8, _WARM_SECONDS))
    report.capacity = len(warm.accepted) / _WARM_SECONDS
    report.offered = load * report.capacity
    report.acknowledged += warm.acknowledged
    done = threading.Event()
    watcher = threading.Thread(target=_look, args=[target, report, done])
    watcher.start()
    _send_all(target, report, lock, _open(_SENDERS, report.offered, seconds))
    ended = time.perf_counter()
    done.set()
    watcher.join()
    report.idle_after = _until_quick(target) - ended
    return report


Work = tuple[int, Callable[[int], float | None]]


def _closed(senders: int, seconds: float) -> Work:
    """Each sends the next one as soon as it has an answer."""
    ends = time.perf_counter() + seconds

    def due(_: int) -> float | None:
        now = time.perf_counter()
        return now if now < ends else None

    return senders, due


def _open(senders: int, rate: float, seconds: float) -> Work:
    """Each is due at its time, whatever happened to the others."""
    began = time.perf_counter() + 0.2

    def due(number: int) -> float | None:
        moment = began + number / rate
        return moment if moment < began + seconds else None

    return senders, due


def _send_all(target: Target, report: Report, lock: threading.Lock, work: Work) -> None:
    senders, due = work
    numbers = iter(range(100_000_000))
    start = f"{time.time_ns()}"

    def run() -> None:
        sender = Sender(target, report, lock)
        while True:
            with lock:
                number = next(numbers)
            moment = due(number)
            if moment is None:
                return
            time.sleep(max(moment - time.perf_counter(), 0))
            sender.send(f"{start}-{number}", moment)

    threads = [threading.Thread(target=run) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def page(target: Target, path: str = _LIST) -> tuple[int, float]:
    """Return the status of a page for staff, and how long it took."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Cookie": target.cookie})
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    return response.status, time.perf_counter() - started


def _look(target: Target, report: Report, done: threading.Event) -> None:
    while not done.wait(0.3):
        status, took = page(target)
        report.page_statuses[status] += 1
        report.pages.append(took)


def _until_quick(target: Target) -> float:
    """Return when pages answered at once again, three times in a row.

    Raises RuntimeError when they do not within a minute.
    """
    quick, deadline = 0, time.perf_counter() + _RECOVERY_SECONDS
    while quick < 3:
        began = time.perf_counter()
        status, took = page(target)
        if began > deadline:
            msg = f"A minute later a page still takes {took:.1f} s: {status}."
            raise RuntimeError(msg)
        quick = quick + 1 if status == 200 and took < _QUICK_SECONDS else 0
        if quick == 1:
            first = began
        if quick == 0:
            time.sleep(0.1)
    return first


def open_target(hub: live.Hub) -> Target:
    """Return what a drill needs of a hub that was just started (tests.e2e.live)."""
    office = Office.open(hub, 50)
    cookie = f"{office.session_cookie}={office.session}"
    return Target(hub.server.port, office.key, cookie)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--load", type=float, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hub = live.Hub(Database.create(folder), folder)
        # As operators have it.
        del hub.environment["HOLDFAST_QUEUE_SECONDS"]
        del hub.environment["HOLDFAST_DATABASE_WAIT_MS"]
        try:
            hub.manage("migrate")
            hub.server.start()
            target = open_target(hub)
            report = drill(target, seconds=options.seconds, load=options.load)
        finally:
            hub.server.kill()
            hub.database.drop()
    print("\n".join([hub.database.engine, *report.lines()]))


if __name__ == "__main__":
    main()
