"""Problem documents (RFC 9457): what a program reads when something went wrong."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

from audit.rest.exceptions import ApiError
from audit.tenancy.actors import operation_of

_WORD = re.compile(r"[a-z_.-]{1,30}|v[0-9]")


def problem_response(request: HttpRequest, error: ApiError) -> JsonResponse:
    """Return the problem document of an error. It never repeats what was sent."""
    errors = []
    if error.pointer:
        errors = [problem_item(error.pointer, error.code, error.message)]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "code": error.code,
        "message": error.message,
        "detail": error.message,
        "instance": _instance(request),
        "request_id": str(operation_of(request).id),
        "errors": errors,
        **error.more,
    }
    response = JsonResponse(body, status=error.status_code)
    response["Content-Type"] = "application/problem+json"
    for name, value in error.headers.items():
        response[name] = value
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = error.auth_header or "Bearer"
    return response


def problem_item(pointer: str, code: str, detail: str) -> dict[str, str]:
    """Return one member of `errors`: a wrong value, and where it stands."""
    return {"pointer": pointer, "code": code, "detail": detail}


def _instance(request: HttpRequest) -> str:
    """Return the path without what it holds: an address, a key, an id."""
    match = request.resolver_match
    steps = request.path_info.split("/")
    if match is None or not match.kwargs:
        # A fixed address, or none of ours: words are names of ours, most likely.
        words = [s if _WORD.fullmatch(s) or not s else "{unknown}" for s in steps]
        return "/".join(words)
    # As the description of the API names them.
    names = {
        str(value): "{id}" if name == "pk" else f"{{{name}}}"
        for name, value in match.kwargs.items()
    }
    # What varies stands behind the fixed beginning, which may read the same.
    fixed = match.route.lstrip("^").partition("(")[0].partition("<")[0].count("/") + 1
    return "/".join(
        [*steps[:fixed], *(names.get(step, step) for step in steps[fixed:])]
    )
