"""What the documents' endpoints about customers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
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


def customer_methods(
    response: Any, *, update: Any, replace: Any
) -> dict[str, ActionSpec]:
    """Return the methods of one customer, which are the same in all documents."""
    return {
        "get": ActionSpec(VIEW, response, has_versions=True),
        "patch": ActionSpec(CHANGE, response, body=update, has_versions=True),
        "put": ActionSpec(CHANGE, response, body=replace, has_versions=True),
        "delete": ActionSpec(ARCHIVE, None, 204, Reason),
    }


class CustomerView(WorkingBusinessView):
    """An endpoint about the customers of one business."""

    def customer(self, reference: str) -> Customer:
        """Return the customer in the path. Raises Http404."""
        business = self.business()
        with self.lookup("customers.customer", reference):
            return services.get_shown_customer(
                reference, actor=self.actor, business=business
            )

    def load_details(self, customer: Customer) -> None:
        """Set the attributes that the serializer of one customer needs."""
        raise NotImplementedError

    def detail(self, customer: Customer) -> Response:
        """Answer one customer in full, with its version."""
        self.load_details(customer)
        self.note_viewed(customer)
        headers = {"ETag": etag_of(customer.rev)}
        return self.respond(
            customer, headers=headers, is_unmasked=self.can_see_unmasked
        )

    def created(self, customer: Customer) -> Response:
        """Answer a new customer, with its address in `Location`."""
        response = self.detail(customer)
        response["Location"] = f"{self.request.path.rstrip('/')}/{customer.pk}"
        return response


class OneCustomerView(CustomerView):
    """GET shows, PATCH and PUT change, DELETE archives; writes take `If-Match`."""

    def get_masks(self, customer: Customer) -> dict[str, Any]:
        """Return what the answer shows in the place of each masked value."""
        return masks_of(customer)

    # Without a docstring: each document says itself what it shows.
    def get(self, request: Request, customer: str, **_: Any) -> Response:
        return self.detail(self.customer(customer))

    def patch(self, request: Request, customer: str, **_: Any) -> Response:
        """Change a customer; what is not named stays."""
        return self._change(customer)

    def put(self, request: Request, customer: str, **_: Any) -> Response:
        """Replace what can be changed of a customer."""
        return self._change(customer)

    def delete(self, request: Request, customer: str, **_: Any) -> Response:
        """Archive a customer; nothing is lost."""
        instance = self.customer(customer)
        reason = self.body().get("reason") or "archived by the API"
        with self._versioned(customer):
            services.archive_customer(
                instance,
                actor=self.actor,
                reason=reason,
                expected_rev=self.expected_rev(),
            )
        return Response(status=204)

    def _change(self, reference: str) -> Response:
        customer = self.customer(reference)
        changes = self.body(
            masks=self.get_masks(customer), is_unmasked=self.can_see_unmasked(customer)
        )
        with self._versioned(reference):
            services.update_customer(
                customer, actor=self.actor, expected_rev=self.expected_rev(), **changes
            )
        return self.detail(self.customer(str(customer.pk)))

    @contextmanager
    def _versioned(self, reference: str) -> Iterator[None]:
        """Raise ApiError 412 with the current version when a service finds another."""
        try:
            yield
        except ValidationError as error:
            if getattr(error, "code", "") == "stale_version":
                raise self.stale(self.customer(reference).rev) from error
            raise
