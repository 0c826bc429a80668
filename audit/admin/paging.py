"""Pages of lists that may be very long: counted up to a limit, and no further."""

from __future__ import annotations

from functools import cached_property

from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin.base import MaskedChangeList
from audit.admin.display import count_text

# Who has more counts no further: "10,000+".
MOST_COUNTED = 10_000


class CappedPaginator(Paginator):
    """Counts no more than `MOST_COUNTED` rows and one; pages go on behind them."""

    object_list: QuerySet

    @cached_property
    def count(self) -> int:
        """The number of rows, or one more than is counted."""
        keys = self.object_list.order_by().values("pk")
        return keys[: MOST_COUNTED + 1].count()

    @property
    def is_capped(self) -> bool:
        """Tell whether there are more rows than were counted."""
        return self.count > MOST_COUNTED

    def page(self, number: int | str) -> Page:
        """Return a page, also one behind the rows that were counted."""
        if not self.is_capped:
            return super().page(number)
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        instances = self.object_list[start : start + self.per_page]
        if start >= MOST_COUNTED and not instances.exists():
            raise EmptyPage
        return Page(instances, number, self)

    def validate_number(self, number: float | str) -> int:
        """Return the number of a page that there may be."""
        if not self.is_capped:
            return super().validate_number(number)
        # An integer in the address is any number of digits long.
        number = int(number)
        if not 0 < number * self.per_page < 2**31:
            raise EmptyPage
        return number


class CappedChangeList(MaskedChangeList):
    """A list whose rows are counted up to a limit; its pages are one after another."""

    paginator: CappedPaginator

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.has_next = self._has_next()

    def _has_next(self) -> bool:
        end = self.page_num * self.list_per_page
        if self.show_all or not self.multi_page:
            return False
        if not self.paginator.is_capped or end < MOST_COUNTED:
            return end < self.result_count
        return self.queryset[end : end + 1].exists()

    @property
    def count_words(self) -> str:
        """The number of rows, as far as they were counted."""
        if self.paginator.is_capped:
            return f"{count_text(MOST_COUNTED)}+"
        return count_text(self.result_count)

    @property
    def range_words(self) -> str:
        """Which rows this page shows."""
        if not self.result_count:
            return "0"
        paged = self.multi_page and not self.show_all
        first = (self.page_num - 1) * self.list_per_page + 1 if paged else 1
        last = first + len(self.result_list) - 1
        return f"{count_text(first)}–{count_text(last)}"

    @property
    def previous_url(self) -> str:
        """The address of the page before this one; empty on the first."""
        return self._page_url(self.page_num - 1) if self.page_num > 1 else ""

    @property
    def next_url(self) -> str:
        """The address of the page after this one; empty on the last."""
        return self._page_url(self.page_num + 1) if self.has_next else ""

    def _page_url(self, number: int) -> str:
        return self.get_query_string({PAGE_VAR: str(number)})
