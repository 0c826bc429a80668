"""Bodies as no decent client sends them, byte by byte against the live server."""

from __future__ import annotations

import gzip
import json
import socket
import time
from typing import Any

import pytest

from tests.e2e.live import Shop

pytestmark = pytest.mark.e2e
ROUTE = "/api/v1/captures"


def head(shop: Shop, path: str = ROUTE, **headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{shop.hub.server.port}"]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Authorization": f"Bearer {shop.secret}", "Connection": "close"} | named
    lines += [f"{name}: {value}" for name, value in sent.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def connected(shop: Shop) -> socket.socket:
    return socket.create_connection(("127.0.0.1", shop.hub.server.port), timeout=10)


def talk(shop: Shop, data: bytes) -> tuple[int, Any]:
    """Send bytes, close our side, and return status and document of the answer."""
    with connected(shop) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while more := connection.recv(65_536):
            found += more
    top, _, body = found.partition(b"\r\n\r\n")
    assert b"application/problem+json" in top, found[:300]
    return int(top.split()[1]), json.loads(body)


def assert_alive(shop: Shop) -> None:
    answer = shop.post(ROUTE, {"type": "signup", "email": "ann@example.org"})
    assert (answer.status, answer.json()["status"]) == (200, "accepted")
    assert shop.count("capture_capture") == 1


def test_chunks_are_refused(shop):
    chunks = b'2\r\n{"\r\n3\r\na":\r\n2\r\n1}\r\n0\r\n\r\n'

    status, problem = talk(shop, head(shop, Transfer_Encoding="chunked") + chunks)

    assert (status, problem["code"]) == (411, "length_required")
    assert_alive(shop)


@pytest.mark.parametrize("body", [b"", b'{"type": "sig'])
def test_a_body_that_breaks_off_is_no_capture(shop, body):
    with connected(shop) as connection:
        connection.sendall(head(shop, Content_Length="5000") + body)

    assert_alive(shop)


def test_half_a_body_that_ends_is_answered_and_not_captured(shop):
    body = b'{"type": "signup", "email": "bea@example.org"'

    status, problem = talk(shop, head(shop, Content_Length="5000") + body)

    # Sent again: it may be whole then.
    assert (status, problem["code"]) == (408, "timeout")
    assert_alive(shop)


def test_stalled_bodies_do_not_stop_the_others(shop):
    stalled = [connected(shop) for _ in range(4)]
    try:
        for connection in stalled:
            connection.sendall(head(shop, Content_Length="100") + b"{")
        assert_alive(shop)
    finally:
        for connection in stalled:
            connection.close()


@pytest.mark.parametrize("path", [ROUTE, "/api/data-capture/payment"])
def test_three_megabytes_are_too_many(shop, path):
    body = json.dumps({"type": "event", "text": "x" * 3_000_000}).encode()

    answer = shop.post(path, body)

    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["limit_bytes"] == 1_000_000
    assert_alive(shop)


@pytest.mark.parametrize("path", [ROUTE, "/v1/batch"])
@pytest.mark.parametrize("named", [True, False])
def test_a_small_bomb_is_too_large_quickly(shop, path, named):
    bomb = gzip.compress(b"0" * 10_000_000)
    assert len(bomb) < 11_000
    headers = {"Content_Encoding": "gzip"} if named else {}
    begin = time.monotonic()

    answer = shop.post(path, bomb, **headers)

    assert (answer.status, answer.json()["code"]) == (413, "too_large")
    assert time.monotonic() - begin < 5
    assert_alive(shop)
