"""Everything about one person, as a file behind a link."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.exceptions import ApiError
from audit.rest.views import ActionSpec
from customers import services
from customers.api.invoices import AnyAcceptView
from customers.api.serializers.money import GiveReason, LinkSerializer
from customers.api.views import CustomerLookupView


class PersonExportLinkView(CustomerLookupView):
    """Links to everything about a customer."""

    tag = "Customers"
    changes_customer = False
    action_specs: ClassVar = {
        "post": ActionSpec("customers.export_customer", LinkSerializer, 201, GiveReason)
    }

    def post(self, request: Request, customer: str) -> Response:
        """Make a link to everything about somebody, good once for ten minutes."""
        link = services.make_person_link(
            self.customer(customer),
            actor=self.actor,
            step_up=self.step_up("export"),
            **self.body(),
        )
        return self.respond(link)


class PersonExportView(AnyAcceptView):
    """What a link opens."""

    tag = "Customers"
    # No HEAD: it would use the link up.
    http_method_names = ["get"]
    action_specs: ClassVar = {
        "get": ActionSpec("customers.export_customer", OpenApiTypes.OBJECT)
    }

    def get(self, request: Request, token: str) -> StreamingHttpResponse:
        """Open a link, for the person who asked for it; once."""
        try:
            customer, chunks = services.open_person_link(token, actor=self.actor)
        except ObjectDoesNotExist as error:
            raise Http404 from error
        except services.LinkUsed as error:
            sentence = "This link was good once, for ten minutes. Ask for a new one."
            raise ApiError(410, "link_used", sentence) from error
        name = f'attachment; filename="{customer.unique_id}.json"'
        return StreamingHttpResponse(
            chunks,
            content_type="application/json",
            headers={"Content-Disposition": name},
        )
