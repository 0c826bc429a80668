"""Who calls an endpoint: the holder of an access token, in a header or a cookie."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from audit import services

# The browser takes it only over https, for this host alone and for every path.
COOKIE = "__Host-holdfast-access"
_KEYS = ("pk_", "sk_")


class TokenAuthentication(SessionAuthentication):
    """Sets `request.user`, and `request.auth` to the token family.

    A cookie is sent by the browser itself, so with one the CSRF token has to come too.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        header = _bearer(request)
        token = header or request.COOKIES.get(COOKIE)
        if not token or token.startswith(_KEYS):
            return None
        try:
            family = services.open_token(token)
        except services.TokenError as error:
            if header is None:
                # An old cookie must not hide the session of the same browser.
                return None
            msg = "The token has ended. Refresh it, or sign in again."
            raise AuthenticationFailed(msg, code="invalid_token") from error
        if header is None:
            self.enforce_csrf(request)
        return family.user, family

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _bearer(request: Request) -> str | None:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() or None if scheme.lower() == "bearer" else None
