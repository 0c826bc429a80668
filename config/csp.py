"""The content security policy: what a page of ours may load, and nothing else.

The names are those of Django 6 (`SECURE_CSP`, `csp_override`), which brings all this:
delete this module with Django 6.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Policy = Mapping[str, Sequence[str]]
View = Callable[..., Any]
HEADER = "Content-Security-Policy"
_DEBUG_PAGES = (404, 500)


class ContentSecurityPolicyMiddleware:
    """Adds the policy of the settings, or of the view, to an answer without one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = getattr(response, "_csp_config", settings.SECURE_CSP)
        # Django's own pages for debugging have their style inside.
        is_debug_page = settings.DEBUG and response.status_code in _DEBUG_PAGES
        if policy and not is_debug_page and HEADER not in response:
            response[HEADER] = build_policy(policy)
        return response


def csp_override(policy: Policy) -> Callable[[View], View]:
    """Give one view a policy of its own; an empty one sends no header.

    The policy replaces that of the settings: begin with `{**settings.SECURE_CSP, …}`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(*args: object, **kwargs: object) -> HttpResponse:
            response: Any = view(*args, **kwargs)
            response._csp_config = policy
            return response

        return wrapped

    return decorate


def build_policy(policy: Policy) -> str:
    """Return the header's text."""
    return "; ".join(" ".join((name, *values)) for name, values in policy.items())
