"""UUIDv7: version, order and time; and texts that may be UUIDs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

import pytest

from audit.ids import parse_uuid, uuid7


def test_is_version_seven_of_rfc_9562():
    value = uuid7()

    assert (value.version, value.variant) == (7, RFC_4122)


def test_begins_with_the_millisecond():
    before = time.time_ns() // 1_000_000
    value = uuid7()
    after = time.time_ns() // 1_000_000

    assert before <= value.int >> 80 <= after + 1


def test_ids_of_one_process_ascend_also_across_threads():
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [uuid7() for _ in range(500)], range(8)))

    for batch in batches:
        assert batch == sorted(batch)
    together = [value for batch in batches for value in batch]
    assert len(set(together)) == len(together)


@pytest.mark.parametrize("spelling", [str, "{{{}}}".format, "urn:uuid:{}".format])
def test_a_uuid_is_read_in_whichever_spelling(spelling):
    value = uuid7()

    assert parse_uuid(spelling(value)) == value


@pytest.mark.parametrize("text", ["", "7", "x" * 32, "C-1234-5678", "\0"])
def test_another_text_is_no_uuid(text):
    assert parse_uuid(text) is None
