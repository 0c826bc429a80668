"""What endpoints share: the business, customer or booking that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.permissions import SAFE_METHODS

from audit import log
from audit.api.step_up import require_step_up
from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from audit.rest.pagination import Page, page_of
from audit.rest.views import StaffView
from customers import services
from customers.models import Booking, Business, Customer

_T = TypeVar("_T")
_CustomerOrBooking = TypeVar("_CustomerOrBooking", Customer, Booking)
# Codes of rules that say: the state of the object does not allow the act.
_CONFLICTS = frozenset(
    {
        "already_reversed",
        "booking_cancelled",
        "by_processor",
        "external_id_taken",
        "not_requested",
        "not_reversible",
        "not_succeeded",
        "nothing_earlier",
    }
)


class BusinessScopedView(StaffView):
    """`X-Business` narrows an endpoint to one business, by slug or id."""

    takes_business = True

    @property
    def business_reference(self) -> str:
        """The value of `X-Business`; empty without the header."""
        return str(self.request.headers.get("X-Business", ""))

    def named_business_id(self, permission: str = "") -> UUID | None:
        """Return the business of `X-Business`, if it is sent. Raises Http404."""
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

    @contextmanager
    def lookup(self, label: str, reference: str) -> Iterator[None]:
        """Translate what a selector raises.

        Raises Http404, noted in the trail, or ApiError 400 when two businesses of the
        caller know the reference.
        """
        try:
            yield
        except (ObjectDoesNotExist, Http404) as error:
            self.actor.operation.refuse("not_found", label, reference)
            raise Http404 from error
        except (MultipleObjectsReturned, RuleBroken) as error:
            sentence = "Two of your businesses know this. Name one in X-Business."
            raise ApiError(400, "business_needed", sentence) from error

    def find_customer(
        self,
        reference: str,
        *,
        business_id: UUID | None,
        permission: str = "",
        loads: Iterable[str] = (),
    ) -> Customer:
        """Return the customer of a UUID, reference or external id; archived ones too.

        `loads` is loaded with them, as `select_related` names it. Raises Http404, or
        ApiError 400 when two businesses know it.
        """
        customers = services.list_visible(
            Customer, actor=self.actor, permission=permission
        )
        with self.lookup("customers.customer", reference):
            return services.find_customer(
                reference,
                customers=customers.select_related("business", *loads),
                business_id=business_id,
            )

    def step_up(self, scope: str) -> services.StepUp:
        """Return a function that requires a step-up of this scope."""

        def check(digest: str, what: str) -> None:
            require_step_up(self.request, scope, digest=digest, what=what)

        return check

    def note_viewed(self, customer: Customer) -> None:
        """Record in the access event that the answer is about this customer."""
        log.note_access(
            "customer.viewed", [customer], actor=self.actor, target=customer
        )


class WorkingBusinessView(BusinessScopedView):
    """An endpoint of one business."""

    def note_listed(
        self, verb: str, customers: list[Customer], query: str | None = None
    ) -> None:
        """Record in the access event which customers the answer lists."""
        action = f"customer.{verb}"
        log.note_access(action, customers, actor=self.actor, query=query)

    def list_page(
        self, queryset: QuerySet[Customer], *, limit: str = "limit"
    ) -> Page[Customer]:
        """Return the page that the request asks for; record which customers it lists.

        `limit` names the parameter with the size of a page.
        """
        params = self.params
        page = page_of(queryset, number=params["page"], limit=params[limit])
        search = params.get("search")
        self.note_listed("searched" if search else "listed", page.items, search or None)
        return page

    def links(self, page: Page[Customer]) -> JsonObject:
        """Return the count and the links of documents 000 and 002."""
        return {
            "count": page.total,
            "next": self._link(page.number + 1) if page.has_next else None,
            "previous": self._link(page.number - 1) if page.number > 1 else None,
        }

    def _link(self, number: int) -> str:
        query = {k: str(v) for k, v in self.request.query_params.items()}
        return f"{self.request.path}?{urlencode(query | {'page': str(number)})}"


class CustomerLookupView(BusinessScopedView):
    """Looks up customers and bookings in all businesses of the caller."""

    # False where a POST only reads.
    changes_customer: ClassVar[bool] = True

    def customer(self, reference: str) -> Customer:
        """Return the customer of a UUID, reference or external id.

        Archived ones too, for reading. Raises Http404, ApiError 400 when two businesses
        know the id, PermissionDenied without the permission in the customer's business,
        ValidationError for changes of an archived one.
        """
        customers = services.list_visible(Customer, actor=self.actor)
        customers = customers.select_related("business", "stats")
        get = partial(services.find_customer, reference, customers=customers)
        customer = self._get(get, "customers.customer", reference)
        if self.changes_customer and self.request.method not in SAFE_METHODS:
            services.check_live(customer)
        return customer

    def booking(self, reference: str) -> Booking:
        """Return the booking of a UUID or reference; raises as `customer` does."""
        get = partial(services.get_booking, reference, actor=self.actor)
        return self._get(get, "customers.booking", reference)

    def _get(
        self, get: Callable[..., _CustomerOrBooking], label: str, reference: str
    ) -> _CustomerOrBooking:
        permission = self.required_permission
        with self.lookup(label, reference):
            instance = get(business_id=self.named_business_id(permission))
        self.actor.require_perm(instance.business_id, permission)
        return instance

    def get_or_404(self, get: Callable[..., _T], pk: str) -> _T:
        """Return what a selector gives for a UUID. Raises Http404."""
        try:
            return get(UUID(pk), actor=self.actor)
        except (ObjectDoesNotExist, ValueError) as error:
            self.actor.operation.refuse("not_found", object_id=pk)
            raise Http404 from error

    def act(self, service: Callable[..., _T], *args: object, **values: object) -> _T:
        """Call a service. Raises ApiError 409 where the state does not allow it."""
        try:
            return service(*args, actor=self.actor, **values)
        except RuleBroken as error:
            code = getattr(error, "code", None)
            if code in _CONFLICTS:
                raise ApiError(409, code, " ".join(error.messages)) from error
            raise
