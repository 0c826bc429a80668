"""How many requests a person or an address may send, and how many are left."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from audit.crypto import network_hash
from audit.rest.rate_limits import Budget, Rate, take_units


def consume_user_budget(user_id: UUID) -> Budget:
    """Take one request from a person's budget; `is_allowed` says whether it was there.

    One UPDATE, outside of the caller's transaction: inside of one, all requests of the
    person would wait for each other.
    """
    return consume_budget(f"user:{user_id}", "user")


def consume_address_budget(address: str | None, rate: str = "visitor") -> Budget:
    """Take one request from the budget of an address: `visitor` or `login`."""
    return consume_budget(f"{rate}:{network_hash(address)}", rate)


def note_budget(request: HttpRequest, budget: Budget) -> None:
    """Let the answer tell what is left: of several budgets, of the scarcest."""
    scarcest = getattr(request, "budget", None)
    if scarcest is None or budget.remaining < scarcest.remaining:
        request.budget = budget  # type: ignore[attr-defined]  # read by the middleware


def consume_budget(name: str, rate: str) -> Budget:
    """Take one request from a budget of the staff's rates."""
    return take_units(name, Rate(*settings.STAFF_RATES[rate]))


def add_rate_limit_headers(response: HttpResponse, budget: Budget) -> None:
    """Say how many requests are left (draft-ietf-httpapi-ratelimit-headers).

    `q` at once, of which `r` are left; after `w` seconds without any, or `t` from now,
    all are there again.
    """
    rate = budget.rate
    window = max(rate.burst // rate.per_second, 1)
    response["RateLimit-Policy"] = f'"default";q={rate.burst};w={window}'
    response["RateLimit"] = f'"default";r={budget.remaining};t={budget.full_after}'
