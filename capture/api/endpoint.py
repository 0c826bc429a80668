"""What all capture endpoints do: check method, key and rate, and read the body.

Every capture endpoint is made by `endpoint`. Its clients cannot read an error page, so
every answer is JSON, and every refused request is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from audit.database.outages import is_unavailable
from audit.rest import rate_limits
from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_response
from audit.rest.throttling import add_rate_limit_headers
from audit.tenancy.actors import Actor, OperationContext, operation_of
from capture import services
from capture.api.authentication import (
    KeyUseError,
    key_in_headers,
    only_key,
    require_key,
    take_key,
)
from capture.choices import KeyKind, Trust
from capture.models import ApiKey
from capture.parsing import ParseError, decode_body

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
_TRUST = {KeyKind.PUBLISHABLE: Trust.BROWSER, KeyKind.SECRET: Trust.SERVER}
# One unit of a rate for so many bytes: a large body costs as much as many small ones.
_BYTES_PER_UNIT = 16_384
_DIGITS = 10


@dataclass
class Limits:
    """Most bytes on the wire, and most once they are unpacked."""

    wire: int = 1_000_000
    unpacked: int = 5_000_000
    items: int = services.NATIVE_ITEMS


@dataclass
class CaptureRequest:
    """A request to a capture endpoint, and what has been found out about it so far."""

    request: HttpRequest
    received_at: datetime = field(default_factory=timezone.now)
    key: ApiKey | None = None
    budget: rate_limits.Budget | None = None

    @property
    def operation(self) -> OperationContext:
        """The request as the trail knows it."""
        return operation_of(self.request)

    @property
    def required_key(self) -> ApiKey:
        """The key, once it is checked."""
        if self.key is None:
            raise AssertionError
        return self.key

    @property
    def actor(self) -> Actor:
        """The key as an actor of its own business only."""
        return Actor.from_key(self.required_key, self.operation)

    @property
    def wire_size(self) -> int:
        """The Content-Length that the caller sent; 0 without one."""
        return _small_number(self.request.headers.get("Content-Length")) or 0

    @property
    def is_secret(self) -> bool:
        """True for a secret key: a server may learn more than a page."""
        return bool(self.required_key.kind == KeyKind.SECRET)

    @property
    def is_strict(self) -> bool:
        """True if the caller wants all items to be taken, or none."""
        header = self.request.headers.get("X-Strict-Mode")
        return header == "1" or self.request.GET.get("strict") == "1"

    def envelope_fields(self) -> dict[str, object]:
        """Return the fields of an envelope that come from the request."""
        headers = self.request.headers
        attempt = headers.get("X-Retry-Count") or headers.get("RSA-Retry-Attempt")
        key = self.required_key
        return {
            "trust": _TRUST[KeyKind(key.kind)],
            "key_id": key.pk,
            "business_id": key.business_id,
            "received_at": self.received_at,
            "ip": self.operation.ip,
            "user_agent": self.operation.user_agent,
            "attempt": _small_number(attempt),
            "gpc": True if headers.get("Sec-GPC") == "1" else None,
        }

    def authenticate_headers(self, text: str | None = None) -> None:
        """Check the key of the headers, if there is one, before the body is read."""
        text = only_key(key_in_headers(self.request), text)
        if text is not None:
            self._authenticate(text)

    def authenticate_body(self, body: object) -> None:
        """Remove the key from a body and check it."""
        body_key = take_key(body) if isinstance(body, dict) else None
        if self.key is None:
            self._authenticate(body_key)
        elif body_key is not None and services.find_key(body_key) != self.key:
            raise ApiError(401, "key_mismatch", "Two different keys came. Send one.")

    def consume_quota(self, units: int, size: int) -> None:
        """Charge the caller's rate limits. Raises ApiError 429 over a limit."""
        cost = max(1, units, size // _BYTES_PER_UNIT)
        for name, rate in services.rates_of(self.key, self.operation.ip):
            budget = rate_limits.take_units(name, rate, cost)
            if self.budget is None or budget.remaining < self.budget.remaining:
                self.budget = budget
            if not budget.is_allowed:
                self.budget = budget
                raise ApiError(
                    429,
                    "quota_exceeded",
                    "Too many requests. Wait as long as Retry-After says.",
                    type="https://iana.org/assignments/http-problem-types#quota-exceeded",
                )

    def _authenticate(self, text: str | None) -> None:
        try:
            self.key = require_key(self.request, text)
        except ApiError as refusal:
            if refusal.status_code == HTTPStatus.UNAUTHORIZED:
                # Attempts with a wrong key are limited too.
                self.consume_quota(1, 0)
            raise
        # For the log line of the request.
        self.request.key_id = self.key.pk  # type: ignore[attr-defined]  # set at run time, not on the type


def endpoint(handler: Callable[..., HttpResponse], *, methods: tuple[str, ...]) -> View:
    """Return the view of a handler that takes a CaptureRequest.

    Exempt from CSRF because it reads no cookie: a key authenticates each request.
    """

    @csrf_exempt
    @transaction.non_atomic_requests
    @wraps(handler)
    def view(request: HttpRequest, **kwargs: object) -> HttpResponse:
        capture_request = CaptureRequest(request)
        # For views of the library, which are given the request alone.
        request.capture_request = capture_request  # type: ignore[attr-defined]  # set at run time, not on the type
        try:
            if request.method not in methods:
                use = " or ".join(methods)
                raise ApiError(405, "method_not_allowed", f"Use {use} here.")
            response = handler(capture_request, **kwargs)
        except ApiError as refusal:
            response = _refused(capture_request, refusal)
            if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                response["Allow"] = ", ".join(methods)
        except PermissionDenied:
            # A permission that the person has elsewhere; the trail has the status.
            sentence = "Your role may not do this."
            error = ApiError(403, "permission_denied", sentence)
            response = problem_response(request, error)
        except Exception as failure:
            # Clients of these endpoints cannot read an error page.
            logger.exception("capture failed: %s", operation_of(request).id)
            error = ApiError(500, "internal_error", "This is our fault. It is logged.")
            if is_unavailable(failure):
                error = ApiError(503, "unavailable", "Try again in a moment.")
                error.headers["Retry-After"] = "1"
            response = problem_response(request, error)
        return _with_budget(response, capture_request)

    # `CaptureRequest` checks sizes and rates, not the limits of pages.
    view.skips_page_limits = True  # type: ignore[attr-defined]  # a mark of our own
    return view


def _refused(capture_request: CaptureRequest, refusal: ApiError) -> HttpResponse:
    response = problem_response(capture_request.request, refusal)
    if refusal.status_code == HTTPStatus.TOO_MANY_REQUESTS and capture_request.budget:
        response["Retry-After"] = str(capture_request.budget.retry_after)
    try:
        key = refusal.key if isinstance(refusal, KeyUseError) else capture_request.key
        services.count_refusal(
            refusal.code, key=key, operation=capture_request.operation
        )
    except DatabaseError:
        logger.exception("a refusal could not be counted")
    return response


def _with_budget(
    response: HttpResponse, capture_request: CaptureRequest
) -> HttpResponse:
    response.setdefault("Cache-Control", "no-store")
    if capture_request.budget is not None:
        add_rate_limit_headers(response, capture_request.budget)
    return response


def read_body(capture_request: CaptureRequest, limits: Limits) -> bytes:
    """Return the body, counted while it is read and unpacked within its limit."""
    request = capture_request.request
    length = request.headers.get("Content-Length")
    if "Transfer-Encoding" in request.headers and not length:
        # A server gateway hands chunked bodies on as empty ones.
        raise ApiError(411, "length_required", "Send Content-Length, not chunks.")
    try:
        raw = request.read(limits.wire + 1)
    except TimeoutError as error:
        raise ApiError(
            408, "timeout", "The body came too slowly. Try again."
        ) from error
    except (OSError, RequestDataTooBig) as error:
        raise ApiError(400, "incomplete_body", "The body broke off.") from error
    if len(raw) > limits.wire:
        raise too_large(limits)
    try:
        encoding = request.headers.get("Content-Encoding", "")
        return decode_body(raw, encoding, limit=limits.unpacked)
    except ParseError as error:
        if error.code == "too_large":
            raise too_large(limits) from error
        refusal = refusal_of(error)
        if error.code == "unsupported_encoding":
            refusal.headers["Accept-Encoding"] = "gzip, deflate, identity"
        raise refusal from error


def refusal_of(error: ParseError) -> ApiError:
    """Return the answer to a body that cannot be read."""
    return ApiError(error.status, error.code, error.message)


def too_large(limits: Limits) -> ApiError:
    """Return the answer to a body over its limits."""
    sentence = (
        f"The body has more than {limits.wire} bytes, or more than {limits.unpacked} "
        "unpacked. Send less at once."
    )
    return _over(limits, "too_large", sentence)


def too_many_items(limits: Limits) -> ApiError:
    """Return the answer to a batch of more items than are taken at once."""
    return _over(
        limits, "too_many_items", f"Send at most {limits.items} items at once."
    )


def _over(limits: Limits, code: str, sentence: str) -> ApiError:
    size, items = limits.wire, limits.items
    return ApiError(413, code, sentence, limit_bytes=size, max_items=items)


def _small_number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdigit()
    return int(text) if text and is_number and len(text) < _DIGITS else None


def sdk_prefix() -> str:
    """Return the operator's own prefix of the SDK routes, without slashes."""
    return str(settings.SDK_PREFIX).strip("/")
