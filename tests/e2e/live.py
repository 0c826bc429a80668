"""A hub of its own for tests: a database, the real server, and shops with keys.

Everything is read back from the tables, by another process than the one under test.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from tests.databases import ROOT, Database, environment

START_SECONDS = 60
# Lines of the log to show after the first of a fault.
TRACEBACK = 120
# What the pipeline or a door writes when it had to save what it could.
FAULTS = re.compile(
    r"Traceback|capture failed|could not be|one by one|Internal Server Error"
)


def moment(value: Any) -> datetime:
    """Return a stored time, whichever engine stored it."""
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


@dataclass
class Server:
    """The application server as its own group of processes, on one port for good."""

    environment: dict[str, str]
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and return as soon as it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if request(self.port, "GET", "/healthz").status == 200:
                    return
            time.sleep(0.05)
        self.kill()
        msg = f"The server did not start:\n{self.log.read_text()[-3000:]}"
        raise AssertionError(msg)

    def kill(self) -> None:
        """End every process of it at once, as a power cut would."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def faults(self) -> list[str]:
        """Return what the log says of faults of ours, each with its traceback."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [
            "\n".join(lines[n : n + TRACEBACK])
            for n, line in enumerate(lines)
            if FAULTS.search(line)
        ]


def command(port: int) -> list[str]:
    """Return the arguments that start the server as operators do."""
    return ["manage.py", "serve", f"--bind=127.0.0.1:{port}"]


def within(seconds: float, call: Callable[[], Any]) -> None:
    """Call something that may wait for ever, and fail if it does."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"{call} is not done after {seconds} seconds."


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Answer:
    """The answer to one request."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def request(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float = 30,
) -> Answer:
    """Send one request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())  # type: ignore[arg-type]  # checked before
    finally:
        connection.close()


@dataclass
class Shop:
    """A business with a source, its keys and its webhook endpoints."""

    hub: Hub
    business: str
    source: str
    secret: str
    publishable: str
    stripe: str
    stripe_secret: str
    standard: str
    standard_secret: str

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Post bytes, or anything else as JSON, with the secret key."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-").lower(): v for name, v in headers.items()}
        usual = {
            "content-type": "application/json",
            "authorization": f"Bearer {self.secret}",
        }
        sent = usual | named
        return request(self.hub.server.port, "POST", path, data, sent)

    def rows(self, table: str, *columns: str, where: str = "") -> list[tuple[Any, ...]]:
        """Return columns of this business's rows of a table, sorted."""
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE business_id = ? {where}"
        return sorted(self.hub.database.rows(sql, UUID(self.business)), key=repr)

    def count(self, table: str, where: str = "") -> int:
        return int(self.rows(table, "count(*)", where=where)[0][0])

    def captures(self) -> dict[str, dict[str, Any]]:
        """Return what was captured, by message id."""
        columns = ("message_id", "type", "event_name", "occurred_at", "attempt")
        columns += ("time_source", "payload", "trust", "adapter")
        found = [
            dict(zip(columns, row, strict=True))
            for row in self.rows("capture_capture", *columns)
        ]
        kept = {row["message_id"]: row for row in found}
        assert len(kept) == len(found)
        for row in found:
            row["occurred_at"] = moment(row["occurred_at"])
        return kept

    def owners(self) -> set[Any]:
        """Return the customers of all captures; None if one has none."""
        return {owner for (owner,) in self.rows("capture_capturelink", "customer_id")}


@dataclass
class Hub:
    """A migrated database and the server on top of it."""

    database: Database
    folder: Path
    environment: dict[str, str] = field(init=False)
    server: Server = field(init=False)
    shops: list[Shop] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environment = environment(self.database, self.folder)
        self.server = Server(self.environment, self.folder / f"{uuid4().hex}.log")

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product."""
        return self._run("manage.py", *arguments)

    def open_shops(self, count: int) -> list[Shop]:
        """Return shops that nobody used before."""
        if len(self.shops) < count:
            # Starting a process takes longer than making many.
            made = self._run("-m", "tests.e2e.make_shops", str(count + 40))
            assert made.returncode == 0, made.stderr
            lines = made.stdout.splitlines()
            self.shops += [Shop(self, **json.loads(line)) for line in lines]
        taken, self.shops = self.shops[:count], self.shops[count:]
        return taken

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextlib.contextmanager
def running(template: Database, folder: Path) -> Iterator[Hub]:
    """Start a hub on a copy of a database; leave nothing of it behind."""
    hub = Hub(template.copy(folder), folder)
    try:
        hub.server.start()
        yield hub
    finally:
        hub.server.kill()
        hub.database.drop()


@contextlib.contextmanager
def office(template: Database, folder: Path) -> Iterator[Hub]:
    """Start a hub with the demo's people, and with `office`, who runs the bakery."""
    hub = Hub(template.copy(folder), folder)
    hub.environment["HOLDFAST_SECOND_FACTOR_ROLES"] = ""
    try:
        made = hub._run("-m", "tests.e2e.make_office", "1")
        assert made.returncode == 0, made.stderr
        hub.server.start()
        yield hub
    finally:
        hub.server.kill()
        hub.database.drop()
