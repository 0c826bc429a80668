"""What stands on the page of a customer: tabs, cards and figures of all apps."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Count, Model, QuerySet, Value
from django.db.models.fields import CharField
from django.db.models.functions import Concat
from django.http import HttpRequest

from audit.admin.base import Context, actor_of
from audit.privacy.masking import bidi_instance, mask_instance, mask_text
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

PER_PAGE = 30
_Model = TypeVar("_Model", bound=Model)


@dataclass(frozen=True)
class CustomerView:
    """Who looks at the page of which customer, and what they may see in clear."""

    request: HttpRequest
    customer: Customer
    is_unmasked: bool
    # How many rows each tab and notice has, by its key, and the flags as `flag:<code>`.
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """The person who looks."""
        return actor_of(self.request)

    def has_perm(self, permission: str) -> bool:
        """Tell whether the person may do this in the customer's business."""
        return self.actor.has_perm(permission, self.customer.business_id)

    def displayed(self, instance: _Model) -> _Model:
        """Return an instance as the person may see it; never save it."""
        if self.is_unmasked:
            return bidi_instance(instance)
        return mask_instance(copy(instance))

    def text(self, text: str | None) -> str:
        """Return a text as the person may see it."""
        return (text or "") if self.is_unmasked else mask_text(text or "")

    def paginate(self, queryset: QuerySet[_Model], tab: str) -> Page[_Model]:
        """Return the page of a tab that the address asks for."""
        paginator = _Counted(queryset, PER_PAGE)
        if "show" not in self.request.GET:
            paginator.total = self.counts.get(tab, 0)
        return paginator.get_page(self.request.GET.get("p"))


class _Counted(Paginator[_Model]):
    """Pages of rows of which the number is known already."""

    total: int | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return super().count if self.total is None else self.total


@dataclass(frozen=True)
class Tab:
    """One part of the page below the figures.

    `queryset` is what the tab lists, newest first, and what its number counts.
    `context` returns what the template is given.
    """

    key: str
    title: _StrOrPromise
    permissions: tuple[str, ...]
    template: str
    context: Callable[[CustomerView], Context]
    queryset: Callable[[Customer, Actor], QuerySet] | None = None
    # Where it stands among the others; those of other apps come between ours.
    order: int = 0

    def is_open_to(self, view: CustomerView) -> bool:
        """Tell whether the person may see it: with any of its permissions."""
        return any(map(view.has_perm, self.permissions))


@dataclass(frozen=True)
class Card:
    """One card beside the timeline, or in the profile."""

    key: str
    title: _StrOrPromise
    permission: str
    template: str
    context: Callable[[CustomerView], Context]
    place: str = "overview"


# What begins the key of a flag among the counts.
FLAG = "flag:"


@dataclass(frozen=True)
class Figure:
    """One figure below the name: what it is called, says, and which rows it opens."""

    name: _StrOrPromise
    permission: str
    value: Callable[[CustomerView], str]
    detail: Callable[[CustomerView], str]
    # The part of the address that lists its rows.
    opens: str


@dataclass(frozen=True)
class Notice:
    """What must not be overlooked, above the tabs; nothing where there is none.

    `queryset` is counted with those of the tabs, under the key; only where it has rows
    `context` is asked what the template is given.
    """

    key: str
    permission: str
    template: str
    queryset: Callable[[Customer, Actor], QuerySet]
    context: Callable[[CustomerView], Context]


_tabs: list[Tab] = []
_cards: list[Card] = []
_figures: list[Figure] = []
_notices: list[Notice] = []


def register_tab(tab: Tab) -> None:
    """Add a tab, by its order."""
    _tabs.append(tab)
    _tabs.sort(key=lambda one: one.order)


def register_card(card: Card) -> None:
    """Add a card below those that are there."""
    _cards.append(card)


def register_figure(figure: Figure) -> None:
    """Add a figure behind those that are there."""
    _figures.append(figure)


def register_notice(notice: Notice) -> None:
    """Add a notice below those that are there."""
    _notices.append(notice)


def tabs_for(view: CustomerView) -> list[Tab]:
    """Return the tabs that the person may open."""
    return [tab for tab in _tabs if tab.is_open_to(view)]


def cards_for(view: CustomerView, place: str) -> list[Context]:
    """Return the cards of a place, each with its context."""
    return [
        {"card": card, **card.context(view)}
        for card in _cards
        if card.place == place and view.has_perm(card.permission)
    ]


def figures_for(view: CustomerView) -> list[Context]:
    """Return the figures that the person may see."""
    return [
        {
            "name": figure.name,
            "value": figure.value(view),
            "detail": figure.detail(view),
            "opens": figure.opens,
        }
        for figure in _figures
        if view.has_perm(figure.permission)
    ]


def notices_for(view: CustomerView) -> list[Context]:
    """Return the notices that there are now for the person, each with its context."""
    return [
        {"template": notice.template, **context}
        for notice in _notices
        if view.counts.get(notice.key) and (context := notice.context(view))
    ]


def count_by_tab(view: CustomerView) -> dict[str, int]:
    """Return how many rows each tab and notice has, and which flags the customer has.

    One statement for all of them.
    """
    counted: list[Tab | Notice] = [
        *tabs_for(view),
        *(one for one in _notices if view.has_perm(one.permission)),
    ]
    parts = [
        one.queryset(view.customer, view.actor)
        .order_by()
        .annotate(tab_key=Value(one.key, CharField()))
        .values("tab_key")
        .annotate(tab_count=Count("pk"))
        .values_list("tab_key", "tab_count")
        for one in counted
        if one.queryset is not None
    ]
    flags = services.list_flags(view.customer, actor=view.actor).order_by()
    codes = Concat(Value(FLAG), "code", output_field=CharField())
    named = flags.annotate(tab_key=codes).values("tab_key")
    counts = named.annotate(tab_count=Count("pk")).values_list("tab_key", "tab_count")
    return dict(counts.union(*parts, all=True) if parts else counts)
