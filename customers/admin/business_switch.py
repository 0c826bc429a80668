"""The business switch of the header: a list of businesses, and choosing one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit.admin.base import refuse, render_page
from audit.admin.business_switch import choose_business, chosen_business
from audit.admin.once import repeatable
from audit.ids import parse_uuid
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Business

# So many stand in the header; a page of its own lists so many of those whose name or
# short name holds what was typed.
_FEW, _MOST = 20, 200


@dataclass(frozen=True)
class BusinessSwitch:
    """What the header draws: businesses to choose from, and which one is chosen."""

    businesses: list[Business]
    chosen: Business | None
    has_more: bool

    @property
    def is_offered(self) -> bool:
        """Tell whether there is anything to choose."""
        return len(self.businesses) > 1

    @property
    def name(self) -> str:
        """The name of the chosen business or of the only one; empty for several."""
        if self.chosen is None and len(self.businesses) == 1:
            return self.businesses[0].name
        return self.chosen.name if self.chosen else ""


def switch_of(request: HttpRequest) -> BusinessSwitch:
    """Return what the header offers a signed-in person; one query for a request."""
    if not hasattr(request, "_switch"):
        request._switch = _made_switch(request)  # type: ignore[attr-defined]  # set at run time, not on the type
    return request._switch  # type: ignore[attr-defined]  # set at run time, not on the type


def _made_switch(request: HttpRequest) -> BusinessSwitch:
    if not request.user.is_authenticated:
        return BusinessSwitch([], None, has_more=False)
    chosen = chosen_business(request)
    # The chosen one is among the first, however many there are.
    is_chosen = Case(When(pk=chosen, then=0), default=1)
    first = list(_businesses(request).order_by(is_chosen, "name", "pk")[: _FEW + 1])
    listed = sorted(first[:_FEW], key=lambda business: (business.name, business.pk))
    return BusinessSwitch(
        listed,
        next((business for business in listed if business.pk == chosen), None),
        has_more=len(first) > _FEW,
    )


@repeatable
@require_http_methods(["GET", "POST"])
def switch_view(request: HttpRequest) -> HttpResponse:
    """Choose a business, or all with an empty `business`; list them with GET."""
    if request.method == "GET":
        return _list_page(request)
    text = request.POST.get("business", "")
    if text:
        choose_business(request, _checked_business(request, text))
    else:
        choose_business(request, None)
    return HttpResponseRedirect(reverse(_page_to_return_to(request)))


def _list_page(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    businesses = _businesses(request)
    if text:
        named = businesses.filter(name__icontains=text)
        businesses = named | businesses.filter(slug__icontains=text)
    listed = list(businesses.order_by("name", "pk")[: _MOST + 1])
    return render_page(
        request,
        "hub/businesses.html",
        _("Choose a business"),
        businesses=listed[:_MOST],
        has_more=len(listed) > _MOST,
        most=_MOST,
        text=text,
    )


def _businesses(request: HttpRequest) -> QuerySet[Business]:
    """Return all businesses of the person, whichever one is chosen."""
    return services.list_businesses(actor=Actor.from_request(request))


def _checked_business(request: HttpRequest, text: str) -> UUID:
    """Return the id of a business of the person; Http404 for any other."""
    business_id = parse_uuid(text)
    is_theirs = business_id and _businesses(request).filter(pk=business_id).exists()
    if not business_id or not is_theirs:
        refuse(request, "not_found", Business._meta.label_lower, text)
        raise Http404
    return business_id


def _page_to_return_to(request: HttpRequest) -> str:
    """Return the name of the list that the person looked at; else of the index.

    Any other page is about a row, which the other business does not have.
    """
    path = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(path, {request.get_host()}):
        match = _match_of(path)
        if match is not None and (match.url_name or "").endswith("_changelist"):
            return match.view_name
    return "admin:index"


def _match_of(path: str) -> ResolverMatch | None:
    try:
        return resolve(path)
    except Resolver404:
        return None
