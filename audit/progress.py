"""The progress of a long command, as a line on its stream."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

_PAUSE = 10.0


class Progress:
    """Says "1200 of 6000 lines" on a stream of a command.

    On a terminal the line is written again and again; elsewhere, as in a log, a new
    one follows every ten seconds, so that a short run says nothing.
    """

    def __init__(self, stream: OutputWrapper, noun: str) -> None:
        self._stream = stream
        self._noun = noun
        self._written_at = time.monotonic()
        self._is_open = False

    def update(self, done: int, total: int) -> None:
        """Write how many are done, if the last line is old enough."""
        text = f"{done} of {total} {self._noun}"
        if self._stream.isatty():
            self._stream.write(f"\r{text}", ending="")
            self._stream.flush()
            self._is_open = True
        elif time.monotonic() - self._written_at >= _PAUSE:
            self._stream.write(text)
            self._written_at = time.monotonic()

    def end(self) -> None:
        """Leave the line on which the terminal stands."""
        if self._is_open:
            self._stream.write("")
            self._is_open = False
