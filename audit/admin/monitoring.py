"""The page for whoever watches over access: what happens."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from audit import log
from audit.admin.base import actor_of, render_page

MONITOR = "audit.view_event"


def monitoring_view(request: HttpRequest) -> HttpResponse:
    """Show the newest access, exports, reveals, refusals and sign-ins."""
    if not request.user.has_perm(MONITOR):
        raise PermissionDenied
    actor = actor_of(request)
    readers = log.readers_of_the_hour(actor=actor)
    kinds = log.newest_by_kind(actor=actor)
    for business_id in actor.businesses_for(MONITOR) or [None]:
        log.note_subjects("log.viewed", [], actor=actor, business_id=business_id)
    return render_page(
        request,
        "admin/security.html",
        _("Security monitoring"),
        readers=readers,
        kinds=kinds,
    )
