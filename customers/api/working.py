"""The base of endpoints of the business that the caller works for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from django.http import Http404

from audit import log
from audit.rest.exceptions import ApiError
from audit.rest.pagination import Page
from audit.rest.views import StaffView
from customers import services
from customers.models import Business


class WorkingBusinessView(StaffView):
    """An endpoint of one business, which `X-Business` names by slug or id.

    Who works for one needs no header; who works for several has a default.
    """

    takes_business = True

    def business(self, permission: str = "") -> Business:
        """Return the business of the request. Raises ApiError 400 or Http404."""
        named = self.request.headers.get("X-Business", "")
        try:
            return services.get_working_business(
                named, actor=self.actor, permission=permission or self.right
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error
        except RuleBroken as error:
            raise ApiError(400, "business_needed", str(error.message)) from error

    def note_shown(self, verb: str, rows: list[Any], **facts: Any) -> None:
        """Note for the access event whom the answer shows."""
        log.note_shown(f"customer.{verb}", rows, actor=self.actor, **facts)

    def links(self, page: Page[Any]) -> dict[str, Any]:
        """Return the count and the links of documents 000 and 002."""
        is_full = len(page.rows) == page.limit
        more = page.number < page.pages or (page.is_capped and is_full)
        return {
            "count": page.total,
            "next": self._link(page.number + 1) if more else None,
            "previous": self._link(page.number - 1) if page.number > 1 else None,
        }

    def _link(self, number: int) -> str:
        query = {k: str(v) for k, v in self.request.query_params.items()}
        return f"{self.request.path}?{urlencode(query | {'page': str(number)})}"
