"""The items of a body, each cut out by its own span: none costs its neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from audit.json_text import bracket_runs, is_nested_deeper
from capture.parsing.body import (
    MAX_DEPTH,
    TOO_DEEP,
    BodyItem,
    Parsed,
    decode,
    parse,
    repaired,
)
from capture.parsing.errors import ParseError

_LINE = re.compile(r"[^\n]++")
_COMMA = re.compile(r'"(?:[^"\\]++|\\.)*+"?|(,)', re.DOTALL)


def parse_items(body: bytes, key: str, *, most: int) -> Parsed:
    """Return the items of a list, or of the list that an object has under `key`.

    The text is walked over once. Each item is read on its own, and one that is nested
    too deep or is no JSON has an error in place of its value; `value` is what stands
    around the items, with their values in it. Of more than `most` items only one more
    is read. A body that holds no such list comes back as `parse_body` reads it.
    Raises ParseError for a body whose frame cannot be read.
    """
    text = decode(body)
    cut = _Cutter(text, key, most).cut()
    if cut is None:
        clean, warnings = repaired(text)
        return Parsed(parse(clean), clean, warnings)
    if cut.deepest > MAX_DEPTH:
        raise ParseError("too_deep", TOO_DEEP)
    frame = parse(repaired(cut.frame)[0])
    items = [_parse_body_item(piece, depth) for piece, depth in cut.pieces]
    values = [item.text if item.error else item.value for item in items]
    return Parsed({**frame, key: values} if isinstance(frame, dict) else values,
                  text, items=items)  # fmt: skip


def parse_lines(body: bytes, *, most: int) -> Parsed:
    """Return the items of a body with one JSON value a line (NDJSON).

    Of more than `most` lines only one more is read.
    """
    text = decode(body)
    items: list[BodyItem] = []
    for line in _LINE.finditer(text):
        if piece := line.group().strip():
            depth = MAX_DEPTH + is_nested_deeper(piece, MAX_DEPTH)
            items.append(_parse_body_item(piece, depth))
        if len(items) > most:
            break
    values = [item.text if item.error else item.value for item in items]
    return Parsed(values, text, items=items)


def parse_items_or_lines(body: bytes, key: str, *, most: int) -> Parsed:
    """Return the items of a list, or else of lines without the content type of lines.

    They are lines when most of them are objects. Raises ParseError for anything else.
    """
    try:
        return parse_items(body, key, most=most)
    except ParseError:
        parsed = parse_lines(body, most=most)
        objects = [item for item in parsed.items or () if isinstance(item.value, dict)]
        if len(parsed.items or ()) > 1 and 2 * len(objects) > len(parsed.items or ()):
            return parsed
        raise


def _parse_body_item(text: str, depth: int) -> BodyItem:
    clean, warnings = repaired(text)
    try:
        if depth > MAX_DEPTH:
            raise ParseError("too_deep", TOO_DEEP)
        return BodyItem(clean, parse(clean, is_shallow=True), warnings=tuple(warnings))
    except ParseError as error:
        return BodyItem(clean, error=error, warnings=tuple(warnings))


@dataclass
class _Cut:
    """The texts of the items and how deep they are, and the same of their frame."""

    frame: str
    pieces: list[tuple[str, int]]
    deepest: int


@dataclass
class _Cutter:
    """Walks over the brackets of a text and notes where its items begin and end.

    `level` is the depth of the list whose items are cut, and 0 outside of any.
    """

    text: str
    key: str
    most: int
    depth: int = 0
    level: int = 0
    start: int = 0
    frame_start: int = 0
    deepest: int = 0
    inner: int = 0
    is_list_seen: bool = False
    frame: list[str] = field(default_factory=list)
    pieces: list[tuple[str, int]] = field(default_factory=list)

    def cut(self) -> _Cut | None:
        """Return the items; None without a list of them, or without an end of it."""
        after = 0
        for start, end, is_opening in bracket_runs(self.text):
            if self.level and self.depth == self.level:
                self._split(after, start)
            deeper = end - start if is_opening else start - end
            if self.depth > self.level > 0 and self.depth + deeper >= self.level:
                # Inside of an item, where most brackets are: nothing is to be noted.
                self.depth += deeper
                if is_opening:
                    self.inner = max(self.inner, self.depth - self.level)
            else:
                walk = self._open if is_opening else self._close
                walk(start, end, after)
            if self.depth < 0:
                return None
            after = end
        if self.depth or not self.is_list_seen:
            return None
        frame = "".join([*self.frame, self.text[self.frame_start :]])
        return _Cut(frame, self.pieces, self.deepest)

    def _open(self, start: int, end: int, after: int) -> None:
        for place in range(start, end):
            if self.level:
                # Items are judged one by one: how deep they go is their own matter.
                self.depth += end - place
                self.inner = max(self.inner, self.depth - self.level)
                return
            if self._begins_list(after, place):
                self.level = self.depth + 1
                self.is_list_seen = True
                self.frame.append(self.text[self.frame_start : place + 1])
                self.start = place + 1
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)
            if self.depth > 1 and not self.level:
                # Deep in something else, no list of items begins.
                self.depth += end - place - 1
                self.deepest = max(self.deepest, self.depth)
                return

    def _close(self, start: int, end: int, _after: int) -> None:
        place = start
        if self.level:
            inner = min(end - place, self.depth - self.level)
            self.depth -= inner
            place += inner
            if place == end:
                return
            self._take(place)
            self.level, self.frame_start = 0, place
        self.depth -= end - place

    def _begins_list(self, after: int, place: int) -> bool:
        if self.text[place] != "[":
            return False
        if self.depth == 0:
            return not self.text[after:place].strip()
        before = self.text[after:place].rstrip()
        if self.depth != 1 or not before.endswith(":"):
            return False
        before, name = before[:-1].rstrip(), f'"{self.key}"'
        return before.endswith(name) and not before.endswith(f"\\{name}")

    def _split(self, start: int, end: int) -> None:
        """End an item at each comma between items."""
        if len(self.pieces) > self.most:
            return
        for match in _COMMA.finditer(self.text, start, end):
            if match[1]:
                self._take(match.start())
                self.start = match.end()

    def _take(self, end: int) -> None:
        piece = self.text[self.start : end].strip()
        # A comma too many is no item.
        if piece and len(self.pieces) <= self.most:
            self.pieces.append((piece, self.inner))
        self.inner = 0
