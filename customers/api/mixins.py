"""What endpoints of the hub share: the business that the caller works for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from django.http import Http404

from audit import log
from audit.rest.exceptions import ApiError
from audit.rest.pagination import Page, page_of
from audit.rest.views import StaffView
from customers import services
from customers.models import Business, Customer


class BusinessScopeMixin(StaffView):
    """`X-Business` narrows an endpoint to one business, by slug or id."""

    takes_business = True

    @property
    def business_reference(self) -> str:
        """What the request names a business by; empty if it does not."""
        return str(self.request.headers.get("X-Business", ""))

    def named_business_id(self, permission: str = "") -> UUID | None:
        """Return which business the request names, if it does. Raises Http404."""
        if not self.business_reference:
            return None
        try:
            return services.get_business(
                self.business_reference, actor=self.actor, permission=permission
            ).pk
        except ObjectDoesNotExist as error:
            raise Http404 from error

    def business(self, permission: str = "") -> Business:
        """Return the business to work in. Raises ApiError 400 or Http404.

        Who works for one needs no header; who works for several has a default.
        """
        try:
            return services.get_working_business(
                self.business_reference,
                actor=self.actor,
                permission=permission or self.required_permission,
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error
        except RuleBroken as error:
            raise ApiError(400, "business_needed", str(error.message)) from error

    def find_customer(
        self, reference: str, *, business_id: UUID | None, permission: str = ""
    ) -> Customer:
        """Return the customer of a UUID, reference or external id; archived ones too.

        Raises Http404, or ApiError 400 when two businesses know it.
        """
        rows = services.list_rows(Customer, actor=self.actor, permission=permission)
        rows = rows.select_related("business")
        try:
            return services.find_customer(reference, rows=rows, business_id=business_id)
        except ObjectDoesNotExist as error:
            self.actor.operation.refuse("not_found", "customers.customer", reference)
            raise Http404 from error
        except RuleBroken as error:
            raise ApiError(400, "business_needed", str(error.message)) from error


class WorkingBusinessView(BusinessScopeMixin):
    """An endpoint of one business."""

    def note_access(self, verb: str, rows: list[Any], **facts: Any) -> None:
        """Note for the access event whom the answer shows."""
        log.note_shown(f"customer.{verb}", rows, actor=self.actor, **facts)

    def list_page(self, queryset: Any, *, search: str = "") -> Page[Any]:
        """Return the page that the request asks for; note whom it shows."""
        number, limit = self.params["page"], self.params["limit"]
        page: Page[Any] = page_of(queryset, number=number, limit=limit)
        verb = "searched" if search else "listed"
        self.note_access(verb, page.items, query=search or None)
        return page

    def links(self, page: Page[Any]) -> dict[str, Any]:
        """Return the count and the links of documents 000 and 002."""
        return {
            "count": page.total,
            "next": self._link(page.number + 1) if page.has_next else None,
            "previous": self._link(page.number - 1) if page.number > 1 else None,
        }

    def _link(self, number: int) -> str:
        query = {k: str(v) for k, v in self.request.query_params.items()}
        return f"{self.request.path}?{urlencode(query | {'page': str(number)})}"
