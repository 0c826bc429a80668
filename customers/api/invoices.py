"""Invoices of bookings: as a page, and by mail."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import ActionSpec
from customers import services
from customers.api.serializers.money import SentInvoicesSerializer
from customers.api.views import CustomerLookupView


class AnyAcceptView(CustomerLookupView):
    """Answers one media type, whatever the request accepts."""

    def perform_content_negotiation(
        self,
        request: Request,
        force: bool = False,  # noqa: FBT001, FBT002 - the library's signature
    ) -> tuple[BaseRenderer, str]:
        return super().perform_content_negotiation(request, force=True)


class InvoiceView(AnyAcceptView):
    """The invoice of a booking, as a page."""

    tag = "Bookings"
    action_specs: ClassVar = {
        "get": ActionSpec(
            "customers.view_booking", OpenApiTypes.STR, media_type="text/html"
        )
    }

    def get(self, request: Request, pk: str) -> HttpResponse:
        """Show the invoice of a booking; it gets its number when it is sent."""
        booking = self.booking(pk)
        # Its sums contain refunds and what credit paid.
        for permission in ("customers.view_refund", "customers.view_credit"):
            self.actor.require_perm(booking.business_id, permission)
        services.check_invoiceable(booking)
        html = services.render_invoice(
            booking, actor=self.actor, is_unmasked=self.can_see_unmasked(booking)
        )
        self.note_viewed(booking.customer)
        return HttpResponse(
            html,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": services.invoice_policy()},
        )


class SendInvoiceView(CustomerLookupView):
    """The invoice of a booking, by mail."""

    tag = "Bookings"
    action_specs: ClassVar = {
        "post": ActionSpec("customers.change_booking", SentInvoicesSerializer)
    }

    def post(self, request: Request, pk: str) -> Response:
        """Give the invoice of a booking its number, and mail it."""
        booking = self.booking(pk)
        self.body()
        sent = services.send_invoices([booking], actor=self.actor)
        self.note_viewed(booking.customer)
        sees_address = self.can_see_unmasked(booking)
        return self.respond({"results": sent}, sees_address=sees_address)
