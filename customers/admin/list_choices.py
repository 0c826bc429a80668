"""What one request is to show of the list of customers: a view, columns, their order.

An order names columns, as in `?o=-seen`, since those of two people differ; Django's
own numbers work, too.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin.base import actor_of
from audit.admin.paging import CappedChangeList
from audit.ids import parse_uuid
from customers import services
from customers.admin.columns import DEFAULT_COLUMNS, FIGURES, offered_columns
from customers.models import ListLayout, SavedView

VIEW_VAR = "view"
# The table by whose column a list is sorted.
_PROJECTIONS = {"who": "index", **dict.fromkeys(FIGURES, "stats")}


class ListChoices:
    """What one request is to show of the list: a view, columns, the length of pages."""

    def __init__(self, request: HttpRequest) -> None:
        self._request, self._actor = request, actor_of(request)

    @classmethod
    def of(cls, request: HttpRequest) -> ListChoices:
        """Return the choices of a request, made once."""
        if not hasattr(request, "_list_choices"):
            request._list_choices = cls(request)  # type: ignore[attr-defined]  # set at run time, not on the type
        return request._list_choices  # type: ignore[attr-defined]  # set at run time, not on the type

    @property
    def has_missing_view(self) -> bool:
        """Tell whether the address names a view that this person may not open."""
        return VIEW_VAR in self._request.GET and self.view is None

    @cached_property
    def view(self) -> SavedView | None:
        """Return the view that the address names, if the person may open it."""
        pk = parse_uuid(self._request.GET.get(VIEW_VAR, ""))
        return next((view for view in self.views if view.pk == pk), None)

    @cached_property
    def views(self) -> list[SavedView]:
        """Return all views that the person may open."""
        return list(services.list_views(actor=self._actor))

    @cached_property
    def layout(self) -> ListLayout:
        """Return how the person likes the list."""
        return services.get_layout(actor=self._actor)

    @cached_property
    def offered(self) -> list[str]:
        """Return the columns that there are for the person."""
        return offered_columns(self._request)

    @cached_property
    def columns(self) -> list[str]:
        """Return the columns of the list, in their order."""
        usual = [*DEFAULT_COLUMNS, "business"]
        columns = self.view.columns if self.view else self.layout.columns
        return [name for name in columns or usual if name in self.offered]


class CustomizedChangeList(CappedChangeList):
    """A list with the columns of the person, or of a view, sorted by their names."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        lookups: dict[str, Any] = super().get_filters_params(params)
        lookups.pop(VIEW_VAR, None)
        return lookups

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any]:
        if ORDER_VAR in self.params:
            # Django counts columns.
            self.params[ORDER_VAR] = self._by_number(self.params[ORDER_VAR])
        first = self.sort.partition(".")[0].removeprefix("-")
        if projection := _PROJECTIONS.get(first):
            actor = actor_of(request)
            listed = services.list_by_projection(projection, actor=actor)
            # A list may be sorted by the name as well.
            self.root_queryset = services.with_order_name(listed, actor=actor)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        self.list_per_page = ListChoices.of(request).layout.page_size
        super().get_results(request)

    def _by_number(self, sort: str) -> str:
        columns = [str(name) for name in self.list_display]
        terms = []
        for term in sort.split("."):
            _, sign, name = term.rpartition("-")
            is_name = name in columns
            terms.append(f"{sign}{columns.index(name)}" if is_name else term)
        return ".".join(terms)

    @property
    def sort(self) -> str:
        """The columns that the list is sorted by; empty for the usual order."""
        if ORDER_VAR not in self.params:
            return ""
        columns = dict(enumerate(map(str, self.list_display)))
        return ".".join(
            f"{'-' if way == 'desc' else ''}{columns[number]}"
            for number, way in self.get_ordering_field_columns().items()
            if self.get_ordering_field(columns.get(number, "pk"))
        )

    @property
    def active_filters(self) -> dict[str, str]:
        """The parameters of filters in the address, and nothing else of it."""
        return {
            name: str(self.params[name])
            for spec in self.filter_specs
            for name in spec.expected_parameters()
            if name in self.params
        }
