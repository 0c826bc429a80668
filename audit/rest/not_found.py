"""Views that belong to no table: what is not there."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_response

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@csrf_exempt
def not_found_view(request: HttpRequest, **_: object) -> HttpResponse:
    """Answer 404 as a problem document: who asks here cannot read an error page."""
    if request.method in _METHODS:
        error = ApiError(404, "not_found", "There is nothing here.")
    else:
        use = " or ".join(_METHODS)
        error = ApiError(405, "method_not_allowed", f"Use {use} here.")
        error.headers["Allow"] = ", ".join(_METHODS)
    response = problem_response(request, error)
    response["Cache-Control"] = "no-store"
    return response


# There is no body to measure, and guessing addresses shows nothing.
not_found_view.skips_page_limits = True  # type: ignore[attr-defined]  # config.limits looks at it
