"""The time zone of a page: that of its business, named on it.

Lists that hold several businesses are in the zone that these share, else in the
person's. Who wants it reads the time of their zone beside, smaller. Middleware ends
both with the request (`config.middleware.ZoneMiddleware`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import wraps
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from audit import accounts
from audit.admin.base import user_of
from audit.tenancy.actors import Actor
from audit.timezones import set_second_zone
from customers import services
from customers.admin.business_switch import switch_of


def in_zone(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a view whose times are those of the business that is chosen."""

    @wraps(view)
    def answer(
        request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        if request.user.is_authenticated:
            _use(request, _zone_of_lists(request))
        return view(request, *args, **kwargs)

    return answer


def use_zone_of(request: HttpRequest, business_id: UUID | None) -> None:
    """Let the times of a page be those of the business that its row belongs to.

    One query, for a business that the header does not offer.
    """
    if business_id is None or not hasattr(request, "zone"):
        return
    switch = switch_of(request)
    offered = {business.pk: business for business in switch.businesses}
    business = offered.get(business_id)
    if business is None:
        others = services.list_businesses(actor=Actor.from_request(request))
        business = others.filter(pk=business_id).first()
    if business is not None:
        _use(request, business.timezone)


def _zone_of_lists(request: HttpRequest) -> str:
    switch = switch_of(request)
    if switch.chosen is not None:
        return switch.chosen.timezone
    names = {business.timezone for business in switch.businesses}
    if len(names) == 1 and not switch.has_more:
        return names.pop()
    return user_of(request).time_zone


def _use(request: HttpRequest, name: str) -> None:
    # A request that no middleware has seen would leave it to the next.
    if not hasattr(request, "zone"):
        return
    zone = _zone_of(name)
    request.zone = zone
    timezone.activate(zone)
    user = user_of(request)
    has_second = accounts.get_preferences(user).shows_second_zone
    second = _zone_of(user.time_zone) if has_second and user.time_zone != name else None
    request.second_zone = second  # type: ignore[attr-defined]  # set at run time, not on the type
    set_second_zone(second)


def _zone_of(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        # This machine knows it no more; the page must open on which it is mended.
        return UTC
