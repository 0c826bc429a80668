"""What every table of a business has in common; `capture` builds on it too."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Model
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.filters import TableFilters, YesNoFilter
from audit.rest.model_serializers import HubModelSerializer, Related
from audit.rest.write_viewsets import WritableViewSet
from customers import services
from customers.api.mixins import BusinessScopeMixin
from customers.models import Business, Customer

_REQUIRED = ErrorDetail("Say whose it is.", "required")
_NO_ROW = ErrorDetail("There is no such row.", "does_not_exist")


class HubRow(HubModelSerializer):
    """A row whose amounts are texts with the decimals of their currency."""

    amounts: ClassVar[tuple[str, ...]] = ()

    def currency_of(self, row: Any) -> str:
        """Return the currency of the row's amounts."""
        currency: str = row.currency
        return currency

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        for name in self.amounts:
            if shown.get(name) is not None:
                value = getattr(instance, name)
                currency = self.currency_of(instance)
                shown[name] = services.amount_text(value, currency)
        return shown


class ArchivedFilter(YesNoFilter):
    """Hides archived rows, also where nothing is asked; `true` hides the others."""

    def filter(self, qs: Any, value: Any) -> Any:
        return qs.filter(archived_at__isnull=not value)


class ArchivableFilters(TableFilters):
    """The filters of a table whose rows can be archived."""

    is_archived = ArchivedFilter(label="true: the archived rows instead of the others.")


class HubViewSet(BusinessScopeMixin, WritableViewSet):
    """A table of a business. `X-Business` narrows it to one of several."""

    @cached_property
    def parent_instance(self) -> Any:
        """The customer or ticket that the address names, if it does."""
        return None

    def get_queryset(self) -> Any:
        return self.with_related(self.visible_queryset(self.model))

    def list(self, request: Request, **kwargs: Any) -> Response:
        """List the rows that the filters keep, a page at a time."""
        if self.parent_instance is not None:
            self.note_access(
                "viewed", [self.parent_instance], target=self.parent_instance
            )
        return super().list(request, **kwargs)

    def visible_queryset(self, model: type[Model]) -> Any:
        rows: Any = services.list_rows(model, actor=self.actor)
        if self.business_id is not None:
            rows = rows.filter(
                **{"pk" if model is Business else "business": self.business_id}
            )
        return rows

    @cached_property
    def business_id(self) -> UUID | None:
        """The business that `X-Business` names. Raises Http404."""
        return self.named_business_id()

    def customer(self, reference: str) -> Customer:
        """Return the customer that an address names. Raises Http404 or ApiError 400."""
        return self.find_customer(reference, business_id=self.business_id)

    def can_see(self, related: Related, other: Any) -> bool:
        # People have no business of their own; who sees a row sees who works on it.
        return isinstance(other, get_user_model()) or super().can_see(related, other)

    def perform_update(
        self, row: Any, expected_rev: int | None, changes: dict[str, Any]
    ) -> Any:
        return services.change_row(
            row, actor=self.actor, expected_rev=expected_rev, **changes
        )

    def perform_archive(self, row: Any, expected_rev: int | None, reason: str) -> Any:
        return services.archive_row(
            row, actor=self.actor, expected_rev=expected_rev, reason=reason
        )

    def perform_restore(self, row: Any, expected_rev: int | None, reason: str) -> Any:
        return services.restore_row(
            row, actor=self.actor, expected_rev=expected_rev, reason=reason
        )


class CustomerRelatedViewSet(HubViewSet):
    """A table whose rows belong to a customer: below its address, or all of them."""

    @cached_property
    def parent_instance(self) -> Customer | None:
        """The customer that the address names, if it does."""
        return self.customer(self.kwargs["customer"]) if self.parent else None

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if self.parent_instance is None:
            return rows
        return rows.filter(
            business=self.parent_instance.business_id, customer=self.parent_instance
        )

    def body(self, **context: Any) -> Any:
        """Return the checked body; below a customer's address it names nobody else."""
        if self.parent_instance is None or self.action != "create":
            return super().body(**context)
        values = super().body(**context)
        if (
            values.setdefault("customer_id", self.parent_instance.pk)
            != self.parent_instance.pk
        ):
            text = "The body names another customer than the path. Leave it out."
            raise ValidationError({"customer_id": [ErrorDetail(text, "conflict")]})
        return values

    def customer_of(self, values: dict[str, Any]) -> Customer:
        """Take the customer out of a body and return it. Raises ValidationError."""
        key = values.pop("customer_id", None)
        if self.parent_instance is not None:
            return self.parent_instance
        if key is None:
            raise ValidationError({"customer_id": [_REQUIRED]})
        rows = self.visible_queryset(Customer).select_related("business")
        found: Customer | None = rows.filter(pk=key).first()
        if found is None:
            raise ValidationError({"customer_id": [_NO_ROW]})
        return found

    def perform_create(self, values: dict[str, Any]) -> Any:
        customer = self.customer_of(values)
        services.check_live(customer)
        self.check_references(
            values, business_id=customer.business_id, customer_id=customer.pk
        )
        return self.create_for_customer(customer, values)

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        """Create a row that belongs to a customer."""
        return services.create_row(
            self.model,
            business_id=customer.business_id,
            actor=self.actor,
            customer=customer,
            **values,
        )
