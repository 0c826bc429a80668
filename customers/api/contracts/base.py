"""What the documents' endpoints about customers share."""

from __future__ import annotations

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from audit.json_text import JsonObject
from audit.privacy.masking import masks_of
from audit.rest.serializers import StrictSerializer
from audit.rest.views import ActionSpec, etag_of
from audit.rest.write_viewsets import Reason, stale_as_412
from customers import services
from customers.api.inputs import MaskedUpdateSerializer
from customers.api.serializers.base import CompleteModelSerializer
from customers.api.views import WorkingBusinessView
from customers.models import Customer

VIEW, CHANGE = "customers.view_customer", "customers.change_customer"
ADD, ARCHIVE = "customers.add_customer", "customers.archive_customer"


def customer_specs(
    detail: type[CompleteModelSerializer],
    *,
    create: type[StrictSerializer],
    created: type[CompleteModelSerializer],
    update: type[MaskedUpdateSerializer],
    replace: type[MaskedUpdateSerializer],
) -> dict[str, ActionSpec]:
    """Return the actions about one customer, which are the same in all documents."""
    return {
        "create": ActionSpec(ADD, created, 201, create),
        "retrieve": ActionSpec(VIEW, detail, has_versions=True),
        "partial_update": ActionSpec(CHANGE, detail, body=update, has_versions=True),
        "update": ActionSpec(CHANGE, detail, body=replace, has_versions=True),
        "destroy": ActionSpec(ARCHIVE, None, 204, Reason),
    }


class ContractView(WorkingBusinessView):
    """An endpoint about the customers of one business."""

    def customer(self, reference: str) -> Customer:
        """Return the customer in the path. Raises Http404."""
        business = self.business()
        with self.lookup("customers.customer", reference):
            return services.get_detailed_customer(
                reference, actor=self.actor, business=business
            )


class ContractViewSet(ViewSetMixin, ContractView):
    """The customers of one business, as a document answers them.

    Changes and archiving take `If-Match`.
    """

    def load_details(self, customer: Customer) -> None:
        """Set the attributes that the serializer of one customer needs."""
        raise NotImplementedError

    def get_masks(self, customer: Customer) -> JsonObject:
        """Return what the answer shows in the place of each masked value."""
        return masks_of(customer)

    def create(self, request: Request, **_: object) -> Response:
        """Create a customer."""
        values = self.body()
        created = services.create_customer(self.business(), actor=self.actor, **values)
        customer = self.customer(str(created.pk))
        response = self._detail(customer)
        response["Location"] = f"{request.path.rstrip('/')}/{customer.pk}"
        return response

    def retrieve(self, request: Request, customer: str, **_: object) -> Response:
        """Show a customer with what belongs to it."""
        return self._detail(self.customer(customer))

    def partial_update(self, request: Request, customer: str, **_: object) -> Response:
        """Change a customer; what is not named stays."""
        return self._change(customer)

    def update(self, request: Request, customer: str, **_: object) -> Response:
        """Replace what can be changed of a customer."""
        return self._change(customer)

    def destroy(self, request: Request, customer: str, **_: object) -> Response:
        """Archive a customer; nothing is lost."""
        instance = self.customer(customer)
        reason = self.body().get("reason") or "archived by the API"
        with stale_as_412(self, partial(self.customer, customer)):
            services.archive_customer(
                instance,
                actor=self.actor,
                reason=reason,
                expected_rev=self.expected_rev(instance.rev),
            )
        return Response(status=204)

    def _detail(self, customer: Customer) -> Response:
        """Answer one customer in full, with its version."""
        self.load_details(customer)
        self.note_viewed(customer)
        headers = {"ETag": etag_of(customer.rev)}
        return self.respond(
            customer, headers=headers, is_unmasked=self.can_see_unmasked
        )

    def _change(self, reference: str) -> Response:
        customer = self.customer(reference)
        changes = self.body(
            masks=self.get_masks(customer), is_unmasked=self.can_see_unmasked(customer)
        )
        with stale_as_412(self, partial(self.customer, reference)):
            services.update_customer(
                customer,
                actor=self.actor,
                expected_rev=self.expected_rev(customer.rev),
                **changes,
            )
        return self._detail(self.customer(str(customer.pk)))
