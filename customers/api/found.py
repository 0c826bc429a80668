"""What endpoints of `/api/v1` share that are about one customer or one booking."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from django.http import Http404
from rest_framework.permissions import SAFE_METHODS

from audit import log
from audit.api.step_up import require_step_up
from audit.rest.exceptions import ApiError
from customers import services
from customers.api.mixins import BusinessScopeMixin
from customers.models import Booking, Customer

_T = TypeVar("_T")
# These rules say that the thing is not, or no longer, in a state that allows the act.
_CONFLICTS = frozenset({"not_requested", "already_reversed", "not_reversible"})


class Finding(BusinessScopeMixin):
    """Finds rows among all businesses of the caller; `X-Business` names one of them."""

    # False where a POST only reads.
    changes_customer: ClassVar[bool] = True

    def customer(self, reference: str) -> Customer:
        """Return the customer of a UUID, reference or external id.

        Archived ones too, for whoever reads. Raises Http404, ApiError 400 where two
        businesses know the id, PermissionDenied where the role there lacks the right
        of the endpoint, ValidationError where an archived one would be changed.
        """
        rows = services.list_rows(Customer, actor=self.actor)
        rows = rows.select_related("business", "stats")
        find = partial(services.find_customer, reference, rows=rows)
        row = self._found(find, "customers.customer", reference)
        self.actor.require_perm(row.business_id, self.required_permission)
        if self.changes_customer and self.request.method not in SAFE_METHODS:
            services.check_live(row)
        return row

    def booking(self, reference: str) -> Booking:
        """Return the booking of a UUID or reference; raises as `customer` does."""
        find = partial(services.get_booking, reference, actor=self.actor)
        row = self._found(find, "customers.booking", reference)
        self.actor.require_perm(row.business_id, self.required_permission)
        return row

    def act(self, do: Callable[..., _T], *args: Any, **values: Any) -> _T:
        """Do an act of a service; ApiError 409 where the state does not allow it."""
        try:
            return do(*args, actor=self.actor, **values)
        except RuleBroken as error:
            code = getattr(error, "code", None)
            if code in _CONFLICTS:
                raise ApiError(409, code, " ".join(error.messages)) from error
            raise

    def confirm(self, digest: str, what: str) -> None:
        """Ask for a confirmation of giving back more than the limit."""
        require_step_up(self.request, "refund_over_limit", digest=digest, what=what)

    def confirm_export(self, digest: str, what: str) -> None:
        """Ask for a confirmation of an export."""
        require_step_up(self.request, "export", digest=digest, what=what)

    def _found(self, find: Callable[..., _T], label: str, reference: str) -> _T:
        try:
            return find(business_id=self.named_business_id(self.required_permission))
        except (ObjectDoesNotExist, Http404) as error:
            self.actor.operation.refuse("not_found", label, reference)
            raise Http404 from error
        except (MultipleObjectsReturned, RuleBroken) as error:
            sentence = "Two of your businesses know this. Name one in X-Business."
            raise ApiError(400, "business_needed", sentence) from error


class FoundView(Finding):
    """Answers about one customer or one booking."""

    def note_access(self, row: Customer, verb: str = "viewed") -> None:
        """Note for the access event whom the answer shows."""
        log.note_shown(f"customer.{verb}", [row], actor=self.actor, target=row)

    def row(self, find: Callable[..., _T], pk: str) -> _T:
        """Return what a door gives for a UUID. Raises Http404."""
        try:
            return find(UUID(pk), actor=self.actor)
        except (ObjectDoesNotExist, ValueError) as error:
            self.actor.operation.refuse("not_found", object_id=pk)
            raise Http404 from error
