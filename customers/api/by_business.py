"""Document 004: `/api/customers/<business>/…`, twelve endpoints, snake_case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import services as audit
from audit.api.paging import page_of
from audit.api.reading import PageQuery
from audit.api.views import Method, StaffView, etag_of
from audit.api.writing import Reason
from audit.masking import masks_of
from customers import services
from customers.api import bodies
from customers.api.contracts.doc004 import serializers
from customers.api.versions import VersionedCustomer
from customers.models import Business, Customer

_VIEW, _ADD, _CHANGE, _ARCHIVE = (
    f"customers.{verb}_customer" for verb in ("view", "add", "change", "archive")
)


class BusinessView(VersionedCustomer, StaffView):
    """An endpoint below one business; a foreign one is as missing as any."""

    tag = "Customers of a business"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.spec is None:
            return  # 405 follows
        try:
            self.business: Business = services.get_business(
                kwargs["business"], actor=self.actor, permission=self.right
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error

    def customer(self, reference: str) -> Customer:
        """Return the customer that the path names. Raises Http404."""
        try:
            return services.get_shown_customer(
                reference, actor=self.actor, business=self.business
            )
        except ObjectDoesNotExist as error:
            self.actor.operation.refuse("not_found", "customers.customer", reference)
            raise Http404 from error

    def body(self, **context: Any) -> dict[str, Any]:
        """Return the checked body without its business, which has to be the path's."""
        body = super().body(**context)
        if body.get("business_id", self.business.pk) != self.business.pk:
            text = "The body names another business than the path. Leave it out."
            raise ValidationError({"business_id": [ErrorDetail(text, "conflict")]})
        return bodies.changes_of(body)

    def note_shown(self, verb: str, rows: list[Any], **facts: Any) -> None:
        """Note for the access event whom the answer shows."""
        audit.note_shown(f"customer.{verb}", rows, actor=self.actor, **facts)

    def detail(self, row: Customer) -> Response:
        """Answer one customer with everything about it."""
        notes = services.newest_notes(row, actor=self.actor, limit=5)
        row.recent_notes = notes  # type: ignore[attr-defined]  # for the serializer
        self.note_shown("viewed", [row], target=row)
        headers = {"ETag": etag_of(row.rev)}
        return self.respond(row, headers=headers, is_clear=self.sees_clear)


class Customers(BusinessView):
    """GET lists, POST creates."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(
            _VIEW, serializers.CustomerPageSerializer, query=bodies.CustomerList
        ),
        "post": Method(
            _ADD, serializers.OneCustomerSerializer, 201, bodies.CreateCustomer
        ),
    }

    def get(self, request: Request, **_: Any) -> Response:
        """List customers."""
        asked = self.parameters
        rows = services.list_shown_customers(
            actor=self.actor,
            business=self.business,
            search=asked["search"],
            customer_type=asked.get("customer_type", ""),
            is_active=asked["is_active"],
            sort_by=asked["sort_by"],
            is_descending=asked["sort_order"] == "desc",
        )
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        verb = "searched" if asked["search"] else "listed"
        self.note_shown(verb, page.rows, query=asked["search"] or None)
        return self.respond({"customers": page.rows, "pagination": page})

    def post(self, request: Request, **_: Any) -> Response:
        """Create a customer."""
        values = self.body()
        created = services.create_customer(self.business, actor=self.actor, **values)
        response = self.detail(self.customer(str(created.pk)))
        response["Location"] = f"{request.path.rstrip('/')}/{created.pk}"
        return response


class Search(BusinessView):
    """GET finds while somebody types; exact hits come first."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(_VIEW, serializers.FoundSerializer, query=bodies.SearchQuery)
    }

    def get(self, request: Request, **_: Any) -> Response:
        """Find customers while somebody types; exact hits come first."""
        asked = self.parameters
        rows = services.search_customers(
            asked["q"],
            actor=self.actor,
            business_id=self.business.pk,
            limit=asked["limit"],
        )
        self.note_shown("searched", rows, query=asked["q"] or None)
        return self.respond({"customers": rows})


class Repeat(BusinessView):
    """GET lists who bought twice or more, most first."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(_VIEW, serializers.RepeatPageSerializer, query=PageQuery)
    }

    def get(self, request: Request, **_: Any) -> Response:
        """List who bought twice or more, most first."""
        asked = self.parameters
        rows = services.get_repeat_customers(
            actor=self.actor, business_id=self.business.pk
        ).with_shown()
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        self.note_shown("listed", page.rows)
        return self.respond({"customers": page.rows, "pagination": page})


class OneCustomer(BusinessView):
    """GET shows, PATCH and PUT change, DELETE archives."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(_VIEW, serializers.OneCustomerSerializer, has_versions=True),
        "patch": Method(
            _CHANGE,
            serializers.OneCustomerSerializer,
            body=bodies.UpdateCustomer,
            has_versions=True,
        ),
        "put": Method(
            _CHANGE,
            serializers.OneCustomerSerializer,
            body=bodies.ReplaceCustomer,
            has_versions=True,
        ),
        "delete": Method(_ARCHIVE, None, 204, Reason),
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """Show a customer with preferences, figures and newest notes."""
        return self.detail(self.customer(customer))

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
        with self.versioned(customer):
            services.archive_customer(
                row, actor=self.actor, reason=reason, expected_rev=self.expected_rev()
            )
        return Response(status=204)

    def _change(self, reference: str) -> Response:
        row = self.customer(reference)
        masks = serializers.get_customer_masks(row)
        changes = self.body(masks=masks, is_clear=self.sees_clear(row))
        with self.versioned(reference):
            services.update_customer(
                row, actor=self.actor, expected_rev=self.expected_rev(), **changes
            )
        return self.detail(self.customer(str(row.pk)))


class Notes(BusinessView):
    """GET lists a customer's notes, POST writes one."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(
            "customers.view_note", serializers.NotePageSerializer, query=bodies.NoteList
        ),
        "post": Method(
            "customers.add_note", serializers.OneNoteSerializer, 201, bodies.WriteNote
        ),
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """List a customer's notes, newest first."""
        asked, row = self.parameters, self.customer(customer)
        rows = services.list_notes(
            row, actor=self.actor, note_type=asked.get("note_type", "")
        )
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        self.note_shown("viewed", [row], target=row)
        return self.respond({"notes": page.rows, "pagination": page})

    def post(self, request: Request, customer: str, **_: Any) -> Response:
        """Write a note about a customer."""
        row = self.customer(customer)
        values = self.body()
        content = values.pop("content")
        written = services.add_note(row, content, actor=self.actor, **values)
        self.note_shown("viewed", [row], target=row)
        return self.respond(written)


class CustomerPreferences(BusinessView):
    """PATCH changes how somebody wants to be served."""

    methods: ClassVar[Mapping[str, Method]] = {
        "patch": Method(
            "customers.change_preferences",
            serializers.PreferencesSerializer,
            body=bodies.UpdatePreferences,
        )
    }

    def patch(self, request: Request, customer: str, **_: Any) -> Response:
        """Change how a customer wants to be served."""
        self.refuse_version()
        row = self.customer(customer)
        masks = masks_of(row.preferences)
        values = self.body(masks=masks, is_clear=self.sees_clear(row))
        changed = services.update_preferences(row, actor=self.actor, **values)
        self.note_shown("viewed", [row], target=row)
        return self.respond(changed, is_clear=self.sees_clear)


class Purchases(BusinessView):
    """GET lists what somebody bought, with the sums."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(
            "customers.view_booking",
            serializers.PurchasePageSerializer,
            query=PageQuery,
        )
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """List what a customer bought, with the sums."""
        asked, row = self.parameters, self.customer(customer)
        rows = services.get_purchase_history(row, actor=self.actor).with_refunded()
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        self.note_shown("viewed", [row], target=row)
        return self.respond(
            {"purchases": page.rows, "summary": row.stats, "pagination": page}
        )


class Metrics(BusinessView):
    """GET answers somebody's figures."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method("customers.view_customerstats", serializers.MetricsSerializer)
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """Show a customer's figures and loyalty."""
        row = self.customer(customer)
        self.note_shown("viewed", [row], target=row)
        return self.respond(row, is_clear=self.sees_clear)
