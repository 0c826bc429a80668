"""How many requests are worked on at once, and who is sent away at the door.

Stands before Django, in the thread of the server that has read the head of a request.
Captures and pages have rooms of their own: neither can take the place of the other.
"""

from __future__ import annotations

import json
import logging
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.db import connection

from config.health import is_health_path
from config.limits import MAX_FORM
from config.origins import headers_for, is_preflight
from config.paths import is_capture_path

logger = logging.getLogger(__name__)

RETRY_AFTER = "2"
SQLITE_CAPTURES = 2
# For static files, refusals, and who sends slowly.
SPARE_THREADS = 8
# So many wait for each place; more would not be served in time.
QUEUE_FACTOR = 8
# A body is there within so many seconds, and pauses no longer than that.
BODY_SECONDS, BODY_PAUSE = 20.0, 10.0
# Of a form around its file.
_FIELDS = 1_000_000
# Each part of an answer is taken within so many seconds, or the connection ends.
SEND_SECONDS = 10.0
# Larger ones, which no route takes, are left to be refused by their length.
_IN_MEMORY = 1_000_000
_PIECE = 65_536
# Who waited longer may have left meanwhile; asking costs a call of the system.
LEFT_SECONDS = 0.1
# A line of the log for each would be work, too.
_LOG_SECONDS = 10.0
_CAPTURE = ("/api/v1/webhooks", "/api/data-capture/", "/api/customer-data/capture-")
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    "<title>{title} – Holdfast</title>"
    "<main><h1>{title}</h1><p>{sentence}</p></main></html>"
)
_REFUSALS = {
    408: ("timeout", "The body came too slowly, or broke off. Try again."),
    503: (
        "overloaded",
        "Too much is going on at the moment. Try again in a few seconds.",
    ),
}


@dataclass
class Room:
    """Places for requests that are worked on, and a queue before them.

    Who waits longest comes first. Safe to use from many threads.
    """

    name: str
    free: int
    queue: int
    seconds: float
    refused: int = 0
    _waiting: deque[threading.Event] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _logged_at: float = float("-inf")

    def enter(self) -> bool:
        """Take a place, after waiting for one; False when none came free in time."""
        with self._lock:
            if self.free > 0:
                self.free -= 1
                return True
            if len(self._waiting) >= self.queue:
                return self._refuse()
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait(self.seconds)
        with self._lock:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
            return self._refuse()

    def leave(self) -> None:
        """Give the place to the request that waits longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self.free += 1

    def _refuse(self) -> bool:
        self.refused += 1
        now = time.monotonic()
        if now - self._logged_at > _LOG_SECONDS:
            logger.warning(
                "%s requests refused: no place for %s", self.refused, self.name
            )
            self.refused, self._logged_at = 0, now
        return False


class Admission:
    """A WSGI application that lets only so many requests into another one.

    The others get 503 with `Retry-After`, at once when the queue is full and after
    QUEUE_SECONDS at the latest. What waited and whose sender has left is not begun.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application
        self.captures, self.pages, self.health = (
            Room(name, count, QUEUE_FACTOR * count, settings.QUEUE_SECONDS)
            for name, count in capacities(settings.SERVER_THREADS).items()
        )

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        room = None if is_preflight(environ) else self._room(path)
        if room is None:
            return self.application(environ, start_response)
        try:
            body = take_body(environ, self._largest_body(path, room))
        except TimeoutError:
            return refuse(environ, start_response, status=408)
        came = time.monotonic()
        if not room.enter():
            body.close()
            return refuse(environ, start_response)
        try:
            if time.monotonic() - came > LEFT_SECONDS and has_left(environ):
                answer: Iterable[bytes] = refuse(environ, start_response)
            else:
                answer = self.application(environ, start_response)
        except BaseException:
            room.leave()
            body.close()
            raise
        return Admitted(answer, room, body)

    def _largest_body(self, path: str, room: Room) -> int:
        """Return how much of a body is kept before Django looks at the request."""
        if path.endswith("/import/"):
            return settings.UPLOAD_MAX_BYTES + _FIELDS
        if room is self.captures:
            return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
        return MAX_FORM

    def _room(self, path: str) -> Room | None:
        """Return where a request belongs; None for what costs next to nothing."""
        if path.startswith(settings.STATIC_URL) or path.rstrip("/") == "/healthz":
            return None
        if is_health_path(path):
            return self.health
        if path.startswith(_CAPTURE) or is_capture_path(path):
            return self.captures
        return self.pages


def capacities(working: int) -> dict[str, int]:
    """Return how many requests of each room are worked on at once, of so many in all.

    A third are captures: they need the processor most of the time, and more at once
    only take longer. SQLite takes one writer at a time and wakes those who wait for its
    lock in no order, so there are two at most. Health has a place of its own.
    """
    captures = max(working // 3, 1)
    if connection.vendor == "sqlite":
        captures = min(captures, SQLITE_CAPTURES)
    return {"captures": captures, "pages": max(working - captures, 1), "health": 1}


def threads(working: int) -> int:
    """Return how many threads a process needs, so that one is always free to refuse."""
    return sum(capacities(working).values()) * (1 + QUEUE_FACTOR) + SPARE_THREADS


class Admitted:
    """An answer whose sending is part of the work: its place is free after `close`."""

    def __init__(self, answer: Iterable[bytes], room: Room, body: IO[bytes]) -> None:
        self.answer, self.room, self.body = answer, room, body
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.answer)

    def close(self) -> None:
        """End the answer; servers call it once, whatever happened to the sending."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if hasattr(self.answer, "close"):
                self.answer.close()
        finally:
            self.body.close()
            self.room.leave()


def take_body(environ: WSGIEnvironment, largest: int) -> IO[bytes]:
    """Read the body before a place is taken, which a slow sender would hold.

    One of more than `largest` bytes is left where it is. Raises TimeoutError when not
    all of it is there within BODY_SECONDS: a form or a file that broke off would be
    taken for a shorter one. Larger than a megabyte, it lies in a file that is gone with
    the request.
    """
    body: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by who asks
    client = environ.get("gunicorn.socket")
    if client is not None:
        # The place of a request is free when its answer is sent.
        client.settimeout(SEND_SECONDS)
    length = environ.get("CONTENT_LENGTH") or "0"
    left = int(length) if length.isascii() and length.isdigit() else 0
    if not 0 < left <= largest:
        return body
    # A byte now and then keeps a read from ending; nothing more comes after this.
    watch = threading.Timer(BODY_SECONDS, _stop_reading, [client])
    watch.daemon = True
    try:
        if client is not None:
            client.settimeout(BODY_PAUSE)
            watch.start()
        _copy(environ["wsgi.input"], body, left)
    except BaseException:
        body.close()
        raise
    finally:
        watch.cancel()
        if client is not None:
            client.settimeout(SEND_SECONDS)
    body.seek(0)
    environ["wsgi.input"] = body
    return body


def _copy(source: IO[bytes], body: IO[bytes], left: int) -> None:
    """Copy so many bytes. Raises TimeoutError when fewer come, or not in time."""
    ends = time.monotonic() + BODY_SECONDS
    while left > 0:
        piece = source.read(min(left, _PIECE))
        if not piece or time.monotonic() > ends:
            raise TimeoutError
        body.write(piece)
        left -= len(piece)


def _stop_reading(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RD)


def refuse(
    environ: WSGIEnvironment, start_response: StartResponse, status: int = 503
) -> list[bytes]:
    """Answer 503 or 408 in the form that the sender reads, without Django."""
    path = environ.get("PATH_INFO", "")
    code, sentence = _REFUSALS[status]
    title = HTTPStatus(status).phrase
    if path.startswith(("/api/", "/readyz")) or is_capture_path(path):
        kind = "application/problem+json"
        problem = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "code": code,
            "message": sentence,
            "detail": sentence,
            "errors": [],
        }
        body = json.dumps(problem).encode()
    else:
        kind = "text/html; charset=utf-8"
        body = _PAGE.format(title=title, sentence=sentence).encode()
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("Retry-After", RETRY_AFTER),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        *headers_for(environ),
    ]
    start_response(f"{status} {title}", headers)
    return [body]


def has_left(environ: dict[str, object]) -> bool:
    """Tell whether the sender has closed the connection; False where it is unknown."""
    client = environ.get("gunicorn.socket")
    if not isinstance(client, socket.socket):
        return False
    with suppress(OSError):
        # Looked at first: a socket with a time limit would wait for something to come.
        ready = select.poll()
        ready.register(client, select.POLLIN)
        return bool(ready.poll(0)) and client.recv(1, socket.MSG_PEEK) == b""
    return False
