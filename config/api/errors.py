"""Every error of the API as a problem document (RFC 9457), without what was sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request

from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_response
from config.logs import redact
from customers import services as customers

_Details: TypeAlias = list[exceptions.ErrorDetail]
logger = logging.getLogger(__name__)

# The library's own sentences repeat what came: a type, a method, a choice.
_SENTENCES = {
    400: "The request cannot be understood. Send JSON that is well formed.",
    401: "Sign in, or send a valid token.",
    403: "You may not do this. Ask an administrator for the permission.",
    404: "There is nothing here.",
    405: "This method is not allowed here. Use one that Allow names.",
    406: "Only JSON can be answered. Ask for application/json.",
    415: "Only JSON is taken. Send Content-Type: application/json.",
    429: "Too many requests. Wait as long as Retry-After says.",
}
_MAIL_FAILED = (
    "The mail server did not take the mail; nobody got it. Send it again later, or "
    "have HOLDFAST_EMAIL_URL looked at."
)
_CSRF = (
    "A session sends X-CSRFToken with everything but GET. Get one at /api/v1/auth/csrf."
)
_FASTER = "Somebody was faster. Load it again and repeat."
# The names of errors about several fields.
_WHOLE = ("non_field_errors", "__all__")
_NO_CHOICE = "This is not one of the choices."
# How `choices_sentence` begins; what was sent stands in quotes.
_NAMING = "Send one of "
_OTHER = "The request was refused."
# Rules that say how the row stands, not what is wrong with the request.
_OF_THE_STATE = frozenset(
    {
        "already_archived",
        "already_decided",
        "already_flagged",
        "archived",
        "booking_moved",
        "erased",
        "not_archived",
        "restore_conflict",
    }
)
_REPEATING = {
    "does_not_exist": "There is no such row.",
    "incorrect_model": "This has the wrong type.",
    "invalid_pk_value": "There is no such row.",
    "not_a_list": "Send a list.",
    "not_a_dict": "Send an object.",
}


def exception_handler(
    error: Exception, context: Mapping[str, Request]
) -> HttpResponse | None:
    """Return the problem document of an error; None for unexpected ones.

    The latter becomes a 500 by `config.errors`, and stands in the log.
    """
    api_exception = _as_api_exception(error)
    if api_exception is None:
        return None
    status = api_exception.status_code
    if isinstance(api_exception, ApiError):
        refusal = api_exception
    elif isinstance(api_exception, exceptions.ValidationError):
        refusal = _refused_values(list(_errors(api_exception.detail, "")))
    elif api_exception.get_codes() == "invalid_token":
        # A sentence of ours, which says what to do with a token that has ended.
        refusal = ApiError(status, "invalid_token", str(api_exception.detail))
    elif str(api_exception.detail).startswith("CSRF Failed"):
        # The library has no code of its own for it.
        refusal = ApiError(status, "csrf_failed", _CSRF)
    else:
        refusal = ApiError(status, _code(api_exception), _SENTENCES.get(status, _OTHER))
    # A header that says how to sign in came with the error, or there is none.
    challenge = getattr(api_exception, "auth_header", None)
    wait = getattr(api_exception, "wait", None)
    if wait is not None:
        refusal.headers["Retry-After"] = str(max(int(wait), 1))
    response = problem_response(context["request"]._request, refusal)
    if challenge:
        response["WWW-Authenticate"] = challenge
    return response


def _as_api_exception(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, ValidationError):
        return exceptions.ValidationError(_of_django(error))
    if isinstance(error, IntegrityError):
        return _lost_race(error)
    if isinstance(error, customers.MailFailed):
        return ApiError(503, "mail_failed", _MAIL_FAILED, wait=60)
    return error if isinstance(error, exceptions.APIException) else None


def _lost_race(error: IntegrityError) -> ApiError:
    # Its own text holds values; the rule's name says enough.
    rule = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    logger.warning("a write broke the rule %s of the database", rule or "(unnamed)")
    return ApiError(409, "conflict", _FASTER)


def _of_django(
    error: ValidationError,
) -> _Details | dict[str, _Details]:
    if hasattr(error, "error_dict"):
        return {name: _details(errors) for name, errors in error.error_dict.items()}
    return _details(error.error_list)


def _details(errors: list[ValidationError]) -> _Details:
    return [
        exceptions.ErrorDetail(" ".join(one.messages), one.code or "invalid")
        for one in errors
    ]


def _refused_values(errors: list[dict[str, str]]) -> ApiError:
    """Return the refusal of wrong values, or of a rule that has a code of its own."""
    first = errors[0]
    path, sentence = first["pointer"].lstrip("/"), first["detail"]
    if len(errors) == 1 and not path and first["code"] != "invalid":
        status = 409 if first["code"] in _OF_THE_STATE else 400
        return ApiError(status, first["code"], sentence, errors=errors)
    count = "One field is" if len(errors) == 1 else f"{len(errors)} fields are"
    detail = f"{path}: {sentence}" if path else sentence
    message = f"{count} wrong."
    return ApiError(400, "validation_error", message, detail=detail, errors=errors)


def _code(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.Throttled):
        # As pages and all other endpoints say it.
        return "rate_limited"
    if isinstance(error, exceptions.ParseError):
        return "malformed"
    return str(error.default_code)


def _errors(detail: object, pointer: str) -> Iterator[dict[str, str]]:
    """Yield each mistake with the JSON pointer of what is wrong."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            # A key may be anything, an address or a secret too.
            step = "" if name in _WHOLE else f"/{_escaped(redact(str(name)))}"
            yield from _errors(inner, f"{pointer}{step}")
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            is_item = isinstance(inner, dict | list)
            yield from _errors(inner, f"{pointer}/{number}" if is_item else pointer)
    else:
        code = str(getattr(detail, "code", "invalid"))
        sentence = _REPEATING.get(code, str(detail))
        if code == "invalid_choice" and not sentence.startswith(_NAMING):
            sentence = _NO_CHOICE
        yield {"pointer": pointer, "code": code, "detail": sentence}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
