"""What the doors of `config.api.tokens` take and answer, for the schema."""

from __future__ import annotations

from typing import Any

from audit.api.openapi import TEXT, WHOLE, Operation, record, ref

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
_ENROL = {403: "The role needs a second factor, which is set up in the admin."}
_ENDED = {401: "The refresh token has ended or was used before."}


def build_paths() -> dict[str, Any]:
    """Return the operations by path."""
    token = Operation(
        "post_auth_token",
        _TAG,
        "Sign in for tokens",
        ref("Tokens"),
        {**_REFUSALS, **_WRONG, **_ENROL},
        ref("SignIn"),
        "`otp` is the code of the authenticator. With `cookie` the access token comes "
        "as a cookie that no script can read, and `csrf_token` in the body.",
    )
    refresh = Operation(
        "post_auth_refresh",
        _TAG,
        "Take the next pair of tokens",
        ref("Tokens"),
        {**_REFUSALS, **_ENDED},
        ref("Refresh"),
        "Each refresh token works once.",
    )
    revoke = Operation(
        "post_auth_revoke",
        _TAG,
        "Sign out",
        {"type": "object", "maxProperties": 0},
        _REFUSALS,
        ref("Revoke"),
        "The answer is the same whatever the token was (RFC 7009).",
    )
    return {
        "/api/v1/auth/token": {"post": token.build()},
        "/api/v1/auth/refresh": {"post": refresh.build()},
        "/api/v1/auth/revoke": {"post": revoke.build()},
    }


def build_components() -> dict[str, Any]:
    """Return the schemas that the operations name."""
    tokens = record(
        {
            "access": TEXT,
            "refresh": TEXT,
            "expires_in": WHOLE,
            "token_type": {"type": "string", "const": "Bearer"},
            "csrf_token": TEXT,
        },
        optional=("access", "csrf_token"),
    )
    return {
        "schemas": {
            "Tokens": tokens,
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
            "Refresh": _body({"refresh": _INPUT, "cookie": _MAYBE_FLAG}, "cookie"),
            "Revoke": _body(
                {"token": _INPUT, "token_type_hint": _MAYBE_INPUT}, "token_type_hint"
            ),
        }
    }


def _body(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {**record(properties, optional=optional), "additionalProperties": False}
