"""Around every request: what it reaches, who may go on, what the trail has of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DatabaseError
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
)
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from audit import accounts, log
from audit.call_stack import with_stack_room
from audit.database.outages import is_unavailable
from audit.models import User
from audit.tenancy.actors import Actor, OperationContext, operation_of
from audit.tenancy.scope import keep_tenant_scope, request_tenant_scope

logger = logging.getLogger(__name__)

_REFUSED = {
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
}
# What is open to a person who has to set up a second factor first.
_SETTING_UP = frozenset(
    {
        "admin:account_second_factor",
        "admin:login",
        "admin:login_code",
        "admin:login_passkey",
        "admin:logout",
    }
)
_UNAVAILABLE = _(
    "What you asked for could not be recorded, so it is not shown. Try again."
)


class TenancyMiddleware:
    """Stands outermost: what runs before it would reach every business."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    @with_stack_room
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with request_tenant_scope():
            response: Any = self.get_response(request)
            # A file holds no rows, and servers send it best as it is.
            if response.streaming and not isinstance(response, FileResponse):
                response.streaming_content = keep_tenant_scope(
                    response.streaming_content
                )
            return response


class SecondFactorMiddleware:
    """Redirects a person who needs a second factor and has none to set it up.

    Outside of the admin such a session counts for nothing, as if there were none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        match = request.resolver_match
        if not settings.SECOND_FACTOR_ROLES or match is None:
            return None
        user = request.user
        if not user.is_authenticated or match.view_name in _SETTING_UP:
            return None
        if not accounts.lacks_second_factor(user):
            return None
        if match.app_names[:1] == ["admin"]:
            return redirect("admin:account_second_factor")
        request.user = AnonymousUser()
        return None


class TrailMiddleware:
    """Writes one event for what a request showed, and one for what it was refused.

    After the request's own transactions, so that a rollback takes neither away, and
    before the answer leaves: what cannot be recorded is not handed out (503).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        operation = operation_of(request)
        code = _REFUSED.get(HTTPStatus(response.status_code))
        if code is not None and not operation.accesses and _is_signed_in(request):
            operation.refuse(code)
        if operation.accesses:
            response["Cache-Control"] = "no-store"
        elif operation.refused is None:
            return response
        try:
            log.write_notes(_who(request, operation))
        except DatabaseError as error:
            if is_unavailable(error):
                # As everywhere: what stands outside says 503.
                raise
            logger.exception("the trail could not be written")
            return _unavailable(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """Note a refusal that Django is about to turn into a page."""
        if isinstance(error, PermissionDenied | SuspiciousOperation):
            code = "forbidden"
            if isinstance(error, SuspiciousOperation):
                code = "suspicious"
            if _is_signed_in(request):
                operation_of(request).refuse(code)


def _is_signed_in(request: HttpRequest) -> bool:
    user: User | AnonymousUser | None = getattr(request, "user", None)
    return user is not None and user.is_authenticated


def _who(request: HttpRequest, operation: OperationContext) -> Actor:
    return operation.reader or Actor.from_request(request)


def _unavailable(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith("/admin"):
        response = HttpResponse(
            str(_UNAVAILABLE), content_type="text/plain", status=503
        )
    else:
        body = {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "code": "unavailable",
            "message": str(_UNAVAILABLE),
            "detail": str(_UNAVAILABLE),
            "request_id": str(operation_of(request).id),
            "errors": [],
        }
        response = JsonResponse(
            body, status=503, content_type="application/problem+json"
        )
    response["Cache-Control"] = "no-store"
    response["Retry-After"] = "1"
    return response
