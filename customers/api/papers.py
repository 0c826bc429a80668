"""Invoices, and everything about one person as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.exceptions import ApiError
from audit.rest.views import ActionSpec
from customers import services
from customers.api import money_shapes as shapes
from customers.api.found import FoundView
from customers.api.serializers import money as serializers
from customers.models import Customer


class AnyAccept(FoundView):
    """Answers another type than JSON, whatever is asked for."""

    def perform_content_negotiation(self, request: Any, force: bool = False) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        return super().perform_content_negotiation(request, force=True)


class Invoice(AnyAccept):
    """GET shows the invoice of a booking; it gets its number when it is sent."""

    tag = "Bookings"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            "customers.view_booking", OpenApiTypes.STR, media_type="text/html"
        )
    }

    def get(self, request: Request, pk: str) -> HttpResponse:
        booking = self.booking(pk)
        # Its sums say what went back and what credit paid.
        for permission in ("customers.view_refund", "customers.view_credit"):
            self.actor.require_perm(booking.business_id, permission)
        services.check_invoiceable(booking)
        html = services.render_invoice(
            booking, actor=self.actor, is_unmasked=self.can_see_unmasked(booking)
        )
        self.note_access(booking.customer)
        return HttpResponse(
            html,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": services.invoice_policy()},
        )


class SendInvoice(FoundView):
    """POST numbers the invoice of a booking and mails it."""

    tag = "Bookings"
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "customers.change_booking", serializers.SentInvoicesSerializer
        )
    }

    def post(self, request: Request, pk: str) -> Response:
        booking = self.booking(pk)
        self.body()
        sent = services.send_invoices([booking], actor=self.actor)
        self.note_access(booking.customer)
        sees_address = self.can_see_unmasked(booking)
        return self.respond({"results": sent}, sees_address=sees_address)


class AskExport(FoundView):
    """POST answers a link to everything about somebody, good once for ten minutes."""

    tag = "Customers"
    changes_customer = False
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "customers.export_customer",
            serializers.LinkSerializer,
            201,
            shapes.GiveReason,
        )
    }

    def post(self, request: Request, customer: str) -> Response:
        row, values = self.customer(customer), self.body()
        link = services.make_person_link(
            row, actor=self.actor, confirm=self.confirm_export, **values
        )
        return self.respond(link)


class PersonExport(AnyAccept):
    """GET opens a link, for the person who asked for it; once."""

    tag = "Customers"
    # No HEAD: it would use the link up.
    http_method_names = ["get"]
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec("customers.export_customer", OpenApiTypes.OBJECT)
    }

    def get(self, request: Request, token: str) -> StreamingHttpResponse:
        try:
            row, parts = services.open_person_link(token, actor=self.actor)
        except ObjectDoesNotExist as error:
            raise Http404 from error
        except services.LinkUsed as error:
            sentence = "This link was good once, for ten minutes. Ask for a new one."
            raise ApiError(410, "link_used", sentence) from error
        return _file(row, parts)


def _file(row: Customer, parts: Any) -> StreamingHttpResponse:
    name = f'attachment; filename="{row.unique_id}.json"'
    return StreamingHttpResponse(
        parts,
        content_type="application/json",
        headers={"Content-Disposition": name},
    )
