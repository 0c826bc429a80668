"""A hostile body costs no more time and memory than its length, and is answered."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client

from capture.parsing import (
    ParseError,
    find_excess,
    fingerprint,
    parse_items,
    payload_text,
    redact,
)
from tests.audit.test_call_stack import most_faults

# A body of five megabytes costs a second or two; what is not linear costs minutes.
CPU_SECONDS = 20
MB = 1_000_000
TIME = 1_789_000_000_000
BATCH, LINES = "/api/v1/captures/batch", "application/x-ndjson"


def batch(items: Any) -> bytes:
    return json.dumps({"batch": items}).encode()


# Made when they are sent: each worker reads this module.
HOSTILE: dict[str, Callable[[], bytes]] = {
    "openings": lambda: b"[" * 5 * MB,
    "nested items": lambda: b'{"batch":[' + b"[" * 2 * MB + b"]" * 2 * MB + b"]}",
    "objects": lambda: b'{"a":' * MB,
    "batches": lambda: b'{"batch":[' * (MB // 2),
    "lists": lambda: b'{"batch":[[' + b"[1]," * MB + b"1]]}",
    "empty ones": lambda: b'{"batch":[[' + b"{}," * MB + b"1]]}",
    "commas": lambda: b'{"batch":[' + b"," * 4 * MB + b"]}",
    "scalars": lambda: b'{"batch":[' + b"1," * 2 * MB + b"1]}",
    "quotes": lambda: b'"' * 4 * MB,
    "escapes": lambda: b'{"batch":["' + b"\\\\" * 2 * MB,
    "blanks": lambda: b'{"batch":[' + b" " * 4 * MB + b"]}",
    "keys": lambda: batch([{f"k{n}": n for n in range(250_000)}]),
    "same keys": lambda: b'{"batch":[{' + b'"a":1,' * (MB // 2) + b'"a":1}]}',
    "digits": lambda: b'{"batch":[{"userId":"u","t":"' + b"1 " * 2 * MB + b'"}]}',
    "cards": lambda: b'{"batch":[{"userId":"u","t":"' + b"4111-" * (MB // 2) + b'"}]}',
    "small texts": lambda: batch([{"list": ["a"] * 150_000}]),
    "small lists": lambda: batch([{"list": [["a"]] * 150_000}]),
    "small numbers": lambda: batch([{"list": [1.5] * 15_000}] * 10),
    "times": lambda: batch([{"list": [TIME] * 15_000}] * 10),
    "unread secrets": lambda: b'{"batch":[{' + b'"password":' * (MB // 4) + b"}]}",
}


@pytest.mark.parametrize("body", [b"1\n" * 400_000, b"[" + b"{}," * 300_000 + b"{}]"])
def test_too_many_items_are_refused_before_they_are_read(key, body):
    started = time.process_time()
    answer = Client().post(
        BATCH,
        body,
        content_type=LINES if body[:1] == b"1" else "application/json",
        headers={"Authorization": f"Bearer {key.prefix}"},
    )

    assert (answer.status_code, answer.json()["max_items"]) == (413, 1000)
    assert time.process_time() - started < CPU_SECONDS


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_costs_no_more_than_its_length(post, name):
    body = HOSTILE[name]()[:4_000_000]
    started = time.process_time()
    answer = post("/v1/batch", body)

    assert answer.status_code in (200, 400, 413)
    assert time.process_time() - started < CPU_SECONDS


def test_a_body_costs_the_same_at_any_depth_of_the_stack(post):
    """The server that calls us has frames of its own."""
    body = b'{"batch":[[' + b"{}," * 2000 + b"1]]}"
    post("/v1/batch", body)

    assert most_faults(lambda: post("/v1/batch", body), range(110)) < 1000


@pytest.mark.parametrize("name", ["openings", "nested items", "quotes"])
def test_a_hostile_body_takes_little_more_memory_than_itself(name):
    body = HOSTILE[name]()
    tracemalloc.start()
    with suppress(ParseError):
        parse_items(body, "batch", most=2500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 8 * len(body)


@pytest.mark.parametrize("walk", [find_excess, redact, payload_text, fingerprint])
def test_small_values_take_no_call_each(walk):
    """A call is what costs, and at some depths of the stack ten times as much."""
    few = calls_of(walk, ["a"] * 10)

    assert calls_of(walk, ["a"] * 10_000) == few
    assert few < 30


@pytest.mark.parametrize("walk", [find_excess, redact, payload_text, fingerprint])
def test_nested_values_take_no_deeper_stack(walk):
    value: Any = 1
    for _ in range(sys.getrecursionlimit()):
        value = {"a": [value]}

    # A walk that calls itself raises RecursionError.
    walk(value)


def calls_of(walk: Any, value: Any) -> int:
    """Return how many functions of Python are called to walk over a value."""
    seen = []
    sys.setprofile(lambda _, event, __: seen.append(event))
    walk(value)
    sys.setprofile(None)
    return seen.count("call")
