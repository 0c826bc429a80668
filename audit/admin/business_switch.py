"""One business at a time: which one a person has chosen, kept in the session by its id.

It narrows what the admin lists, counts, finds, exports and offers, by narrowing the
actor of each request (`audit.admin.base.actor_of`). It is no lock: `tenant_scope` stays
at all businesses of the person, and a row of another one of them that a link names
opens all the same (`ScopedAdmin.get_object`).
"""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest

from audit.ids import parse_uuid
from audit.models import User
from audit.tenancy.actors import Actor

_KEY = "business"


def chosen_business(request: HttpRequest) -> UUID | None:
    """Return the business that the admin is narrowed to; None for all."""
    # Made without the middleware, a request has no session.
    session = getattr(request, "session", {})
    return parse_uuid(session.get(_KEY, ""))


def choose_business(request: HttpRequest, business_id: UUID | None) -> None:
    """Narrow the admin to a business from the next page on; None: to none."""
    request.session.pop(_KEY, None)
    if business_id is not None:
        request.session[_KEY] = str(business_id)


def narrow(request: HttpRequest, actor: Actor) -> Actor:
    """Return the actor in the chosen business, and let permissions be those of there.

    Who no longer works there is back in all of their businesses, without a word.
    """
    business_id = chosen_business(request)
    if business_id is None:
        return actor
    narrowed = actor.narrow_to(business_id)
    if narrowed is None:
        choose_business(request, None)
        return actor
    # The admin opens no page to anybody else.
    cast("User", request.user).acts_in = business_id
    return narrowed
