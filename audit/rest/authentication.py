"""Who calls an endpoint: the holder of an access token, which comes in a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from audit import accounts
from audit.rest.rate_limits import Budget
from audit.rest.throttling import (
    consume_address_budget,
    consume_user_budget,
    note_budget,
)
from audit.tenancy.actors import operation_of

if TYPE_CHECKING:
    from audit.models import TokenFamily, User

_KEYS = ("pk_", "sk_")


class TokenAuthentication(BaseAuthentication):
    """Sets `request.user`, and `request.auth` to the token family.

    Whoever sends the header means to, so no CSRF token comes with it. The request is
    taken from the budget of the token's person, or of the address that sent a wrong
    one; raises Throttled (429) when that is used up.
    """

    def authenticate(self, request: Request) -> tuple[User, TokenFamily] | None:
        token = self.token_in(request)
        if token is None:
            return None
        try:
            family = accounts.open_token(token)
        except accounts.TokenError as error:
            _allow(request, consume_address_budget(operation_of(request._request).ip))
            msg = "The token has ended. Refresh it, or sign in again."
            raise AuthenticationFailed(msg, code="invalid_token") from error
        _allow(request, consume_user_budget(family.user_id))
        return family.user, family

    @staticmethod
    def token_in(request: HttpRequest) -> str | None:
        """Return the token that a request brings; keys are for the capture routes."""
        token = _bearer(request)
        return None if not token or token.startswith(_KEYS) else token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _allow(request: Request, budget: Budget) -> None:
    note_budget(request._request, budget)
    if not budget.is_allowed:
        raise Throttled(wait=budget.retry_after)


def _bearer(request: HttpRequest) -> str | None:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() or None if scheme.lower() == "bearer" else None
