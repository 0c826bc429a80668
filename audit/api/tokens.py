"""Sign-in by token for frontends: issue, refresh, revoke.

These doors take JSON only, which no foreign page can post here, and look at no session.
With `cookie` the refresh token stays in a cookie (`audit.api.refresh_cookie`).
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from audit import accounts
from audit.accounts.device_cookie import device_of, remember, welcome_of
from audit.api import refresh_cookie
from audit.crypto import hmac_hex
from audit.rest.exceptions import ApiError
from audit.rest.parsers import parse_json
from audit.rest.problems import problem_response
from audit.tenancy.actors import operation_of

_LONGEST_BODY = 20_000
_LONGEST_TEXT = 4096
_SENTENCES = {
    "wrong": "User name and password do not fit together. Check both.",
    "locked": "Too many tries. Wait as long as Retry-After says.",
    "second_factor": "The code is wrong or used up. Send the one that is shown now.",
    "second_factor_required": "This account has a second factor. Send its code as otp.",
    "late": "This took too long, or was answered already. Begin again.",
}
_WRONG_PASSKEY = (
    "This passkey does not open anything here. Use another one, or the password."
)
_ELSEWHERE = "Passkeys are for pages of an origin that HOLDFAST_PASSKEY_ORIGINS names."
_STATUS = {"locked": 429, "late": 400}
_CODES = {"wrong": "invalid_credentials", "locked": "too_many_attempts"}

View = Callable[[HttpRequest], HttpResponse]
_Fields = dict[str, type]


def _endpoint(
    handler: Callable[..., HttpResponse], fields: _Fields, *, tries: bool = False
) -> View:
    """Return the view of a handler that takes the checked fields of a JSON object.

    `tries` says that each call is a try to sign in, for the limits.
    """

    @csrf_exempt
    @transaction.non_atomic_requests
    @sensitive_variables()
    def view(request: HttpRequest) -> HttpResponse:
        try:
            if request.method != "POST":
                raise ApiError(405, "method_not_allowed", "Use POST here.")
            response = handler(request, **_read(request, fields))
        except ApiError as refusal:
            response = problem_response(request, refusal)
            if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                response["Allow"] = "POST"
        response["Cache-Control"] = "no-store"
        return response

    view.tries_passwords = tries  # type: ignore[attr-defined]  # a mark of our own
    return view


def _issue(
    request: HttpRequest,
    *,
    username: str,
    password: str,
    otp: str = "",
    cookie: bool = False,
) -> HttpResponse:
    if cookie:
        # Else another site could sign its reader in as somebody else.
        refresh_cookie.require_own_page(request)
    operation, device = operation_of(request), device_of(request)
    try:
        user = accounts.check_password(
            username,
            password,
            operation=operation,
            needs_staff=False,
            device=device,
            welcome=welcome_of(request),
        )
        if accounts.lacks_second_factor(user):
            accounts.record_first_factor(
                user, "second_factor_enrolment_required", operation=operation
            )
            raise ApiError(
                403,
                "second_factor_enrolment_required",
                "Your role needs a second factor. Sign in to the admin and set it up.",
            )
        accounts.complete_sign_in(
            user, otp, operation=operation, method="token", device=device
        )
    except accounts.SignInRefused as refused:
        raise _refusal(refused, _SENTENCES[refused.code]) from refused
    return _signed_in(request, user, in_cookie=cookie)


def _ask_passkey(request: HttpRequest) -> HttpResponse:
    try:
        asked = accounts.ask_for_sign_in(
            binding=_page_of(request),
            operation=operation_of(request),
            device=device_of(request),
        )
    except ValidationError as error:
        wait = (error.params or {}).get("retry_after")
        status = 429 if wait else 403
        refusal = ApiError(status, error.code or "invalid", " ".join(error.messages))
        if wait:
            refusal.headers["Retry-After"] = str(wait)
        raise refusal from error
    return JsonResponse(asked)


def _issue_by_passkey(
    request: HttpRequest,
    *,
    ceremony: str,
    credential: dict[str, Any],
    cookie: bool = False,
) -> HttpResponse:
    binding = _page_of(request)
    if cookie:
        refresh_cookie.require_own_page(request)
    try:
        user = accounts.sign_in_with_passkey(
            {"ceremony": ceremony, "credential": credential},
            binding=binding,
            operation=operation_of(request),
            needs_staff=False,
            method="token",
            device=device_of(request),
        )
    except accounts.SignInRefused as refused:
        is_wrong = refused.code == "wrong"
        text = _WRONG_PASSKEY if is_wrong else _SENTENCES[refused.code]
        raise _refusal(refused, text) from refused
    return _signed_in(request, user, in_cookie=cookie)


def _page_of(request: HttpRequest) -> str:
    """Return what a question to a passkey is bound to where there is no session.

    Its page, which the browser names and no script can change; and never a session, so
    that an answer for tokens opens none. Raises ApiError for a page that may not ask.
    """
    origin = request.headers.get("Origin", "")
    if origin not in settings.PASSKEY_ORIGINS:
        raise ApiError(403, "origin_not_allowed", _ELSEWHERE)
    return hmac_hex("token sign-in", origin)


def _signed_in(request: HttpRequest, user: Any, *, in_cookie: bool) -> HttpResponse:
    response = _answer(accounts.issue_tokens(user), in_cookie=in_cookie)
    if in_cookie or (device_of(request) and refresh_cookie.is_own_page(request)):
        # Not for a program, nor for a page of another origin: none is given there.
        remember(request, response, user)
    return response


def _refresh(
    request: HttpRequest, *, refresh: str | None = None, cookie: bool = False
) -> HttpResponse:
    token = _sent(request, "refresh", refresh, in_cookie=cookie)
    try:
        tokens = accounts.refresh_tokens(token, operation=operation_of(request))
    except accounts.TokenError as error:
        msg = "The refresh token has ended or was used before. Sign in again."
        raise ApiError(401, "invalid_token", msg) from error
    return _answer(tokens, in_cookie=cookie)


def _revoke(
    request: HttpRequest,
    *,
    token: str | None = None,
    token_type_hint: str = "",
    cookie: bool = False,
) -> HttpResponse:
    sent = _sent(request, "token", token, in_cookie=cookie)
    accounts.revoke_token(sent, operation=operation_of(request))
    # Whether the token was any good is nobody's business (RFC 7009).
    response = JsonResponse({})
    if cookie:
        refresh_cookie.take_away(response)
    return response


@csrf_exempt
def csrf_view(request: HttpRequest) -> HttpResponse:
    """Answer the CSRF token of this browser, whose cookie no script can read."""
    response: HttpResponse
    if request.method in ("GET", "HEAD"):
        response = JsonResponse({"csrf_token": get_token(request)})
    else:
        refusal = ApiError(405, "method_not_allowed", "Use GET here.")
        response = problem_response(request, refusal)
        response["Allow"] = "GET, HEAD"
    response["Cache-Control"] = "no-store"
    return response


def _sent(request: HttpRequest, name: str, text: str | None, *, in_cookie: bool) -> str:
    """Return the token of the body, or the one of the cookie for a page of ours."""
    if (text is None) is not in_cookie:
        msg = f"Send either {name}, or cookie: true."
        raise ApiError(422, "invalid", msg, pointer=f"/{name}")
    if text is not None:
        return text
    refresh_cookie.require_own_page(request)
    refresh_cookie.require_csrf_token(request)
    return refresh_cookie.token_in(request)


def _answer(tokens: accounts.Tokens, *, in_cookie: bool) -> HttpResponse:
    body: dict[str, Any] = {
        "access": tokens.access,
        "expires_in": tokens.expires_in,
        "token_type": "Bearer",
    }
    if not in_cookie:
        return JsonResponse({**body, "refresh": tokens.refresh})
    response = JsonResponse(body)
    refresh_cookie.put(response, tokens)
    return response


def _refusal(refused: accounts.SignInRefused, text: str) -> ApiError:
    code = refused.code
    refusal = ApiError(_STATUS.get(code, 401), _CODES.get(code, code), text)
    if refused.retry_after:
        refusal.headers["Retry-After"] = str(refused.retry_after)
    return refusal


def _read(request: HttpRequest, fields: _Fields) -> dict[str, Any]:
    """Return the fields of the body. Raises ApiError, which repeats no value."""
    if request.content_type != "application/json":
        raise ApiError(415, "unsupported_media_type", "Send application/json.")
    try:
        raw = request.read(_LONGEST_BODY + 1)
    except (OSError, RequestDataTooBig) as error:
        raise ApiError(400, "incomplete_body", "The body broke off.") from error
    if len(raw) > _LONGEST_BODY:
        raise ApiError(413, "too_large", f"Send at most {_LONGEST_BODY} bytes.")
    try:
        body = parse_json(raw)
    except ApiError as error:
        raise ApiError(400, "invalid_json", error.message) from error
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_json", "Send one JSON object.")
    return _checked(body, fields)


def _checked(body: dict[str, Any], fields: _Fields) -> dict[str, Any]:
    for name, kind in fields.items():
        value = body.get(name)
        if (value is None and name in _REQUIRED) or not _fits(value, kind):
            what = _KINDS[kind]
            raise ApiError(422, "invalid", f"{name} is {what}.", pointer=f"/{name}")
    if set(body) - set(fields):
        known = f"only these fields: {', '.join(fields)}" if fields else "no fields"
        raise ApiError(422, "unknown_field", f"Send {known}.")
    return {name: value for name, value in body.items() if value is not None}


def _fits(value: Any, kind: type) -> bool:
    if value is None:
        return True
    if kind is not str:
        return isinstance(value, kind)
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


_KINDS: dict[type, str] = {bool: "true or false", str: "text", dict: "an object"}
_REQUIRED = {"username", "password", "ceremony", "credential"}

token_view = _endpoint(
    _issue,
    {"username": str, "password": str, "otp": str, "cookie": bool},
    tries=True,
)
ask_passkey_view = _endpoint(_ask_passkey, {}, tries=True)
passkey_view = _endpoint(
    _issue_by_passkey,
    {"ceremony": str, "credential": dict, "cookie": bool},
    tries=True,
)
refresh_view = _endpoint(_refresh, {"refresh": str, "cookie": bool})
revoke_view = _endpoint(_revoke, {"token": str, "token_type_hint": str, "cookie": bool})
