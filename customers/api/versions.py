"""Writes to a customer of the documents that name the version they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError

from audit.rest.views import StaffView
from customers.models import Customer


class VersionedCustomer(StaffView):
    """An endpoint of a customer that takes `If-Match`."""

    def customer(self, reference: str) -> Customer:
        """Return the customer that the path names. Raises Http404."""
        raise NotImplementedError  # each endpoint answers it

    @contextmanager
    def versioned(self, reference: str) -> Iterator[None]:
        """Raise Problem 412 with the newest version where a service finds another."""
        try:
            yield
        except ValidationError as error:
            if getattr(error, "code", "") == "stale_version":
                raise self.stale(self.customer(reference).rev) from error
            raise
