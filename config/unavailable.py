"""A database that is locked, full or away: 503 with Retry-After, at every address."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from http import HTTPStatus

from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse

from audit.database.outages import is_unavailable
from config import errors
from config.backends.waiting import once

logger = logging.getLogger(__name__)

RETRY_AFTER = 1
# Headers that belong to the text of an answer.
_OF_THE_TEXT = frozenset({"content-type", "content-length", "cache-control"})


class UnavailableMiddleware:
    """Lets a request wait for the database once, and turns its failure into a 503.

    Stands outside of everything that asks the database. Faults of ours, such as a
    missing table, stay a 500.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with once():
            response = self.get_response(request)
        error = getattr(request, "outage", None)
        if error is None or response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
            return response
        # A middleware failed, and Django has made a page of it.
        answer = _answer(request, error)
        for name, value in response.headers.items():
            if name.lower() not in _OF_THE_TEXT:
                answer.setdefault(name, value)
        return answer

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        """Answer where a view failed; what stands around it adds its headers."""
        return _answer(request, error) if is_unavailable(error) else None


def _answer(request: HttpRequest, error: BaseException) -> HttpResponse:
    # Its class, never its text: that may name values.
    cause = type(error.__cause__ or error).__name__
    logger.error("the database cannot be used: %s", cause)
    return errors.answer(request, 503, retry_after=RETRY_AFTER)


def _note(request: HttpRequest | None = None, **_: object) -> None:
    """Receive `got_request_exception`, which is sent while the error is handled."""
    error = sys.exc_info()[1]
    if request is not None and is_unavailable(error):
        request.outage = error  # type: ignore[attr-defined]  # read by the middleware


got_request_exception.connect(_note, dispatch_uid="config.unavailable")
