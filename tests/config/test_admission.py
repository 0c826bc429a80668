"""Who gets in when more come than can be worked on, and what the others hear."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config import admission
from config.admission import Admission, Room, capacities, has_left, threads

CAPTURE, PAGE = "/api/v1/captures", "/admin/"


class Hub:
    """An application whose requests end when they are told to."""

    def __init__(self) -> None:
        self.running: list[threading.Event] = []
        self.came = threading.Semaphore(0)
        self.is_over = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        end = threading.Event()
        self.running.append(end)
        self.came.release()
        while not end.is_set() and not self.is_over:
            time.sleep(0.005)
        start_response("200 OK", [])
        return iter([b"done"])


@pytest.fixture
def hub(settings) -> Hub:
    settings.SERVER_THREADS, settings.QUEUE_SECONDS = 3, 0.2
    return Hub()


@pytest.fixture
def ask(hub) -> Iterator[Callable[..., Any]]:
    """Send a request from a thread of its own; the answer is in what comes back."""
    door = Admission(hub)
    asked: list[threading.Thread] = []

    def send(path: str, **environ: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            found.update(status=int(status[:3]), headers=dict(headers))

        def run() -> None:
            began = time.monotonic()
            answer: Any = door({"PATH_INFO": path, **environ}, start)
            found["body"] = b"".join(answer)
            if hasattr(answer, "close"):
                answer.close()
            found["took"] = time.monotonic() - began

        thread = threading.Thread(target=run)
        found["thread"] = thread
        asked.append(thread)
        thread.start()
        return found

    yield send
    hub.is_over = True
    for thread in asked:
        thread.join(10)


def answered(found: dict[str, Any]) -> int:
    found["thread"].join(10)
    return found["status"]


def test_captures_that_hang_leave_pages_alone(hub, ask):
    captures = [ask(CAPTURE) for _ in range(12)]
    hub.came.acquire(timeout=5)

    page = ask(PAGE)
    assert hub.came.acquire(timeout=5)
    hub.running[-1].set()

    assert answered(page) == 200
    assert page["took"] < 1
    # Those that waited have heard so by then.
    time.sleep(0.5)
    hub.is_over = True
    assert [answered(found) for found in captures].count(200) == 1


def test_pages_that_hang_leave_captures_alone(hub, ask):
    for _ in range(10):
        ask(PAGE)
    for _ in range(2):
        hub.came.acquire(timeout=5)

    capture = ask(CAPTURE)

    assert hub.came.acquire(timeout=5)
    hub.running[-1].set()
    assert answered(capture) == 200


@pytest.mark.parametrize("path", ["/static/hub/css/hub.css", "/healthz", "/healthz/"])
def test_what_costs_nothing_always_gets_in(hub, ask, path):
    for _ in range(10):
        ask(PAGE)

    found = ask(path)
    for _ in range(3):
        assert hub.came.acquire(timeout=5)
    hub.running[-1].set()

    assert answered(found) == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (CAPTURE, "application/problem+json"),
        ("/v1/batch", "application/problem+json"),
        ("/api/v1/customers", "application/problem+json"),
        (PAGE, "text/html; charset=utf-8"),
    ],
)
def test_whoever_is_refused_hears_when_to_come_again(hub, ask, path, kind):
    for _ in range(2):
        ask(path)
    hub.came.acquire(timeout=5)
    refused = [ask(path) for _ in range(40)]

    late = [found for found in refused if answered(found) == 503]

    assert len(late) >= 20
    for found in late:
        assert found["took"] < 1
        assert found["headers"]["Retry-After"] == "2"
        assert found["headers"]["Content-Type"] == kind
        if "json" in kind:
            assert json.loads(found["body"])["code"] == "overloaded"


def test_who_waits_longest_is_next():
    room, order = Room("x", free=1, queue=3, seconds=5), []
    assert room.enter()

    def wait(name: int) -> None:
        room.enter()
        order.append(name)
        room.leave()

    waiting = []
    for name in range(3):
        waiting.append(threading.Thread(target=wait, args=[name]))
        waiting[-1].start()
        while len(room._waiting) <= name:
            time.sleep(0.001)
    room.leave()
    for thread in waiting:
        thread.join()

    assert order == [0, 1, 2]
    assert room.free == 1


def test_a_place_is_free_again_whatever_happened():
    def broken(environ: Any, start_response: Any) -> Any:
        raise RuntimeError

    door = Admission(broken)
    before = door.pages.free
    for _ in range(30):
        with pytest.raises(RuntimeError):
            door({"PATH_INFO": PAGE}, None)
    assert door.pages.free == before

    sent = Admission(lambda environ, start: iter([b"x"]))
    for _ in range(30):
        answer: Any = sent({"PATH_INFO": PAGE}, None)
        answer.close()
        answer.close()
    assert sent.pages.free == before


def test_work_is_not_begun_for_who_has_left(hub, ask):
    ask(CAPTURE)
    hub.came.acquire(timeout=5)
    here, there = socket.socketpair()
    with here:
        waits = ask(CAPTURE, **{"gunicorn.socket": here})
        assert not has_left({"gunicorn.socket": here})
        there.close()
        assert has_left({"gunicorn.socket": here})
        time.sleep(0.15)
        hub.running[0].set()

        assert answered(waits) == 503
    assert len(hub.running) == 1


def test_a_process_has_threads_for_all_that_may_be_there_at_once():
    assert sum(capacities(6).values()) == 7
    assert threads(6) == 7 * 9 + 8


class Slow:
    """A body that comes a byte at a time."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def read(self, _size: int) -> bytes:
        time.sleep(self.pause)
        return b"x"


def test_who_sends_slowly_takes_no_place(hub, ask, monkeypatch):
    for _ in range(5):
        ask(CAPTURE, **{"CONTENT_LENGTH": "1000", "wsgi.input": Slow(0.05)})
    time.sleep(0.1)

    quick = ask(CAPTURE, **{"CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"{}")})
    assert hub.came.acquire(timeout=5)
    hub.running[-1].set()

    assert answered(quick) == 200
    monkeypatch.setattr(admission, "BODY_SECONDS", 0.1)
    late = ask(CAPTURE, **{"CONTENT_LENGTH": "100", "wsgi.input": Slow(0.05)})
    assert answered(late) == 408
    assert json.loads(late["body"])["code"] == "timeout"
    monkeypatch.setattr(Slow, "read", lambda *_: b"")


def test_the_application_reads_the_body_that_came():
    def echo(environ: Any, start_response: Any) -> Any:
        return iter([environ["wsgi.input"].read()])

    body = b"x" * 2_500_000
    environ = {
        "PATH_INFO": CAPTURE,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body + b"of the next request"),
    }
    answer: Any = Admission(echo)(environ, None)

    assert b"".join(answer) == body
    answer.close()
    assert environ["wsgi.input"].closed


@pytest.mark.parametrize("path", [CAPTURE, "/admin/customers/customer/add/"])
def test_what_broke_off_is_not_taken_for_something_shorter(path):
    def never(environ: Any, start_response: Any) -> Any:
        raise AssertionError

    told: list[str] = []
    environ = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": "12",
        "wsgi.input": io.BytesIO(b"amount=10"),
    }
    admission_of = Admission(never)
    free = admission_of.captures.free, admission_of.pages.free
    admission_of(environ, lambda status, _headers: told.append(status))

    assert told == ["408 Request Timeout"]
    assert (admission_of.captures.free, admission_of.pages.free) == free
