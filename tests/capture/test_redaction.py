"""What is masked, and what only looks like a secret."""

from __future__ import annotations

import random
import re
import time
import tracemalloc
from decimal import Decimal

import pytest

from capture.parsing import parse_body, redact, redact_text

CARD = "4111111111111111"
ISSUED = re.compile(
    r"""4(\d{12}|\d{15}|\d{18})|3[47]\d{13}|(6011|64[4-9]\d|65\d\d)(\d{12}|\d{15})
    |(5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}
    |35(2[89]|[3-8]\d)(\d{12}|\d{15})|(30[0-5]|3[689]\d)(\d{11}|\d{13}|\d{16})""",
    re.VERBOSE,
)


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
        ("\uff14111 1111 1111 1111", "[redacted:card:1111]"),
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


@pytest.mark.parametrize("seed", range(4))
def test_every_card_is_found_that_the_rules_name(seed):
    chance = random.Random(seed)
    parts = [*"0123456789", " ", " ", "-", CARD, "378282246310005", "4222222222222"]
    for _ in range(500):
        text = "".join(chance.choices(parts, k=chance.randrange(40)))

        assert redact(text)[0] == masked_by_the_rules(text), text


def masked_by_the_rules(text):
    """Return a text with its cards masked, found by a try of every pair of edges."""
    return re.sub(r"(?<!\d)\d(?:[ -]?\d){12,}", lambda run: mask_run(run[0]), text)


def mask_run(run):
    groups = re.split("([ -])", run)
    begin = 0
    while begin < len(groups):
        for end in range(len(groups), begin, -2):
            digits = "".join(groups[begin:end:2])
            if is_card(digits):
                groups[begin:end] = [f"[redacted:card:{digits[-4:]}]"]
                break
        begin += 2
    return "".join(groups)


def is_card(digits):
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    fits = (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0
    return bool(ISSUED.fullmatch(digits)) and fits
