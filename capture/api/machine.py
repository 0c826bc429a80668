"""Endpoints that both staff and servers with a secret key read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.json_text import JsonObject
from audit.rest import rate_limits
from audit.rest.exceptions import ApiError
from audit.rest.views import HasHubPermission, StaffView
from audit.tenancy.actors import Actor, operation_of
from capture import services
from capture.api.authentication import KeyUseError, key_in_headers, require_key
from capture.choices import SCOPE_READ_CUSTOMERS, KeyKind
from capture.models import ApiKey
from customers import services as customers
from customers.api.views import WorkingBusinessView

if TYPE_CHECKING:
    from customers.models import Business

_STARTS = ("sk_", "pk_")


class KeyAuthentication(BaseAuthentication):
    """Sets `request.auth` to the secret key; nobody is signed in then.

    The request is taken from the budgets of the key, or of the address that sent a
    wrong one: Throttled (429) when one is used up. Raises ApiError 401 for an unknown
    key, 403 for one that may not do this, or not from there.
    """

    scope = SCOPE_READ_CUSTOMERS

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        if not self.token_in(request):
            return None
        plain = request._request
        address = operation_of(plain).ip
        try:
            key = require_key(plain, key_in_headers(plain), self.scope)
            require_secret(key)
        except ApiError as refusal:
            refused = refusal.key if isinstance(refusal, KeyUseError) else None
            _charge(refused, address)
            services.count_refusal(
                refusal.code, key=refused, operation=operation_of(plain)
            )
            raise
        _charge(key, address)
        # For the log line of the request.
        plain.key_id = key.pk  # type: ignore[attr-defined]  # set at run time, not on the type
        return AnonymousUser(), key

    @staticmethod
    def token_in(request: HttpRequest) -> str | None:
        """Return the key of a request, which its rate limits are charged to."""
        _, _, text = request.headers.get("Authorization", "").partition(" ")
        if text.strip().startswith(_STARTS):
            return str(text.strip())
        return request.headers.get("X-Capture-Key") or None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def require_secret(key: ApiKey) -> None:
    """Raise ApiError 403 for a publishable key, which reads nothing."""
    if key.kind != KeyKind.SECRET:
        raise ApiError(403, "secret_key_needed", "Read with a secret key.")


def _charge(key: ApiKey | None, address: str | None) -> None:
    for name, rate in services.rates_of(key, address):
        budget = rate_limits.take_units(name, rate)
        if not budget.is_allowed:
            raise Throttled(wait=budget.retry_after)


def is_key(auth: object) -> bool:
    """Tell whether a key authenticated the request."""
    return hasattr(auth, "key_hash")


class HasPermissionOrKey(HasHubPermission):
    """Staff with the permission; or a key, whose scope is checked already."""

    def has_permission(self, request: Request, view: object) -> bool:
        if is_key(request.auth) and request.method in ("GET", "HEAD"):
            return True
        _require_same_origin(request)
        return super().has_permission(request, view)


def _require_same_origin(request: Request) -> None:
    """Refuse a session from a page of another origin."""
    origin = request.headers.get("Origin")
    site = f"{request.scheme}://{request.get_host()}"
    if origin is not None and origin != site and request.auth is None:
        sentence = "A page of another site cannot read with a session."
        raise ApiError(403, "foreign_page", sentence)


class KeyReaderMixin(StaffView):
    """Lets secret keys read, too: all of their business, unmasked."""

    permission_classes = (HasPermissionOrKey,)

    @cached_property
    def actor(self) -> Actor:
        """Who asks: a person, or the key of a business."""
        if not self.by_key:
            return Actor.from_request(self.request)
        return Actor.from_key(self.request.auth, operation_of(self.request))

    @property
    def by_key(self) -> bool:
        """Tell whether a key asks."""
        return is_key(self.request.auth)

    def can_see_unmasked(self, instance: object) -> bool:
        return self.by_key or super().can_see_unmasked(instance)


class MachineView(KeyReaderMixin, WorkingBusinessView):
    """An endpoint for staff that secret keys may read too."""

    authentication_classes = (KeyAuthentication, *APIView.authentication_classes)

    def mask_values(
        self, values: JsonObject, business: Business, *, is_unmasked: bool
    ) -> JsonObject:
        """Return values of a customer, masked for this caller."""
        return customers.masked_values(
            values, actor=self.actor, business_id=business.pk, is_unmasked=is_unmasked
        )
