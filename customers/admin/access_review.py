"""The access review: who may do what where."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.admin.base import actor_of, render_page
from audit.tenancy.actors import Actor
from customers import services

REVIEW = "customers.view_membership"
_REVIEWED_DAYS = 90


def review_view(request: HttpRequest) -> HttpResponse:
    """Show who may do what where, and when they last did; record a review."""
    if not request.user.has_perm(REVIEW):
        raise PermissionDenied
    actor = actor_of(request)
    businesses = services.list_businesses(actor=actor, permission=REVIEW)
    if request.method == "POST":
        log.record_review([business.pk for business in businesses], actor=actor)
        messages.success(request, _("The review is recorded."))
        return HttpResponseRedirect(reverse("admin:access_review"))
    return render_page(
        request,
        "admin/access_review.html",
        _("Access review"),
        members=_members(actor),
        days=_REVIEWED_DAYS,
        reviewed=log.last_review(business.pk for business in businesses),
    )


def _members(actor: Actor) -> list[dict[str, object]]:
    memberships = list(services.list_memberships(actor=actor))
    ids = {membership.user_id for membership in memberships}
    signed_in = log.last_sign_ins(ids, actor=actor)
    since = timezone.now() - timedelta(days=_REVIEWED_DAYS)
    acts = log.acts_since(since, ids, actor=actor)
    return [
        {
            "membership": membership,
            "signed_in": signed_in.get(membership.user_id),
            "acts": acts.get(membership.user_id, 0),
        }
        for membership in memberships
    ]
