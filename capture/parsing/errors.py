"""The one error of parsing."""

from __future__ import annotations


class ParseError(Exception):
    """A body that cannot be read: code, HTTP status, and a sentence with the fix."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
