"""A loopback hub that answers as it is told, and a site that serves pages.

Neither needs a database: the browser is what is tested.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SNIPPET = ROOT / "static" / "capture" / "frontend_data_capture_integration.js"
ROUTE = "/api/v1/captures/batch"

Answer = tuple[int, dict[str, str], bytes]
Rule = Callable[["Collector", dict[str, Any]], Answer]


@dataclass
class Request:
    """One POST as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    size: int
    at: float

    @property
    def items(self) -> list[dict[str, Any]]:
        return self.body["captures"]


def verdicts(collector: Collector, body: dict[str, Any]) -> Answer:
    """Answer as a working hub does: each message once, by its id."""
    results = []
    for index, item in enumerate(body["captures"]):
        known = item["message_id"] in collector.stored
        collector.stored.setdefault(item["message_id"], item)
        results.append(
            {
                "index": index,
                "message_id": item["message_id"],
                "status": "duplicate" if known else "accepted",
                "capture_id": f"c-{index}",
            }
        )
    return answer_of(results)


def answer_of(results: list[dict[str, Any]]) -> Answer:
    body = {"success": True, "received": len(results), "results": results}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def status(code: int, text: str = "{}", **headers: str) -> Rule:
    """Return a rule that answers this and keeps nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _collector, _body: (code, named, text.encode())


@dataclass
class Collector:
    """A hub at an origin of its own."""

    rule: Rule = verdicts
    delay: float = 0
    requests: list[Request] = field(default_factory=list)
    preflights: int = 0
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def items(self) -> list[dict[str, Any]]:
        """What the hub keeps: each message once."""
        return list(self.stored.values())

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.items if item["type"] == kind]

    def start(self) -> None:
        self.server = serve(_hub(self), self.port)
        self.port = self.server.server_address[1]

    def stop(self) -> None:
        """Refuse connections from now on, until `start`."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def wait(self, condition: Callable[[], Any], what: str = "") -> None:
        wait_for(condition, what or f"{len(self.requests)} requests, {self.items}")


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 10) -> None:
    """Wait until the condition holds; fail with what was seen instead."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"Nothing came in {seconds} s: {what}"
        time.sleep(0.02)


def _hub(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Hub(_Quiet):
        def do_OPTIONS(self) -> None:
            collector.preflights += 1
            self.reply(204, {}, b"")

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(raw)
            request = Request(
                self.path, dict(self.headers), body, len(raw), time.monotonic()
            )
            collector.requests.append(request)
            rule = collector.rule
            collector.at_once += 1
            collector.most_at_once = max(collector.most_at_once, collector.at_once)
            if collector.delay:
                time.sleep(collector.delay)
            collector.at_once -= 1
            self.reply(*rule(collector, body))

        def reply(self, code: int, headers: dict[str, str], body: bytes) -> None:
            cors = {
                "Access-Control-Allow-Origin": self.headers.get("Origin", "*"),
                "Access-Control-Expose-Headers": "Retry-After",
            }
            super().reply(code, cors | headers, body)

    return Hub


@dataclass
class Site:
    """The shop: pages by path, and the snippet under /capture.js."""

    pages: dict[str, tuple[dict[str, str], bytes]] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, text: str, **headers: str) -> str:
        """Serve a text under a path and return its address."""
        kind = "text/javascript" if path.endswith(".js") else "text/html"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = {"Content-Type": f"{kind}; charset=utf-8"} | named
        self.pages[path] = (found, text.encode())
        return self.url + path


def _site(site: Site) -> type[BaseHTTPRequestHandler]:
    class Shop(_Quiet):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/capture.js":
                kind = {"Content-Type": "text/javascript; charset=utf-8"}
                return self.reply(200, kind, SNIPPET.read_bytes())
            if path not in site.pages:
                return self.reply(404, {}, b"")
            return self.reply(200, *site.pages[path])

    return Shop


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing: the output belongs to the tests."""

    def reply(self, code: int, headers: dict[str, str], body: bytes) -> None:
        # The browser may be gone before the answer is.
        with contextlib.suppress(OSError):
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 50

    def handle_error(self, *_: object) -> None:
        """Browsers break connections off; that is no news."""


def serve(handler: type[BaseHTTPRequestHandler], port: int) -> ThreadingHTTPServer:
    """Serve on a loopback port from now on."""
    server = _Server(("127.0.0.1", port), handler)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    return server


@contextlib.contextmanager
def open_site() -> Iterator[Site]:
    """Serve a site for the time of a block."""
    site = Site()
    server = serve(_site(site), 0)
    site.port = server.server_address[1]
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
