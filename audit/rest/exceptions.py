"""What endpoints raise when they refuse: a problem document (RFC 9457) to be."""

from __future__ import annotations

from collections.abc import Mapping

from rest_framework import exceptions


class ApiError(exceptions.APIException):
    """An answer that is no success: status, code, a sentence with the fix.

    `pointer` names the value that is wrong; `more` are further members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        pointer: str = "",
        challenge: str = "",
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(message, code)
        self.status_code, self.default_code = status, code
        self.message, self.pointer, self.more = message, pointer, more
        self.headers = dict(headers or {})
        self.auth_header, self.wait = challenge or None, more.pop("wait", None)

    @property
    def code(self) -> str:
        """The code of the document, which programs compare."""
        return str(self.default_code)
