"""Fifty clients with one message: the database tells them apart."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

pytestmark = pytest.mark.e2e
CLIENTS = 50


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/captures", "payment"), ("/v1/track", "track")]
)
def test_one_is_accepted_and_the_others_are_duplicates(shop, path, kind):
    item = {
        "type": kind,
        "event": "Order Completed",
        "message_id": "m-1",
        "messageId": "m-1",
        "email": "ann@example.org",
        "userId": "u-1",
        "amount": "5.00",
        "currency": "EUR",
        "transaction_id": "t-1",
        "properties": {"order_id": "t-1", "total": 5, "currency": "EUR"},
    }
    body = json.dumps(item)
    headers = {"Authorization": f"Bearer {shop.secret}"}
    port = shop.hub.server.port
    # Connected beforehand: no queue of new connections stands between the messages.
    lines = [HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(CLIENTS)]
    for line in lines:
        line.connect()
    start = threading.Barrier(CLIENTS)

    def send(line: HTTPConnection) -> tuple[int, str]:
        start.wait()
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        told = json.loads(answer.read())
        # More than it can take at once: as clients do, come again.
        deadline = time.monotonic() + 60
        while answer.status == 503 and time.monotonic() < deadline:
            time.sleep(int(answer.headers["Retry-After"]))
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            told = json.loads(answer.read())
        line.close()
        return answer.status, told.get("results", [told])[0].get("status")

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = Counter(pool.map(send, lines))

    assert found == {(200, "accepted"): 1, (200, "duplicate"): CLIENTS - 1}
    assert list(shop.captures()) == ["m-1"]
    assert shop.count("capture_sighting") == CLIENTS - 1
    assert shop.count("capture_capturelink") == shop.count("customers_customer") == 1
    assert shop.count("capture_payment") == 1
