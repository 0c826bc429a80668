"""The page of one customer: who it is, figures, what happened, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit.admin import reveals
from audit.admin.base import Context, render_page
from audit.admin.display import Badge, ago
from audit.admin.people import PersonPages
from audit.admin.pulse import register_pulse
from audit.ids import parse_uuid
from audit.privacy.masking import REVEAL
from audit.rest.pagination import CursorError, make_cursor, open_cursor
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.acts.registry import acts_for
from customers.admin.badges import badges_of
from customers.admin.contact_words import origin_words
from customers.admin.page_parts import (
    FLAG,
    CustomerView,
    cards_for,
    count_by_tab,
    figures_for,
    notices_for,
    tabs_for,
)
from customers.admin.timezones import use_zone_of
from customers.models import Customer, CustomerQuerySet

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

PER_PAGE = 50
# The chips above the timeline: a part of the address, words, kinds of entries.
CHIPS: tuple[tuple[str, _StrOrPromise, tuple[str, ...]], ...] = (
    ("", _("All"), ()),
    ("captures", _("Captures"), ("capture",)),
    ("money", _("Money"), ("payment", "refund", "credit", "invoice")),
    ("bookings", _("Bookings"), ("booking",)),
    ("tickets", _("Tickets"), ("ticket", "message")),
    ("notes", _("Notes"), ("note",)),
    ("consent", _("Consent"), ("consent",)),
    ("changes", _("Changes"), ("change", "flag")),
    ("access", _("Access"), ("access",)),
)
# Icon and colour of each kind.
_ICONS = {
    "access": ("eye", "eye"),
    "booking": ("bag", "money"),
    "capture": ("pulse", ""),
    "change": ("pen", ""),
    "consent": ("check", ""),
    "credit": ("cash", "money"),
    "flag": ("flag", ""),
    "invoice": ("mail", "money"),
    "message": ("chat", "ticket"),
    "note": ("note", ""),
    "payment": ("cash", "money"),
    "refund": ("refund", "money"),
    "ticket": ("chat", "ticket"),
}
# The page of an entry; others have none of their own.
_EVENTS = ("access", "invoice")
_PAGES = {
    **dict.fromkeys(_EVENTS, "audit_event_change"),
    "booking": "customers_booking_change",
    "capture": "capture_capture_change",
    "consent": "customers_consentevent_change",
    "credit": "customers_credit_change",
    "note": "customers_note_change",
    "payment": "customers_bookingpayment_change",
    "refund": "customers_refund_change",
    "ticket": "customers_ticket_change",
}
VIEW_EVENTS = "audit.view_event"
_MORE = ("reference", "subject", "source", "method", "reason")


class CustomerPage(PersonPages):
    """Adds the page to the admin of customers."""

    def person_url(self, pk: object) -> str:
        """Return the address of a customer's page, which names of customers link to."""
        return self.page_url("page", pk)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.page_view)
        # Before Django's own, which leads `<id>/` on to the form.
        return [
            path("<uuid:pk>/", view, name=self.page_name("page")),
            *super().get_urls(),
        ]

    def page_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show one customer; `?tab=` says what stands below the figures."""
        customer = self._find_customer(request, pk)
        use_zone_of(request, customer.business_id)
        self.note_access(request, "viewed", [customer], target=customer)
        is_unmasked = self.can_see_unmasked(request, customer)
        view = CustomerView(request, customer, is_unmasked)
        view.counts.update(count_by_tab(view))
        tabs = tabs_for(view)
        key = request.GET.get("tab", "overview")
        tab = next((tab for tab in tabs if tab.key == key), None)
        if tab is None:
            raise Http404
        displayed = view.displayed(customer)
        return render_page(
            request,
            "admin/customers/customer/page.html",
            # Of the window, and so of the browser's history: no name.
            customer.unique_id,
            opts=self.opts,
            original=customer,
            customer=displayed,
            name=displayed.name or customer.unique_id,
            badges=self._badges(view),
            seen=ago(customer.stats.last_active_at),
            is_unmasked=is_unmasked,
            may_reveal=view.has_perm(REVEAL) and not is_unmasked,
            minutes_left=reveals.minutes_left(request, pk),
            acts=acts_for(customer, request),
            figures=figures_for(view),
            notices=notices_for(view),
            tabs=[(one, view.counts.get(one.key)) for one in tabs],
            tab=tab,
            view=view,
            **({} if tab.key == "consent" else _marketing_no(view)),
            **tab.context(view),
        )

    def _find_customer(self, request: HttpRequest, pk: UUID) -> Customer:
        if not self.has_view_permission(request):
            raise PermissionDenied
        customer = self._load(request, pk)
        if customer is None:
            # Of another business of the person, which is looked at from here on; or
            # missing, which is recorded.
            self.get_or_404(request, pk)
            customer = self._load(request, pk)
        if customer is None:
            raise Http404
        return customer

    def _load(self, request: HttpRequest, pk: UUID) -> Customer | None:
        queryset = self.get_queryset(request)
        related = queryset.select_related("business", "stats", "preferences")
        customers = cast("CustomerQuerySet", related.filter(pk=pk))
        return services.with_state(customers).first()

    def _badges(self, view: CustomerView) -> list[Badge]:
        codes = sorted(
            key.removeprefix(FLAG) for key in view.counts if key.startswith(FLAG)
        )
        sees_tickets = view.has_perm("customers.view_ticket")
        return list(badges_of(view.customer, codes, sees_tickets=sees_tickets))


def _marketing_no(view: CustomerView) -> Context:
    """Return the answer that forbids marketing, and from where it is."""
    is_needless = view.customer.stats.is_opted_in or view.customer.is_archived
    if is_needless or not view.has_perm("customers.view_consentevent"):
        return {}
    newest = services.newest_no(view.customer)
    if newest is None:
        return {}
    event, origin = newest
    return {"marketing_no": event, "marketing_no_origin": origin_words(origin)}


def overview(view: CustomerView) -> Context:
    """Return the timeline and the cards beside it."""
    return {**timeline(view), "cards": cards_for(view, "overview")}


def timeline(view: CustomerView) -> Context:
    """Return one page of the timeline, by days of the business's zone."""
    query = view.request.GET
    chosen = query.get("kind", "")
    kinds = next((kinds for key, _, kinds in CHIPS if key == chosen), ())
    try:
        before = open_cursor(query["before"]) if query.get("before") else None
    except CursorError:
        before = None
    entries = services.get_timeline(
        view.customer,
        actor=view.actor,
        kinds=kinds,
        before=before,
        limit=PER_PAGE + 1,
    )
    page = entries[:PER_PAGE]
    allowed = set(services.timeline_kinds(view.customer, actor=view.actor))
    is_more = len(entries) > PER_PAGE
    return {
        "days": [
            (_day_name(day, view), [_entry(one, view) for one in of_day])
            for day, of_day in groupby(page, key=lambda e: _local(e.at, view).date())
        ],
        "chips": [
            (key, words, key == chosen)
            for key, words, kinds in CHIPS
            if not kinds or allowed.intersection(kinds)
        ],
        "kind": chosen,
        "older": make_cursor(page[-1].at, page[-1].id) if is_more else "",
        # Older pages do not change.
        "is_live": before is None,
    }


def page_version(key: str, actor: Actor) -> object | None:
    """Return what changes when the page of a customer does, as the actor sees it."""
    pk = parse_uuid(key)
    if pk is None:
        return None
    customers = services.list_visible(
        Customer, actor=actor, permission="customers.view_customer"
    )
    customer = customers.select_related("stats").filter(pk=pk).first()
    if customer is None:
        return None
    newest = services.newest_entry(customer, actor=actor)
    return customer.rev, customer.stats.updated_at, newest


register_pulse("customer", page_version)


def _local(moment: datetime, view: CustomerView) -> datetime:
    return timezone.localtime(moment, view.customer.business.zone)


def _day_name(day: date, view: CustomerView) -> str:
    today = _local(timezone.now(), view).date()
    if day == today:
        return gettext("Today")
    if day == today - timedelta(days=1):
        return gettext("Yesterday")
    return format_date(day, pgettext("format of a date", "j F Y"))


def _entry(entry: services.TimelineEntry, view: CustomerView) -> Context:
    icon, colour = _ICONS.get(entry.kind, ("clock", ""))
    if entry.data.get("action") in ("withdrawn", "refused"):
        icon, colour = "no", "no"
    amount = ""
    if entry.amount is not None and entry.currency:
        amount = services.format_money(entry.amount, entry.currency)
    quote = entry.data.get("content") or entry.data.get("body") or ""
    return {
        "id": f"{entry.kind}-{entry.id}",
        "at": _local(entry.at, view),
        "title": entry.title.rstrip("."),
        "amount": amount,
        "icon": icon,
        "colour": colour,
        "actor": entry.actor,
        "more": " · ".join(view.text(text) for text in _more(entry)),
        "quote": view.text(str(quote)),
        "url": _url_of(entry, view),
    }


def _more(entry: services.TimelineEntry) -> Iterable[str]:
    return [str(entry.data[name]) for name in _MORE if entry.data.get(name)]


def _url_of(entry: services.TimelineEntry, view: CustomerView) -> str:
    """Return the address of an entry's own page, where the person may open it."""
    if entry.kind == "message":
        ticket = entry.data.get("ticket_id")
        return reverse("admin:customers_ticket_change", args=[ticket])
    page = _PAGES.get(entry.kind)
    if page is None or (entry.kind in _EVENTS and not view.has_perm(VIEW_EVENTS)):
        return ""
    return reverse(f"admin:{page}", args=[entry.id])
