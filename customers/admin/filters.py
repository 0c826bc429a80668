"""The filters of the list of customers. None asks for what is masked.

A wrong value is refused: an act on all that a filter found must never reach all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of
from customers import services
from customers.models import Customer, CustomerQuerySet, Flag

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices
    from django.utils.functional import _StrOrPromise

_Params = dict[str, list[str]]
_LONGEST_TEXT = 100
_DAYS = (7, 30, 90, 365)
_BOTH_WAYS = ("within", "over")
# As far back as rules can say; see `customers.services.segment_rules`.
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


class ArchivedFilter(admin.SimpleListFilter):
    """Live customers, unless the archived ones are asked for."""

    title = _("archived")
    parameter_name = "archived"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [("yes", gettext("Archived")), ("all", gettext("All"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        if self.value() == "all":
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != "yes")

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        choices = super().choices(changelist)
        for number, choice in enumerate(choices):
            yield {**choice, "display": gettext("Live")} if number == 0 else choice


class LookAlikeFilter(admin.SimpleListFilter):
    """Customers who may be taken for others of their business."""

    title = _("possible duplicates")
    parameter_name = "alike"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [("yes", gettext("E-mail or name looks like another's"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        if self.value() != "yes":
            return queryset
        customers = services.list_customers(actor=actor_of(request))
        alike = customers.looking_alike().order_by()
        return queryset.filter(pk__in=alike.values("pk"))


class ConditionFilter(admin.SimpleListFilter):
    """One of a few conditions, each with the words for it."""

    conditions: ClassVar[Mapping[str, tuple[_StrOrPromise, Q]]]

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [(value, str(words)) for value, (words, _q) in self.conditions.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        value = self.value()
        if value is None:
            return queryset
        if value not in self.conditions:
            raise IncorrectLookupParameters
        return queryset.filter(self.conditions[value][1])


class OrdersFilter(ConditionFilter):
    """How often somebody ordered."""

    title = _("orders")
    parameter_name = "orders"
    conditions: ClassVar = {
        "0": (pgettext_lazy("orders", "None"), Q(stats__total_orders=0)),
        "1": ("1", Q(stats__total_orders=1)),
        "2-4": (_("2 to 4"), Q(stats__total_orders__range=(2, 4))),
        "5-9": (_("5 to 9"), Q(stats__total_orders__range=(5, 9))),
        "10-": (_("10 and more"), Q(stats__total_orders__gte=10)),
    }


def _spent(low: int, high: int) -> Q:
    return Q(stats__total_spent__gte=low, stats__total_spent__lt=high)


class SpentFilter(ConditionFilter):
    """The value of a customer, in the currency of the business."""

    title = _("value")
    parameter_name = "spent"
    conditions: ClassVar = {
        "0": (_("Nothing"), Q(stats__total_spent__lte=0)),
        "0-100": (
            _("Below 100"),
            Q(stats__total_spent__gt=0, stats__total_spent__lt=100),
        ),
        "100-500": (_("100 to 500"), _spent(100, 500)),
        "500-1000": (_("500 to 1,000"), _spent(500, 1000)),
        "1000-5000": (_("1,000 to 5,000"), _spent(1000, 5000)),
        "5000-": (_("5,000 and more"), Q(stats__total_spent__gte=5000)),
    }


class TicketsFilter(ConditionFilter):
    """Whether somebody waits for an answer."""

    title = _("tickets")
    parameter_name = "tickets"
    conditions: ClassVar = {
        "open": (_("Open"), Q(stats__open_tickets__gt=0)),
        "urgent": (_("Urgent"), Q(stats__urgent_tickets__gt=0)),
        "none": (_("None open"), Q(stats__open_tickets=0)),
    }

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        matching = super().queryset(request, queryset)
        seen_in = actor_of(request).businesses_for("customers.view_ticket")
        if self.value() is None or seen_in is None:
            return matching
        return matching.filter(business_id__in=seen_in)


class FormFilter(admin.ListFilter):
    """A filter with a small form besides its links."""

    parameter_name: str

    def __init__(
        self,
        request: HttpRequest,
        params: _Params,
        model: type[Model],
        model_admin: admin.ModelAdmin,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.expected_parameters():
            if name in params:
                self.used_parameters[name] = str(params.pop(name)[-1])

    def has_output(self) -> bool:
        """Tell the list to draw it."""
        return True

    def value(self, name: str = "") -> str:
        """Return what was sent, or nothing."""
        return cast("str", self.used_parameters.get(name or self.parameter_name, ""))

    def rest(self) -> list[tuple[str, str]]:
        """Return what else the address says, for the form to say again."""
        names: set[str | None] = {*self.expected_parameters(), PAGE_VAR, ERROR_FLAG}
        sent = self.request.GET.lists()
        return [(name, value) for name, vs in sent if name not in names for value in vs]


class WordFilter(FormFilter):
    """One whole word, typed: to list all that occur is to read all rows."""

    template = "admin/customers/customer/word_filter.html"
    label: _StrOrPromise
    placeholder: _StrOrPromise

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        if not self.value():
            return queryset
        # Blanks alone are a word that nobody has, and not everybody.
        word = self.value().strip()[:_LONGEST_TEXT]
        return self.with_word(request, queryset, word)

    def with_word(
        self, request: HttpRequest, queryset: QuerySet[Customer], word: str
    ) -> QuerySet[Customer]:
        """Return those that have the word."""
        raise NotImplementedError  # each filter answers it

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        yield {
            "selected": not self.value(),
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": gettext("All"),
        }
        if self.value():
            yield {
                "selected": True,
                "query_string": changelist.get_query_string(),
                "display": self.value(),
            }


class SourceFilter(WordFilter):
    """Where customers came from."""

    title, parameter_name = _("source"), "source"
    label, placeholder = _("Source, the whole word"), _("like website")

    def with_word(
        self, request: HttpRequest, queryset: QuerySet[Customer], word: str
    ) -> QuerySet[Customer]:
        return queryset.filter(source=word)


class FlagFilter(WordFilter):
    """Customers with a flag that stands now, where the person may see flags."""

    title, parameter_name = _("flag"), "flag"
    label, placeholder = _("Flag, the whole code"), _("like verified")

    def with_word(
        self, request: HttpRequest, queryset: QuerySet[Customer], word: str
    ) -> QuerySet[Customer]:
        visible = services.list_visible(Flag, actor=actor_of(request))
        flags = visible.filter(code=word.lower(), removed_at=None).order_by()
        return queryset.filter(pk__in=flags.values("customer_id"))


class AgeFilter(FormFilter):
    """How long ago something was: within so many days, or longer ago than that.

    `name` is the field of the rules of segments, which decide what that means.
    """

    template = "admin/customers/customer/age_filter.html"
    name: ClassVar[str]
    never: ClassVar[_StrOrPromise] = ""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        how, days = self.value(), self.value(self.days_parameter)
        is_number = _NUMBER.fullmatch(days) is not None
        valid = {"": True, "within": is_number, "over": is_number, "never": self.never}
        if not valid.get(how):
            raise IncorrectLookupParameters

    @property
    def days_parameter(self) -> str:
        """The parameter of the number of days."""
        return f"{self.parameter_name}_days"

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, self.days_parameter]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        if self.value() == "never":
            rule: object = {"field": self.name, "op": "is_null", "value": True}
        else:
            days = int(self.value(self.days_parameter))
            rule = services.age_rule(
                self.name, days, is_within=self.value() == "within"
            )
        customers = cast("CustomerQuerySet", queryset)
        return services.meeting_rule(customers, rule, actor=actor_of(request))

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        chosen = (self.value(), self.value(self.days_parameter))
        names = [self.parameter_name, self.days_parameter]
        yield {
            "selected": not chosen[0],
            "query_string": changelist.get_query_string(remove=names),
            "display": gettext("any time"),
        }
        offered = {(how, str(n)) for how in _BOTH_WAYS for n in _DAYS}
        offered |= {chosen} if chosen[0] in _BOTH_WAYS else set()
        in_order = sorted(offered, key=lambda o: (_BOTH_WAYS.index(o[0]), int(o[1])))
        for how, days in in_order:
            params = dict(zip(names, (how, days), strict=True))
            yield cast(
                "_ListFilterChoices",
                {
                    "selected": (how, days) == chosen,
                    "query_string": changelist.get_query_string(params),
                    "display": _in_words(how, days),
                    "how": gettext("within") if how == "within" else gettext("over"),
                    "days": days,
                },
            )
        if self.never:
            params = {self.parameter_name: "never"}
            yield {
                "selected": chosen[0] == "never",
                "query_string": changelist.get_query_string(params, names[1:]),
                "display": self.never,
            }


def _in_words(how: str, days: str) -> str:
    number = int(days)
    if how == "within":
        words = ngettext("within %(number)s day", "within %(number)s days", number)
    else:
        words = ngettext(
            "more than %(number)s day ago", "more than %(number)s days ago", number
        )
    return words % {"number": days}


class JoinedFilter(AgeFilter):
    """How long somebody has been a customer."""

    title, parameter_name, name = _("joined"), "joined", "joined_at"


class LoginFilter(AgeFilter):
    """When somebody last signed in."""

    title, parameter_name, name = _("last login"), "login", "last_login_at"
    never = _("never signed in")


class PurchaseFilter(AgeFilter):
    """When somebody last bought something."""

    title, parameter_name = _("last purchase"), "purchase"
    name, never = "last_purchase_date", _("never bought")


class SeenFilter(AgeFilter):
    """When anything was last heard of somebody."""

    title, parameter_name, name = _("last seen"), "seen", "last_active_at"
    never = _("never seen")


AGE_FILTERS = (JoinedFilter, LoginFilter, PurchaseFilter, SeenFilter)
FILTERS = (
    ArchivedFilter,
    "status",
    "customer_type",
    "stats__repeat_frequency",
    "stats__is_opted_in",
    "stats__data_capture_complete",
    OrdersFilter,
    SpentFilter,
    TicketsFilter,
    *AGE_FILTERS,
    FlagFilter,
    SourceFilter,
    LookAlikeFilter,
)
# What the forms of filters send besides the names of the filters.
EXTRA_LOOKUPS = tuple(f"{each.parameter_name}_days" for each in AGE_FILTERS)
