"""Sign-in by token for frontends: issue, refresh, revoke.

These endpoints take JSON only, which no foreign page can post here, and look at no
session. With `cookie` the refresh token stays in a cookie (`audit.api.refresh_cookie`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError as RuleBroken
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ErrorDetail, UnsupportedMediaType, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit import accounts
from audit.accounts.device_cookie import device_of, remember, welcome_of
from audit.api import refresh_cookie
from audit.api.token_serializers import (
    CsrfTokenSerializer,
    PasskeySignInSerializer,
    RefreshSerializer,
    RevokeSerializer,
    SignInOptionsSerializer,
    SignInQuestionSerializer,
    SignInSerializer,
    TokensSerializer,
)
from audit.crypto import hmac_hex
from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from audit.rest.parsers import parse_json
from audit.rest.serializers import StrictSerializer
from audit.rest.views import ActionSpec, HubAPIView
from audit.tenancy.actors import operation_of

if TYPE_CHECKING:
    from audit.models import User

_LONGEST_BODY = 20_000
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

# What refusals say, for the schema.
_REFUSALS = {
    400: "Not one JSON object.",
    413: "Too large.",
    415: "Only JSON is taken.",
    422: "A field is missing, unknown or no text.",
    429: "Too many requests, or too many tries; wait as long as Retry-After says.",
}
_NO_PASSWORD = {
    401: "Name, password or code is wrong; code says what to do.",
    403: "The role needs a second factor, which is set up in the admin. With `cookie`: "
    "not a page of the hub's own origin.",
}
_NOT_HERE = {
    403: "Not a page of an origin in HOLDFAST_PASSKEY_ORIGINS. With `cookie`: not of "
    "the hub's own origin."
}
_NO_PASSKEY = {
    400: "Not one JSON object; or the question is over, was answered, or is another "
    "page's.",
    401: "This passkey opens nothing here.",
    **_NOT_HERE,
}
_NO_PAGE = {403: "With `cookie`: not a page of the hub's own origin, or no CSRF token."}
_ENDED = {401: "The refresh token has ended or was used before.", **_NO_PAGE}
_CSRF = OpenApiParameter(
    "X-CSRFToken",
    str,
    OpenApiParameter.HEADER,
    description="With `cookie`: that of /api/v1/auth/csrf.",
)


class CredentialsParser(BaseParser):
    """Reads a short JSON object. Raises ApiError, which repeats nothing."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,
    ) -> JsonObject:
        try:
            raw = stream.read(_LONGEST_BODY + 1)
        except OSError as error:
            raise ApiError(400, "incomplete_body", "The body broke off.") from error
        if len(raw) > _LONGEST_BODY:
            raise ApiError(413, "too_large", f"Send at most {_LONGEST_BODY} bytes.")
        try:
            body = parse_json(raw)
        except ApiError as error:
            raise ApiError(400, "invalid_json", error.message) from error
        if not isinstance(body, dict):
            raise ApiError(400, "invalid_json", "Send one JSON object.")
        return body


def _specs(
    response: Any, body: type[StrictSerializer], refusals: dict[int, str]
) -> dict[str, ActionSpec]:
    """Return what POST takes and answers, and what else its refusals say."""
    refusals = _REFUSALS | refusals
    spec = ActionSpec("", response, body=body, takes_key=False, refusals=refusals)
    return {"post": spec}


class _View(HubAPIView):
    """An endpoint for everybody: nobody is signed in yet."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (CredentialsParser,)
    http_method_names = ["post"]
    tag = "Signing in"

    def perform_authentication(self, request: Request) -> None:
        """Look at no session, and leave it to the trail, which names its person."""

    def perform_content_negotiation(
        self,
        request: Request,
        force: bool = False,  # noqa: FBT001, FBT002 - as in the library
    ) -> tuple[BaseRenderer, str]:
        """Answer JSON whatever `Accept` says, as OAuth does."""
        return super().perform_content_negotiation(request, force=True)

    def body(self, **context: object) -> JsonObject:
        """Return the checked body. Raises ApiError, which repeats no value."""
        # DRF reads no body that is empty, and takes it for an object.
        if self.request.content_type != CredentialsParser.media_type:
            raise UnsupportedMediaType(self.request.content_type)
        if self.request.stream is None:
            raise ApiError(400, "invalid_json", "Send one JSON object.")
        try:
            return super().body(**context)
        except ValidationError as error:
            details: Any = error.detail
            raise _invalid(details) from error


def _invalid(details: Mapping[str, list[ErrorDetail]]) -> ApiError:
    """Return the refusal of the first wrong field."""
    name, [detail, *_] = next(iter(details.items()))
    if detail.code == "unknown_field":
        return ApiError(422, "unknown_field", f"A field is unknown. {detail}")
    return ApiError(422, "invalid", f"{name}: {detail}", pointer=f"/{name}")


@method_decorator(sensitive_variables(), name="post")
class TokenView(_View):
    """POST signs in with a password."""

    tries_passwords = True
    action_specs = _specs(TokensSerializer, SignInSerializer, _NO_PASSWORD)

    def post(self, request: Request) -> Response:
        """Sign in for tokens.

        `otp` is the code of the authenticator. With `cookie` the refresh token comes as
        a cookie that no script can read, and not in the body: for pages of the hub's
        own origin.
        """
        sent, plain = self.body(), request._request
        in_cookie = sent.get("cookie", False)
        if in_cookie:
            # Else another site could sign its reader in as somebody else.
            refresh_cookie.require_trusted_page(plain)
        operation, device = operation_of(plain), device_of(plain)
        try:
            user = accounts.check_password(
                sent["username"],
                sent["password"],
                operation=operation,
                needs_staff=False,
                device=device,
                welcome=welcome_of(plain),
            )
            if accounts.lacks_second_factor(user):
                accounts.record_first_factor(
                    user, "second_factor_enrolment_required", operation=operation
                )
                raise ApiError(
                    403,
                    "second_factor_enrolment_required",
                    "Your role needs a second factor. Sign in to the admin and set it "
                    "up.",
                )
            accounts.complete_sign_in(
                user,
                sent.get("otp", ""),
                operation=operation,
                method="token",
                device=device,
            )
        except accounts.SignInRefused as refused:
            raise _refusal(refused, _SENTENCES[refused.code]) from refused
        return _signed_in(plain, user, in_cookie=in_cookie)


class TokenPasskeyQuestionView(_View):
    """POST asks what a browser needs to sign in with a passkey."""

    tries_passwords = True
    action_specs = _specs(SignInOptionsSerializer, SignInQuestionSerializer, _NOT_HERE)

    def post(self, request: Request) -> Response:
        """Begin to sign in for tokens with a passkey.

        `options` are for `PublicKeyCredential.parseRequestOptionsFromJSON`. Each
        question takes one answer, within two minutes.
        """
        self.body()
        plain = request._request
        try:
            question = accounts.ask_for_sign_in(
                binding=_page_of(plain),
                operation=operation_of(plain),
                device=device_of(plain),
            )
        except RuleBroken as error:
            wait = (error.params or {}).get("retry_after")
            status, text = 429 if wait else 403, " ".join(error.messages)
            raise ApiError(status, error.code or "invalid", text, wait=wait) from error
        return Response(question)


@method_decorator(sensitive_variables(), name="post")
class TokenPasskeyView(_View):
    """POST signs in with what a passkey has answered."""

    tries_passwords = True
    action_specs = _specs(TokensSerializer, PasskeySignInSerializer, _NO_PASSKEY)

    def post(self, request: Request) -> Response:
        """Sign in for tokens with a passkey.

        `credential` is what the browser made of `options`, as its `toJSON()` says. A
        passkey is both factors in one. `cookie` is that of the password.
        """
        answer, plain = self.body(), request._request
        in_cookie = answer.pop("cookie", False)
        page = _page_of(plain)
        if in_cookie:
            refresh_cookie.require_trusted_page(plain)
        try:
            user = accounts.sign_in_with_passkey(
                answer,
                binding=page,
                operation=operation_of(plain),
                needs_staff=False,
                method="token",
                device=device_of(plain),
            )
        except accounts.SignInRefused as refused:
            is_wrong = refused.code == "wrong"
            text = _WRONG_PASSKEY if is_wrong else _SENTENCES[refused.code]
            raise _refusal(refused, text) from refused
        return _signed_in(plain, user, in_cookie=in_cookie)


@method_decorator(sensitive_variables(), name="post")
class RefreshView(_View):
    """POST gives the next pair of tokens."""

    action_specs = _specs(TokensSerializer, RefreshSerializer, _ENDED)

    @extend_schema(parameters=[_CSRF])
    def post(self, request: Request) -> Response:
        """Take the next pair of tokens.

        Each refresh token works once. Send it, or `cookie` alone.
        """
        sent, plain = self.body(), request._request
        token = _token_of(plain, sent, "refresh")
        try:
            tokens = accounts.refresh_tokens(token, operation=operation_of(plain))
        except accounts.TokenError as error:
            msg = "The refresh token has ended or was used before. Sign in again."
            raise ApiError(401, "invalid_token", msg) from error
        return _answer(tokens, in_cookie="refresh" not in sent)


@method_decorator(sensitive_variables(), name="post")
class RevokeView(_View):
    """POST signs out."""

    action_specs = _specs(
        OpenApiResponse({"type": "object", "maxProperties": 0}, "Done."),
        RevokeSerializer,
        _NO_PAGE,
    )

    @extend_schema(parameters=[_CSRF])
    def post(self, request: Request) -> Response:
        """Sign out.

        The answer is the same whatever the token was (RFC 7009). Send it, or `cookie`
        alone, which takes the cookie away.
        """
        sent, plain = self.body(), request._request
        token = _token_of(plain, sent, "token")
        accounts.revoke_token(token, operation=operation_of(plain))
        response = Response({})
        if "token" not in sent:
            refresh_cookie.delete_cookie(response)
        return response


class CsrfView(_View):
    """GET answers the CSRF token of this browser, whose cookie no script can read."""

    http_method_names = ["get", "head"]
    action_specs: ClassVar = {
        "get": ActionSpec("", CsrfTokenSerializer, refusals={429: _REFUSALS[429]})
    }

    def get(self, request: Request) -> Response:
        """Get the CSRF token of this browser.

        For pages of the hub's own origin, whose scripts cannot read the cookie. Get it
        before each use: a new sign-in changes it.
        """
        return Response({"csrf_token": get_token(request._request)})


def _page_of(request: HttpRequest) -> str:
    """Return what a question to a passkey is bound to where there is no session.

    Its page, which the browser names and no script can change; and never a session, so
    that an answer for tokens opens none. Raises ApiError for a page that may not ask.
    """
    origin = request.headers.get("Origin", "")
    if origin not in settings.PASSKEY_ORIGINS:
        raise ApiError(403, "origin_not_allowed", _ELSEWHERE)
    return hmac_hex("token sign-in", origin)


def _signed_in(request: HttpRequest, user: User, *, in_cookie: bool) -> Response:
    response = _answer(accounts.issue_tokens(user), in_cookie=in_cookie)
    if in_cookie or (device_of(request) and refresh_cookie.is_trusted_page(request)):
        # Not for a program, nor for a page of another origin: none is given there.
        remember(request, response, user)
    return response


def _token_of(request: HttpRequest, sent: JsonObject, name: str) -> str:
    """Return the token of the body, or the one of the cookie for a page of ours."""
    if name in sent:
        token: str = sent[name]
        return token
    refresh_cookie.require_trusted_page(request)
    refresh_cookie.require_csrf_token(request)
    return refresh_cookie.token_in(request)


def _answer(tokens: accounts.Tokens, *, in_cookie: bool) -> Response:
    body = {
        "access": tokens.access,
        "expires_in": tokens.expires_in,
        "token_type": "Bearer",
    }
    if not in_cookie:
        return Response({**body, "refresh": tokens.refresh})
    response = Response(body)
    refresh_cookie.set_cookie(response, tokens)
    return response


def _refusal(refused: accounts.SignInRefused, text: str) -> ApiError:
    code = refused.code
    status, name = _STATUS.get(code, 401), _CODES.get(code, code)
    return ApiError(status, name, text, wait=refused.retry_after or None)
