"""What is masked, and what only looks like a secret."""

from __future__ import annotations

import time
import tracemalloc
from decimal import Decimal

import pytest

from capture.parsing import parse_body, redact, redact_text

CARD = "4111111111111111"


def read(body):
    return redact(parse_body(body).value)


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("4111 1111 1111 1111 12/27 123", "[redacted:card:1111] 12/27 123"),
        ("order 12 4111 1111 1111 1111", "order 12 [redacted:card:1111]"),
        ("4111-1111-1111-1111-12", "[redacted:card:1111]-12"),
        (f"{CARD} 5555555555554444", "[redacted:card:1111] [redacted:card:4444]"),
        ("no.4111111111111111", "no.[redacted:card:1111]"),
        ("4222222222222", "[redacted:card:2222]"),
        ({CARD: 1}, {"[redacted:card:1111]": 1}),
        (Decimal("4111111111111111.0"), "[redacted:card:1111]"),
        (Decimal("4111111111111111E0"), "[redacted:card:1111]"),
        ({"userPassword": "x"}, {"userPassword": "[redacted:password]"}),
        ({"newPassword": 12}, {"newPassword": "[redacted:password]"}),
        ({"note": "sk_" + "a" * 32}, {"note": "[redacted:key]"}),
        ({"timestamp": {"a": CARD}}, {"timestamp": {"a": "[redacted:card:1111]"}}),
    ],
)  # fmt: skip
def test_masked(value, clean):
    found, pointers = redact(value)

    assert found == clean
    assert pointers
    assert CARD not in str(pointers)


@pytest.mark.parametrize(
    "value",
    [
        {"message_id": CARD},
        {"messageId": int(CARD)},
        {"has_password": True},
        "0.4111111111111111",
        "9" + CARD,
        CARD + "00",
        Decimal("1E+300"),
        -1,
    ],
)
def test_left_alone(value):
    assert redact(value) == (value, [])


def test_no_mobile_number_passes_for_a_card():
    for number in range(4915100000000, 4915100000200):
        for text in (f"+{number}", str(number), number):
            assert redact({"mobile_number": text})[1] == []
        assert redact(f"call +{number}")[1] == []
    assert redact({"phone": CARD})[1] == [("secret_redacted", "/phone")]


def test_a_doubled_key_is_named_and_no_secret_of_it():
    body = b'{"b": [{"a": 1, "a": 2}], "%s": 1, "%s": 2}'
    warnings = read(body.replace(b"%s", CARD.encode()))[1]

    assert ("duplicate_key", "/b/0/a") in warnings
    assert CARD not in str(warnings)


def test_a_long_text_takes_little_memory():
    body = b'{"accountScreenshot": "' + b"A" * 2_000_000 + b'"}'
    tracemalloc.start()
    read(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10 * len(body)


@pytest.mark.parametrize("text", ["-eyJ", "-----BEGIN A", "Bearer ", "sk_live_", '\\"'])
def test_hostile_repetition_takes_no_time(text):
    body = f'{{"a": "{text * (200_000 // len(text))}"}}'.encode()
    started = time.process_time()
    read(body)

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            '{"password": {"a": {"b": "x"}}, "c": 1}',
            '{"password": "[redacted]", "c": 1}',
        ),
        ('{"pin":[["x"], "]"],"b":2}', '{"pin":"[redacted]","b":2}'),
        ('{"passwd":{"a":"x"', '{"passwd":"[redacted]"'),
        ('[{"cvv":[1]}]', '[{"cvv":"[redacted]"}]'),
    ],
)
def test_what_stands_under_the_name_of_a_secret_goes_whole(text, clean):
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "x" * 300_000,
        "password" * 30_000,
        "pan-" * 60_000,
        "pin " * 60_000,
        "pan" + " " * 200_000,
        '"pin":{' * 40_000,
        '"pin":[],' * 40_000,
    ],
    ids=["letters", "words", "hyphens", "blanks", "gap", "objects", "lists"],
)
def test_long_text_is_read_once(text):
    started = time.monotonic()

    redact_text(text)

    assert time.monotonic() - started < 5


def test_of_very_many_secrets_a_hundred_are_named():
    clean, warnings = redact({"list": [CARD] * 5000, "password": "x"})

    assert CARD not in clean["list"]
    assert warnings[:2] == [
        ("secret_redacted", "/list/0"),
        ("secret_redacted", "/list/1"),
    ]
    assert len(warnings) == 100
