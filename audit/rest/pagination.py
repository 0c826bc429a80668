"""Pages of a list: by number with a count that stops, or by cursor without one."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

_Instance = TypeVar("_Instance", bound=Model)
# Counting further would read the whole table for a number nobody looks at.
COUNTED = 10_001
# The database reads all rows before a page; a cursor goes there at once.
MAX_OFFSET = 10_000


@dataclass(frozen=True)
class Page(Generic[_Instance]):
    """One page of instances; `total` is never more than 10,001."""

    items: list[_Instance]
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

    @property
    def has_next(self) -> bool:
        """Tell whether a page follows that is not empty."""
        return self.number * self.limit < self.total or (
            # Behind what was counted a full page is probably not the last one.
            self.is_capped and len(self.items) == self.limit
        )


def page_of(
    queryset: QuerySet[_Instance], *, number: int, limit: int
) -> Page[_Instance]:
    """Return one page; two statements, however many rows there are."""
    first = (number - 1) * limit
    total = queryset.order_by()[:COUNTED].count()
    return Page(list(queryset[first : first + limit]), number, limit, total)


@dataclass(frozen=True)
class CursorPage(Generic[_Instance]):
    """One page of a deep list, and where the next one begins; None after the last."""

    items: list[_Instance]
    next_cursor: str | None


class CursorError(ValueError):
    """A cursor that was not made here."""


def cursor_page_of(
    queryset: QuerySet[_Instance], *, time_field: str, cursor: str, limit: int
) -> CursorPage[_Instance]:
    """Return one page by a time field that is never null, the newest first.

    Walking from page to page gives each row exactly once that was there at the start,
    whatever is added meanwhile. One statement. Raises CursorError.
    """
    queryset = queryset.order_by(f"-{time_field}", "-pk")
    if cursor:
        moment, pk = open_cursor(cursor)
        # The first condition is what an index over the column can use.
        queryset = queryset.filter(**{f"{time_field}__lte": moment})
        queryset = queryset.exclude(**{time_field: moment, "pk__gte": pk})
    items = list(queryset[: limit + 1])
    if len(items) <= limit:
        return CursorPage(items, None)
    last = items[limit - 1]
    return CursorPage(items[:limit], make_cursor(getattr(last, time_field), last.pk))


def make_cursor(moment: datetime, pk: UUID) -> str:
    """Return the cursor of what comes after a row, the newest first."""
    return urlsafe_b64encode(f"{moment.isoformat()}|{pk}".encode()).decode()


def open_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the time and the id of the row behind a cursor. Raises CursorError."""
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
        moment, _, pk = text.partition("|")
        opened = datetime.fromisoformat(moment)
        if opened.tzinfo is None:
            raise ValueError(moment)
        return opened.astimezone(UTC), UUID(pk)
    except (ValueError, OverflowError, binascii.Error) as error:
        msg = "Take the cursor from `next` of the page before."
        raise CursorError(msg) from error


class KeysetPagination(BasePagination):
    """Walks by the view's `cursor_field`, the newest first, without a count.

    Unlike the library's cursors it needs no offset for rows of the same time.
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any]:
        self.request, params = request, view.params
        try:
            page = cursor_page_of(
                queryset,
                time_field=view.cursor_field,
                cursor=params.get("cursor", ""),
                limit=params["page_size"],
            )
        except CursorError as error:
            detail = ErrorDetail(str(error), "invalid_cursor")
            raise ValidationError({"cursor": [detail]}) from error
        self.next_cursor = page.next_cursor
        return page.items

    def get_paginated_response(self, data: object) -> Response:
        link = self.get_next_link()
        return Response({"next": link, "previous": None, "results": data})

    def get_next_link(self) -> str | None:
        """Return the path of the next page; None after the last."""
        return self.get_link(cursor=self.next_cursor) if self.next_cursor else None

    def get_link(self, **changed: object) -> str:
        """Return the path of the request with some parameters changed."""
        query = self.request.query_params.dict() | changed
        return f"{self.request.path}?{urlencode(query)}"


class PageOrCursorPagination(KeysetPagination):
    """Pages by number; a request with `cursor`, even an empty one, walks instead."""

    page: Page[Model] | None = None

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any]:
        params = view.params
        if "cursor" in params:
            return super().paginate_queryset(queryset, request, view)
        self.request = request
        number, limit = params.get("page", 1), params["page_size"]
        if (number - 1) * limit >= MAX_OFFSET:
            text = f"Pages end after {MAX_OFFSET} rows. Walk with cursor."
            raise ValidationError({"page": [ErrorDetail(text, "page_too_deep")]})
        self.page = page_of(queryset, number=number, limit=limit)
        return self.page.items

    def get_paginated_response(self, data: object) -> Response:
        page = self.page
        if page is None:
            return super().get_paginated_response(data)
        number = page.number
        has_next = page.has_next and number * page.limit < MAX_OFFSET
        # Behind the end, back to the last one that has rows.
        previous = min(number - 1, max(page.pages, 1))
        return Response(
            {
                "count": page.total,
                "count_is_capped": page.is_capped,
                "next": self.get_link(page=number + 1) if has_next else None,
                "previous": self.get_link(page=previous) if previous else None,
                "results": data,
            }
        )
