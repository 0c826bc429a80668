"""The columns of the list of customers: what each draws, and what it is sorted by.

Sorted is by what has an index, and never by what is masked.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit.admin.base import ScopedAdmin, actor_of
from audit.admin.display import Badge, ago, render_badges
from audit.templatetags.hub import initials
from customers import services
from customers.admin.badges import badges_of
from customers.admin.links import customer_url
from customers.models import Customer, Flag

# Columns that a person may choose, in the order in which they stand if nobody does.
COLUMNS = {
    "contact": _("Contact"),
    "state": _("State"),
    "customer_class": _("Type"),
    "tier": _("Tier"),
    "orders": _("Orders"),
    "spent": _("Value"),
    "open_tickets": _("Open tickets"),
    "seen": _("Seen"),
    "joined": _("Joined"),
    "business": _("Business"),
}
DEFAULT_COLUMNS = ("contact", "state", "orders", "spent", "open_tickets", "seen")
# Columns that are sorted by a figure.
FIGURES = {"tier", "orders", "spent", "seen"}
SEE_TICKETS = "customers.view_ticket"
_ACTS = lazy(format_html, SafeString)('<span class="sr">{}</span>', _("Acts"))
# So many badges stand in one row of the list.
_MOST_BADGES = 6


def offered_columns(request: HttpRequest) -> list[str]:
    """Return the columns that there are for this person."""
    # Who works for one business needs no column that names it.
    businesses = services.list_businesses(actor=actor_of(request))[:2]
    return [
        name
        for name in COLUMNS
        if (name != "business" or len(businesses) > 1)
        and (name != "open_tickets" or request.user.has_perm(SEE_TICKETS))
    ]


def with_flags(
    customers: QuerySet[Customer], request: HttpRequest
) -> QuerySet[Customer]:
    """Load the flags that stand now, as `standing_flags`; one query for all rows."""
    flags = services.list_visible(Flag, actor=actor_of(request))
    current = flags.filter(removed_at=None).order_by("code")
    return customers.prefetch_related(
        Prefetch("flags", current, to_attr="standing_flags")
    )


class CustomerColumns(ScopedAdmin):
    """What each column of the list draws; rows come masked."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        actor = actor_of(request)
        for customer in changelist.result_list:
            # A role may differ from business to business.
            customer.sees_tickets = actor.has_perm(SEE_TICKETS, customer.business_id)
        return changelist

    @admin.display(
        description=_("Customer"),
        # Where null comes is not the same on both engines unless it is named.
        ordering=F("order_name").asc(nulls_last=True),
    )
    def who(self, customer: Customer) -> SafeString:
        name = customer.name or customer.unique_id
        return format_html(
            '<span class="who"><span class="avatar" aria-hidden="true">{}</span>'
            '<span><b><bdi>{}</bdi></b><span class="ref">{}</span></span></span>',
            initials(customer.name)[:1] if customer.name else "–",
            name,
            customer.unique_id,
        )

    @admin.display(description=_("Contact"))
    def contact(self, customer: Customer) -> SafeString:
        texts = [text for text in (customer.email, customer.phone) if text]
        if not texts:
            return format_html('<span class="none">{}</span>', gettext("no contact"))
        lines = format_html_join("", "<span>{}</span>", ((text,) for text in texts))
        return format_html('<span class="masked lines">{}</span>', lines)

    @admin.display(description=_("State"))
    def state(self, customer: Customer) -> SafeString:
        flags: list[Flag] = customer.standing_flags  # type: ignore[attr-defined]  # by `with_flags`
        sees_tickets: bool = customer.sees_tickets  # type: ignore[attr-defined]  # set above
        codes = [flag.code for flag in flags]
        return render_badges(
            _fewer(badges_of(customer, codes, sees_tickets=sees_tickets))
        )

    @admin.display(description=_("Type"))
    def customer_class(self, customer: Customer) -> str:
        return customer.get_customer_type_display() or "–"

    @admin.display(description=_("Tier"), ordering="stats__repeat_frequency")
    def tier(self, customer: Customer) -> str:
        return customer.stats.get_repeat_frequency_display() or "–"

    @admin.display(description=_("Orders"), ordering="stats__total_orders")
    def orders(self, customer: Customer) -> int:
        return customer.stats.total_orders

    @admin.display(description=_("Value"), ordering="stats__total_spent")
    def spent(self, customer: Customer) -> str:
        return services.format_money(
            customer.stats.total_spent, customer.business.currency
        )

    @admin.display(description=_("Open"))
    def open_tickets(self, customer: Customer) -> str:
        stats = customer.stats
        if not customer.sees_tickets or not stats.open_tickets:  # type: ignore[attr-defined]  # set above
            return "–"
        is_urgent = bool(stats.urgent_tickets)
        return format_html(
            '<span class="badge {}">{}<span class="sr"> {}</span></span>',
            "bad" if is_urgent else "warn",
            stats.open_tickets,
            gettext("urgent") if is_urgent else "",
        )

    # Nobody seen yet is the longest ago, on both engines.
    @admin.display(
        description=_("Seen"), ordering=F("stats__last_active_at").asc(nulls_first=True)
    )
    def seen(self, customer: Customer) -> str:
        return ago(customer.stats.last_active_at)

    @admin.display(description=_("Joined"), ordering="joined_at")
    def joined(self, customer: Customer) -> str:
        return ago(customer.joined_at)

    @admin.display(description=_ACTS)
    def quick_links(self, customer: Customer) -> SafeString:
        change = reverse("admin:customers_customer_change", args=[customer.pk])
        bookings = reverse("admin:customers_booking_changelist")
        links = (
            (customer_url(customer.pk), pgettext("button", "View")),
            (change, gettext("Edit")),
            (f"{bookings}?customer__id__exact={customer.pk}", gettext("Orders")),
        )
        name = customer.name or customer.unique_id
        return format_html_join(
            "",
            '<a class="btn quiet" href="{}">{}<span class="sr"> {}</span></a>',
            ((url, word, name) for url, word in links),
        )


def _fewer(badges: Iterator[Badge]) -> list[Badge]:
    """Return as many badges as fit, and how many there are besides."""
    listed = list(badges)
    rest = len(listed) - _MOST_BADGES
    if rest <= 1:
        return listed
    more = gettext("%(number)s more") % {"number": rest}
    return [*listed[:_MOST_BADGES], Badge(more)]
