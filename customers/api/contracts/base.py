"""What the documents' endpoints about customers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.privacy.masking import masks_of
from audit.rest.views import ActionSpec, etag_of
from audit.rest.write_viewsets import Reason
from customers import services
from customers.api.mixins import WorkingBusinessView
from customers.models import Customer

VIEW, CHANGE = "customers.view_customer", "customers.change_customer"
ADD, ARCHIVE = "customers.add_customer", "customers.archive_customer"


def one_customer(response: Any, *, update: Any, replace: Any) -> dict[str, ActionSpec]:
    """Return the methods of one customer, which all documents have in common."""
    return {
        "get": ActionSpec(VIEW, response, has_versions=True),
        "patch": ActionSpec(CHANGE, response, body=update, has_versions=True),
        "put": ActionSpec(CHANGE, response, body=replace, has_versions=True),
        "delete": ActionSpec(ARCHIVE, None, 204, Reason),
    }


class CustomerView(WorkingBusinessView):
    """An endpoint about the customers of one business."""

    def customer(self, reference: str) -> Customer:
        """Return the customer that the path names. Raises Http404."""
        try:
            return services.get_shown_customer(
                reference, actor=self.actor, business=self.business()
            )
        except ObjectDoesNotExist as error:
            self.actor.operation.refuse("not_found", "customers.customer", reference)
            raise Http404 from error

    def load_details(self, customer: Customer) -> None:
        """Add to a customer what the answer about one shows besides its columns."""
        raise NotImplementedError

    def detail(self, customer: Customer) -> Response:
        """Answer one customer with everything about it, and its version."""
        self.load_details(customer)
        self.note_access("viewed", [customer], target=customer)
        headers = {"ETag": etag_of(customer.rev)}
        return self.respond(
            customer, headers=headers, is_unmasked=self.can_see_unmasked
        )

    def created(self, customer: Customer) -> Response:
        """Answer a new customer, and where it is from now on."""
        response = self.detail(customer)
        response["Location"] = f"{self.request.path.rstrip('/')}/{customer.pk}"
        return response


class OneCustomerView(CustomerView):
    """PATCH and PUT change, DELETE archives; each takes `If-Match`."""

    def get_masks(self, customer: Customer) -> dict[str, Any]:
        """Return what is shown instead of each value that is masked."""
        return masks_of(customer)

    def patch(self, request: Request, customer: str, **_: Any) -> Response:
        """Change a customer; what is not named stays."""
        return self._change(customer)

    def put(self, request: Request, customer: str, **_: Any) -> Response:
        """Replace what can be changed of a customer."""
        return self._change(customer)

    def delete(self, request: Request, customer: str, **_: Any) -> Response:
        """Archive a customer; nothing is lost."""
        row = self.customer(customer)
        reason = self.body().get("reason") or "archived by the API"
        with self._versioned(customer):
            services.archive_customer(
                row, actor=self.actor, reason=reason, expected_rev=self.expected_rev()
            )
        return Response(status=204)

    def _change(self, reference: str) -> Response:
        row = self.customer(reference)
        changes = self.body(
            masks=self.get_masks(row), is_unmasked=self.can_see_unmasked(row)
        )
        with self._versioned(reference):
            services.update_customer(
                row, actor=self.actor, expected_rev=self.expected_rev(), **changes
            )
        return self.detail(self.customer(str(row.pk)))

    @contextmanager
    def _versioned(self, reference: str) -> Iterator[None]:
        """Raise ApiError 412 with the newest version where a service finds another."""
        try:
            yield
        except ValidationError as error:
            if getattr(error, "code", "") == "stale_version":
                raise self.stale(self.customer(reference).rev) from error
            raise
