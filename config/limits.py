"""How much one request may bring, and how many requests a person or address may send.

For pages and the staff API. The capture doors measure bodies and rates by key
themselves; here only their query is looked at, and who reads there with a session.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import accounts
from audit.accounts.device_cookie import device_of
from audit.rest.rate_limits import Budget
from audit.rest.throttling import (
    add_rate_limit_headers,
    consume_address_budget,
    consume_budget,
    consume_user_budget,
    note_budget,
)
from audit.tenancy.actors import operation_of
from config import errors

MAX_QUERY = 6000
MAX_PARAMETERS = 200
# A form without files, and the page that takes one file.
MAX_FORM = 4_000_000
_LONG = format_lazy(
    _("The query has more than {most} characters. Ask for less at once."),
    most=MAX_QUERY,
)
_MANY = format_lazy(
    _("The query has more than {most} parameters. Ask for less at once."),
    most=MAX_PARAMETERS,
)
_NUL = _("The query has a character that no text can hold. Remove it.")
_LENGTH = _("The length of the body is no number. Send Content-Length.")


class LimitsMiddleware:
    """Refuses what is too much, before a form is read or a page made.

    Stands before the check of CSRF, which reads the form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = _refused_address(request) or self.get_response(request)
        budget = getattr(request, "budget", None)
        if budget is not None and errors.wants_problem(request):
            add_rate_limit_headers(response, budget)
        return response

    def process_view(
        self, request: HttpRequest, view: object, _args: object, _kwargs: object
    ) -> HttpResponse | None:
        if getattr(view, "skips_page_limits", False):
            return _spend_session(request)
        return _refused_body(request) or _spend(request, view)


def _spend(request: HttpRequest, view: object) -> HttpResponse | None:
    if _charges_itself(request, view):
        return None
    address = operation_of(request).ip
    user = request.user
    view = getattr(view, "cls", view)
    if request.method == "POST" and getattr(view, "tries_passwords", False):
        budget = _spend_try(request, address)
    elif user.is_authenticated:
        budget = consume_user_budget(user.pk)
    else:
        budget = consume_address_budget(address)
    return _refused_rate(request, budget)


def _spend_try(request: HttpRequest, address: str | None) -> Budget:
    """Take a try to sign in: a known browser's own, or one of its address.

    Or an attacker would keep out all others who share the address.
    """
    device = accounts.device_hash(device_of(request))
    if device is None:
        return consume_address_budget(address, "login")
    return consume_budget(f"login:{device}", "login")


def _charges_itself(request: HttpRequest, view: object) -> bool:
    """Tell whether a token has come to an endpoint that looks at it, and charges."""
    classes = getattr(getattr(view, "cls", None), "authentication_classes", ())
    return any(each.token_in(request) for each in classes if hasattr(each, "token_in"))


def _spend_session(request: HttpRequest) -> HttpResponse | None:
    # Without its cookie nobody looks for a session: keys have rates of their own.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    user = request.user
    if not user.is_authenticated:
        return None
    return _refused_rate(request, consume_user_budget(user.pk))


def _refused_rate(request: HttpRequest, budget: Budget) -> HttpResponse | None:
    note_budget(request, budget)
    if budget.is_allowed:
        return None
    return errors.answer(request, 429, retry_after=budget.retry_after)


def _refused_address(request: HttpRequest) -> HttpResponse | None:
    if "\0" in request.path_info:
        # PostgreSQL takes none in a text, so no row has such a name.
        return errors.answer(request, 404)
    query = request.META.get("QUERY_STRING", "")
    if len(query) > MAX_QUERY:
        return errors.answer(request, 400, code="query_too_long", message=_LONG)
    if query.count("&") >= MAX_PARAMETERS:
        return errors.answer(request, 400, code="too_many_parameters", message=_MANY)
    if "%00" in query or "\0" in query:
        return errors.answer(request, 400, code="invalid_parameter", message=_NUL)
    return None


def _refused_body(request: HttpRequest) -> HttpResponse | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if "Transfer-Encoding" in request.headers and length == "0":
        # A server gateway hands chunked bodies on as empty ones.
        return errors.answer(request, 411)
    if not (length.isascii() and length.isdigit()):
        return errors.answer(request, 400, code="length_invalid", message=_LENGTH)
    is_upload = request.path_info.endswith("/import/")
    limit = settings.UPLOAD_MAX_BYTES if is_upload else MAX_FORM
    if int(length[:18]) <= limit:
        return None
    message = gettext("This is more than %(limit)s bytes. Send less at once.")
    return errors.answer(request, 413, message=message % {"limit": limit})
