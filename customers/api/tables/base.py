"""What every table of a business has in common; `capture` builds on it too."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as RuleBroken
from django.db.models import Model
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit.rest.exceptions import ApiError
from audit.rest.filters import TableFilters, YesNoFilter
from audit.rest.model_serializers import Related, RowSerializer
from audit.rest.write_viewsets import WritableViewSet
from customers import services
from customers.api.mixins import BusinessScopeMixin
from customers.models import Business, Customer

_REQUIRED = ErrorDetail("Say whose it is.", "required")
_NO_ROW = ErrorDetail("There is no such row.", "does_not_exist")


class HubRow(RowSerializer):
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


class ArchivableFilters(TableFilters):
    """The filters of a table whose rows can be archived."""

    is_archived = YesNoFilter(
        method="leave", label="true: the archived rows instead of the others."
    )

    def leave(self, rows: Any, name: str, value: Any) -> Any:
        """Return the rows as they are: the list has begun with the right ones."""
        return rows


class HubViewSet(BusinessScopeMixin, WritableViewSet):
    """A table of a business. `X-Business` narrows it to one of several."""

    def reached(self, model: type[Model]) -> Any:
        """Return the rows of a table that the actor may see."""
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

    def listed(self, asked: Mapping[str, Any]) -> Any:
        rows = super().listed(asked)
        if services.is_archivable(self.model):
            hidden = {"archived_at": None}
            is_hidden = asked.get("is_archived")
            rows = rows.exclude(**hidden) if is_hidden else rows.filter(**hidden)
        return rows

    def customer(self, reference: str) -> Customer:
        """Return the customer that an address names. Raises Http404 or ApiError 400."""
        rows = services.list_rows(Customer, actor=self.actor)
        try:
            return services.find_customer(
                reference,
                rows=rows.select_related("business"),
                business_id=self.business_id,
            )
        except ObjectDoesNotExist as error:
            raise self.missing(Customer, reference) from error
        except RuleBroken as error:
            raise ApiError(400, "business_needed", str(error.message)) from error

    def may_see(self, related: Related, other: Any) -> bool:
        # People have no business of their own; who sees a row sees who works on it.
        return isinstance(other, get_user_model()) or super().may_see(related, other)

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
    def owner(self) -> Customer | None:
        """The customer that the address names, if it does."""
        return self.customer(self.kwargs["customer"]) if self.parent else None

    def listed(self, asked: Mapping[str, Any]) -> Any:
        rows = super().listed(asked)
        if self.owner is None:
            return rows
        self.note_shown("viewed", [self.owner], target=self.owner)
        return rows.filter(business=self.owner.business_id, customer=self.owner)

    def body(self, **context: Any) -> Any:
        """Return the checked body; below a customer's address it names nobody else."""
        if self.owner is None or self.action != "create":
            return super().body(**context)
        values = super().body(**context)
        if values.setdefault("customer_id", self.owner.pk) != self.owner.pk:
            text = "The body names another customer than the path. Leave it out."
            raise ValidationError({"customer_id": [ErrorDetail(text, "conflict")]})
        return values

    def customer_of(self, values: dict[str, Any]) -> Customer:
        """Take the customer out of a body and return it. Raises ValidationError."""
        key = values.pop("customer_id", None)
        if self.owner is not None:
            return self.owner
        if key is None:
            raise ValidationError({"customer_id": [_REQUIRED]})
        rows = self.reached(Customer).select_related("business")
        found: Customer | None = rows.filter(pk=key).first()
        if found is None:
            raise ValidationError({"customer_id": [_NO_ROW]})
        return found

    def perform_create(self, values: dict[str, Any]) -> Any:
        customer = self.customer_of(values)
        services.check_live(customer)
        self.references_in(
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
