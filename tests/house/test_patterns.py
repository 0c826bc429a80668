"""Every pattern of the product takes time in proportion to the text that it looks at.

Texts come from callers, and captures keep them for good: a pattern that starts anew at
each letter turns one long word into minutes of every page that shows it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from audit.privacy.masking import mask, mask_text
from capture.parsing.redaction import redact_text
from config.logs import redact

PACKAGES = ("audit", "customers", "capture", "config")
# A server's own modules; they start when they are imported.
NOT_IMPORTED = ("config.asgi", "config.wsgi")
# fmt: off
UNITS = [
    "a", "A", "aA", "a ", "a.", "a@", "@", "a%40", "9", "9-", "9 ", "00", "00 ", "+1 ",
    "+1", "0.", " ", "\t", "\n", "-", ".", "/", "(", "[", "{", '"', "\\", "'", "=",
    "x=", "key: ", "password", "pin", "token=", "Bearer ", "bearer ", "eyJ-", "pk_",
    "eyJaaaaaaaa.", "-----BEGIN A-----", "sk_test_", "_x", "T ", "2020-10-10", "<", "&",
    "0123456789ab-", "\u200b", "\\u0000",
]
# fmt: on
LENGTH = 30_000
# Of CPU; a pattern in proportion takes milliseconds, another one minutes.
SECONDS = 1.0


class TooSlowError(Exception):
    """The limit of CPU time is over."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop the code inside after so much CPU time; `re` looks for signals meanwhile."""

    def stop(_number: int, _frame: Any) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def patterns() -> dict[str, re.Pattern[str]]:
    """Return the compiled patterns of all modules, by where they are."""
    found: dict[str, re.Pattern[str]] = {}
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in module.name or module.name in NOT_IMPORTED:
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                collect(found, f"{module.name}.{name}", value)
    return found


def collect(found: dict[str, re.Pattern[str]], name: str, value: Any) -> None:
    """Add a pattern, or those within a list of them."""
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        if value not in found.values():
            found[name] = value
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            collect(found, f"{name}[{number}]", item)


def hostile(length: int = LENGTH) -> Iterator[str]:
    for unit in UNITS:
        text = (unit * (length // len(unit) + 1))[:length]
        yield text
        # What makes a match fail at its very end.
        yield f"{text}!"


def use(pattern: re.Pattern[str]) -> None:
    """Look for a pattern in each text, from all places and from the first alone."""
    for text in hostile():
        with limited(SECONDS):
            try:
                for _ in pattern.finditer(text):
                    pass
                pattern.fullmatch(text)
            except TooSlowError:
                pytest.fail(f"{pattern.pattern!r} on {text[:20]!r} takes too long.")


PATTERNS = patterns()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_linear(name):
    use(PATTERNS[name])


def test_a_quadratic_pattern_is_reported():
    assert len(PATTERNS) > 40
    with pytest.raises(pytest.fail.Exception, match="takes too long"):
        use(re.compile(r"[^\s@]+@[^\s@]+"))


@pytest.mark.parametrize("function", [mask, mask_text, redact, redact_text])
def test_what_is_made_of_patterns_is_linear_too(function):
    """Within twenty seconds of CPU for a hundred texts; a quadratic one takes hours."""
    with limited(20):
        for text in hostile(64_000):
            function(text)
