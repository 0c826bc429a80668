"""Pages of a list, with a count that stops where nobody pages any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

_Row = TypeVar("_Row", bound=Model)
# Counting further would read the whole table for a number nobody looks at.
COUNTED = 10_001


@dataclass(frozen=True)
class Page(Generic[_Row]):
    """One page of rows; `total` is never more than 10,001."""

    rows: list[_Row]
    number: int
    limit: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are, as far as they were counted."""
        return -(-self.total // self.limit)

    @property
    def is_capped(self) -> bool:
        """Tell whether there are more rows than were counted."""
        return self.total >= COUNTED

    def facts(self) -> dict[str, Any]:
        """Return what an answer says about the page."""
        return {
            "page": self.number,
            "limit": self.limit,
            "total": self.total,
            "total_pages": self.pages,
            "total_is_capped": self.is_capped,
        }


def page_of(rows: QuerySet[_Row], *, number: int, limit: int) -> Page[_Row]:
    """Return one page; two statements, however many rows there are."""
    first = (number - 1) * limit
    total = rows.order_by()[:COUNTED].count()
    return Page(list(rows[first : first + limit]), number, limit, total)
