"""What the real server writes while strangers send it rubbish: JSON, and not theirs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.databases import ROOT, Database, environment
from tests.e2e.live import free_port

pytestmark = pytest.mark.e2e
MARK = "mArKeRz"
# Of the machine itself as well, and none at which the server listens.
CALLER = "127.0.0.77"
HOST = b"Host: 127.0.0.1\r\n"
RUBBISH = {
    "no request line": b"mArKeRz\r\n\r\n",
    "line of three words": b"GET mArKeRz HTTP/1.1\r\n" + HOST + b"\r\n",
    "method": b"MARKERZ /mArKeRz HTTP/1.1\r\n" + HOST + b"\r\n",
    "method of signs": b"mA(rKeRz / HTTP/1.1\r\n" + HOST + b"\r\n",
    "version": b"GET / HTTP/mArKeRz\r\n" + HOST + b"\r\n",
    "version nine": b"GET /mArKeRz HTTP/9.9\r\n" + HOST + b"\r\n",
    "absolute form": b"GET http://mArKeRz/mArKeRz HTTP/1.1\r\n" + HOST + b"\r\n",
    "not text": b"GET /\xff\xfe-mArKeRz HTTP/1.1\r\n" + HOST + b"\r\n",
    "path": b"GET /mArKeRz/?mArKeRz=mArKeRz HTTP/1.1\r\n" + HOST + b"\r\n",
    "page": b"GET /admin/customers/?mArKeRz__gt=1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "host": b"GET /admin/ HTTP/1.1\r\nHost: mArKeRz\r\n\r\n",
    "two hosts": b"GET /admin/ HTTP/1.1\r\nHost: a\r\nHost: mArKeRz\r\n\r\n",
    "header name": b"GET / HTTP/1.1\r\n" + HOST + b"mArKeRz\x00: a\r\n\r\n",
    "header of nothing": b"GET / HTTP/1.1\r\n" + HOST + b"mArKeRz\r\n\r\n",
    "header value": b"GET / HTTP/1.1\r\n" + HOST + b"X: mArKeRz\x01\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n mArKeRz\r\n\r\n",
    "header with a line": b"GET / HTTP/1.1\r\n" + HOST + b"X_mArKeRz: a\r\n\r\n",
    "long line": b"GET /" + b"mArKeRz" * 2000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "long header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"mArKeRz" * 2000
    + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"mArKeRz: a\r\n" * 200 + b"\r\n",
    "length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: mArKeRz\r\n\r\n",
    "coding": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: mArKeRz\r\n\r\n",
    "size of a chunk": b"POST /api/v1/captures HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nmArKeRz\r\nmArKeRz\r\n0\r\n\r\n",
    "end of a chunk": b"POST /admin/login/ HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nmArKeRz\r\n0\r\n\r\n",
    "expectation": b"POST / HTTP/1.1\r\n" + HOST + b"Expect: mArKeRz\r\n\r\n",
    "proxy line": b"PROXY TCP4 127.0.0.77 mArKeRz 1 2\r\n\r\n",
    "scheme": b"GET / HTTP/1.1\r\n" + HOST
    + b"X-Forwarded-Proto: mArKeRz\r\nX-Forwarded-SSL: off\r\n\r\n",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmArKeRz",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03mArKeRz",
    "half a body": b"POST /api/v1/captures HTTP/1.1\r\n" + HOST
    + b"Content-Length: 500\r\nContent-Type: application/json\r\n\r\nmArKeRz",
}  # fmt: skip


@dataclass
class Served:
    """The hub as `serve` starts it, and what it writes."""

    port: int
    log: Path

    def send(self, data: bytes) -> bytes:
        """Send bytes from the caller's address; return what comes back, if anything."""
        try:
            with socket.create_connection(
                ("127.0.0.1", self.port), timeout=10, source_address=(CALLER, 0)
            ) as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(65_536)
        except OSError:
            return b""

    def lines(self) -> list[str]:
        """Return what was written since the server began to answer."""
        return self.log.read_text(errors="replace").splitlines()


@pytest.fixture(scope="module")
def served(template: Database, tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    database, port = template.copy(folder), free_port()
    made = Served(port, folder / "log")
    with made.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", f"--bind=127.0.0.1:{port}"],
            cwd=ROOT,
            env=environment(database, folder)
            | {"HOLDFAST_LOG_FORMAT": "json", "HOLDFAST_LOG_LEVEL": "info"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not made.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"):
            assert process.poll() is None, made.lines()
            assert time.monotonic() < deadline, made.lines()
            time.sleep(0.1)
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        database.drop()


def test_rubbish_leaves_lines_without_a_word_of_it(served):
    answered = sum(bool(served.send(data)) for data in RUBBISH.values())
    assert answered > len(RUBBISH) / 2
    # Whatever was sent, the next one is served.
    assert b"200" in served.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")[:20]

    text = "\n".join(served.lines())
    assert MARK.lower() not in text.lower()
    assert CALLER not in text
    found = [json.loads(line) for line in served.lines()]
    loggers = {line["logger"] for line in found}
    assert {"gunicorn.error", "holdfast.access"} <= loggers
    said = [line["message"] for line in found if line["logger"] == "gunicorn.error"]
    assert f"Listening at: http://127.0.0.1:{served.port}" in " ".join(said)
    assert any(text.startswith("Invalid request: ") for text in said)


def test_a_worker_that_ends_is_told_in_json(served):
    workers = [
        line["message"].rpartition(" ")[2]
        for line in map(json.loads, served.lines())
        if line["message"].startswith("Booting worker")
    ]
    os.kill(int(workers[0]), signal.SIGTERM)
    deadline = time.monotonic() + 30
    while len([x for x in served.lines() if "Booting worker" in x]) == len(workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    for line in served.lines():
        json.loads(line)
