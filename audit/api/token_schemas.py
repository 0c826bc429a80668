"""What the doors of `audit.api.tokens` take and answer, for the schema."""

from __future__ import annotations

from typing import Any

from audit.rest.openapi import (
    ANYTHING,
    TEXT,
    UUID,
    WHOLE,
    Operation,
    parameter,
    record,
    ref,
)

_TAG = "Signing in"
# At most so many characters, none of them NUL.
_INPUT = {"type": "string", "maxLength": 4096, "pattern": r"^[^\u0000]*$"}
_MAYBE_INPUT = {**_INPUT, "type": ["string", "null"]}
_MAYBE_FLAG = {"type": ["boolean", "null"]}
_REFUSALS = {
    400: "Not one JSON object.",
    413: "Too large.",
    415: "Only JSON is taken.",
    422: "A field is missing, unknown or no text.",
    429: "Too many requests, or too many tries; wait as long as Retry-After says.",
}
_WRONG = {401: "Name, password or code is wrong; code says what to do."}
_ENROL = {
    403: "The role needs a second factor, which is set up in the admin. With `cookie`: "
    "not a page of the hub's own origin."
}
_NOT_HERE = {
    403: "Not a page of an origin in HOLDFAST_PASSKEY_ORIGINS. With `cookie`: not of "
    "the hub's own origin."
}
_LATE = {
    400: "Not one JSON object; or the question is over, was answered, or is another "
    "page's."
}
_ENDED = {401: "The refresh token has ended or was used before."}
_PAGE = "With `cookie`: not a page of the hub's own origin, or no CSRF token."
_CSRF = parameter(
    "X-CSRFToken", "header", TEXT, "With `cookie`: that of /api/v1/auth/csrf."
)


def build_paths() -> dict[str, Any]:
    """Return the operations by path."""
    token = Operation(
        "post_auth_token",
        _TAG,
        "Sign in for tokens",
        ref("Tokens"),
        {**_REFUSALS, **_WRONG, **_ENROL},
        ref("SignIn"),
        "`otp` is the code of the authenticator. With `cookie` the refresh token comes "
        "as a cookie that no script can read, and not in the body: for pages of the "
        "hub's own origin.",
    )
    ask = Operation(
        "post_auth_token_passkey_begin",
        _TAG,
        "Begin to sign in for tokens with a passkey",
        ref("SignInAsked"),
        {**_REFUSALS, **_NOT_HERE},
        ref("SignInQuestion"),
        "`options` are for `PublicKeyCredential.parseRequestOptionsFromJSON`. Each "
        "question takes one answer, within two minutes.",
    )
    passkey = Operation(
        "post_auth_token_passkey",
        _TAG,
        "Sign in for tokens with a passkey",
        ref("Tokens"),
        {
            **_REFUSALS,
            **_LATE,
            401: "This passkey opens nothing here.",
            **_NOT_HERE,
        },
        ref("PasskeySignIn"),
        "`credential` is what the browser made of `options`, as its `toJSON()` says. "
        "A passkey is both factors in one. `cookie` is that of the password.",
    )
    refresh = Operation(
        "post_auth_refresh",
        _TAG,
        "Take the next pair of tokens",
        ref("Tokens"),
        {**_REFUSALS, **_ENDED, 403: _PAGE},
        ref("Refresh"),
        "Each refresh token works once. Send it, or `cookie` alone.",
        parameters=(_CSRF,),
    )
    revoke = Operation(
        "post_auth_revoke",
        _TAG,
        "Sign out",
        {"type": "object", "maxProperties": 0},
        {**_REFUSALS, 403: _PAGE},
        ref("Revoke"),
        "The answer is the same whatever the token was (RFC 7009). Send it, or "
        "`cookie` alone, which takes the cookie away.",
        parameters=(_CSRF,),
    )
    csrf = Operation(
        "get_auth_csrf",
        _TAG,
        "Get the CSRF token of this browser",
        ref("CsrfToken"),
        {429: _REFUSALS[429]},
        description="For pages of the hub's own origin, whose scripts cannot read the "
        "cookie. Get it before each use: a new sign-in changes it.",
    )
    return {
        "/api/v1/auth/token": {"post": token.build()},
        "/api/v1/auth/token/passkey/begin": {"post": ask.build()},
        "/api/v1/auth/token/passkey": {"post": passkey.build()},
        "/api/v1/auth/refresh": {"post": refresh.build()},
        "/api/v1/auth/revoke": {"post": revoke.build()},
        "/api/v1/auth/csrf": {"get": csrf.build()},
    }


def build_components() -> dict[str, Any]:
    """Return the schemas that the operations name."""
    tokens = record(
        {
            "access": TEXT,
            "refresh": TEXT,
            "expires_in": WHOLE,
            "token_type": {"type": "string", "const": "Bearer"},
        },
        optional=("refresh",),
    )
    return {
        "schemas": {
            "Tokens": tokens,
            "CsrfToken": record({"csrf_token": TEXT}),
            "SignIn": _body(
                {
                    "username": _INPUT,
                    "password": _INPUT,
                    "otp": _MAYBE_INPUT,
                    "cookie": _MAYBE_FLAG,
                },
                "otp",
                "cookie",
            ),
            "SignInQuestion": _body({}),
            "SignInAsked": record({"ceremony": UUID, "options": ANYTHING}),
            "PasskeySignIn": _body(
                {"ceremony": _INPUT, "credential": ANYTHING, "cookie": _MAYBE_FLAG},
                "cookie",
            ),
            "Refresh": _body_or_cookie("refresh"),
            "Revoke": _body_or_cookie("token", token_type_hint=_MAYBE_INPUT),
        }
    }


def _body_or_cookie(name: str, **more: Any) -> dict[str, Any]:
    """Return the body that brings a token, or says that the cookie does."""
    cookie, nothing = {"type": "boolean", "const": True}, {"type": "null"}
    no_cookie = {"oneOf": [{"type": "boolean", "const": False}, nothing]}
    ways = [
        _body({name: _INPUT, **more, "cookie": no_cookie}, *more, "cookie"),
        _body({"cookie": cookie, **more, name: nothing}, *more, name),
    ]
    return {"oneOf": ways}


def _body(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {**record(properties, optional=optional), "additionalProperties": False}
