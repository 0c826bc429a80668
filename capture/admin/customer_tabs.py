"""What captures add to the page of a customer: a tab, a figure and a card."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin.base import Context
from audit.tenancy.actors import Actor
from capture import services
from capture.choices import CaptureType, ReviewState
from capture.models import Capture, CapturedValue, IdentityReview
from customers import services as customers
from customers.admin.page_parts import (
    Card,
    CustomerView,
    Figure,
    Notice,
    Tab,
    register_card,
    register_figure,
    register_notice,
    register_tab,
)

if TYPE_CHECKING:
    from customers.models import Customer

_FOLDER = "admin/capture/customer"
_VIEW = "capture.view_capture"
_MOST_REVIEWS = 5
_REVIEWS = "identity_reviews"


def _captures(customer: Customer, actor: Actor) -> QuerySet[Capture]:
    captures = services.list_captures(actor=actor)
    visible = captures.filter(
        business=customer.business_id,
        link__business=customer.business_id,
        link__customer=customer.pk,
    )
    return visible.order_by("-occurred_at", "-pk")


def _capture_tab(view: CustomerView) -> Context:
    captures = _captures(view.customer, view.actor)
    kind = view.request.GET.get("show", "")
    if kind in CaptureType.values:
        captures = captures.filter(type=kind)
    columns = ("type", "trust", "occurred_at", "received_at", "corrects_id", "warnings")
    page = view.paginate(
        captures.only(*columns, "source__name", "link__rule"), "captures"
    )
    return {
        "page": page,
        "show": kind,
        "kinds": CaptureType.choices,
        "reviews": _all_reviews(view),
    }


def _values_card(view: CustomerView) -> Context:
    values = customers.list_visible(CapturedValue, actor=view.actor)
    visible = values.filter(customer=view.customer).select_related("capture__source")
    return {"values": [view.displayed(value) for value in visible[:30]]}


def _about(customer: Customer, actor: Actor) -> QuerySet[IdentityReview]:
    """Return the reviews in which the customer is a candidate, or the answer."""
    return services.list_identity_reviews(actor=actor, customer=customer.pk)


def _reviews(view: CustomerView) -> Context:
    """Return the newest open ones, and where all are listed; nothing without any."""
    reviews = list(
        services.list_identity_reviews(
            actor=view.actor, state=ReviewState.OPEN, customer=view.customer.pk
        )[:_MOST_REVIEWS]
    )
    return {"reviews": reviews, "all": _all_reviews(view)} if reviews else {}


def _all_reviews(view: CustomerView) -> Context | None:
    """Return the list of the reviews about a customer: its address, and how many."""
    # Counted with the notices, and only for who may see them.
    count = view.counts.get(_REVIEWS)
    if not count:
        return None
    query = urlencode({"customer": view.customer.unique_id, "state": "all"})
    address = reverse("admin:capture_identityreview_changelist")
    return {"url": f"{address}?{query}", "count": count}


def _count(view: CustomerView) -> str:
    return str(view.counts.get("captures", 0))


def _completeness(view: CustomerView) -> str:
    if view.customer.stats.data_capture_complete:
        return gettext("signup, payment, questionnaire")
    return gettext("not all of signup, payment, questionnaire")


register_tab(
    Tab(
        "captures",
        _("Captures"),
        (_VIEW,),
        f"{_FOLDER}/captures.html",
        _capture_tab,
        _captures,
        order=5,
    )
)
register_figure(Figure(_("Captures"), _VIEW, _count, _completeness, "tab=captures"))
register_card(
    Card(
        "values",
        _("Source of these values"),
        "capture.view_capturedvalue",
        f"{_FOLDER}/card_values.html",
        _values_card,
        "profile",
    )
)
register_notice(
    Notice(
        _REVIEWS,
        "capture.view_identityreview",
        f"{_FOLDER}/notice_reviews.html",
        _about,
        _reviews,
    )
)
