"""What an answer says of rates: how many requests are left."""

from __future__ import annotations

from django.http import HttpResponse

from audit.rest.rate_limits import Budget


def add_rate_limit_headers(response: HttpResponse, budget: Budget) -> None:
    """Say how many requests are left (draft-ietf-httpapi-ratelimit-headers).

    `q` at once, of which `r` are left; after `w` seconds without any, or `t` from now,
    all are there again.
    """
    rate = budget.rate
    window = max(rate.burst // rate.per_second, 1)
    response["RateLimit-Policy"] = f'"default";q={rate.burst};w={window}'
    response["RateLimit"] = f'"default";r={budget.remaining};t={budget.full_after}'
