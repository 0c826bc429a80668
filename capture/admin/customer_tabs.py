"""What captures add to the page of a customer: a tab, a figure and a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet
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
    return {"page": page, "show": kind, "kinds": CaptureType.choices}


def _values_card(view: CustomerView) -> Context:
    values = customers.list_visible(CapturedValue, actor=view.actor)
    visible = values.filter(customer=view.customer).select_related("capture__source")
    return {"values": [view.displayed(value) for value in visible[:30]]}


def _open_reviews(customer: Customer, actor: Actor) -> QuerySet[IdentityReview]:
    """Return the open reviews in which the customer is a candidate."""
    return services.list_identity_reviews(
        actor=actor, state=ReviewState.OPEN, customer=customer.pk
    )


def _reviews(view: CustomerView) -> Context:
    reviews = services.list_identity_reviews(
        actor=view.actor, state=ReviewState.OPEN, customer=view.customer.pk
    )
    return {"reviews": list(reviews[:_MOST_REVIEWS])}


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
        "identity_reviews",
        "capture.view_identityreview",
        f"{_FOLDER}/notice_reviews.html",
        _open_reviews,
        _reviews,
    )
)
