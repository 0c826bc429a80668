"""What the parser leaves for `redact` to repair, where it can say the place."""

from __future__ import annotations

from audit.json_text import JsonValue


class Repaired(dict[str, JsonValue]):
    """An object in which keys came twice; the last value counts."""

    twice: list[str]


class _NonFinite:
    """A number that no database holds: NaN, Infinity, 1e999."""

    def __repr__(self) -> str:
        return "NON_FINITE"


NON_FINITE = _NonFinite()
