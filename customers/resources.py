"""What import and export read and write: named columns, scoped rows, one door."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.core.exceptions import (
    MultipleObjectsReturned,
    ObjectDoesNotExist,
    ValidationError,
)
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from import_export import resources, widgets
from import_export.fields import Field

from audit.actors import Actor, OperationContext
from customers import services
from customers.models import Address, Booking, Business, Contact, Customer, Ticket


class Text(widgets.Widget):
    """Text as it stands; an empty cell is no value."""

    def clean(self, value: Any, row: Any = None, **_: Any) -> Any:
        return None if value in (None, "") else str(value)

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return "" if value is None else str(value)


class Amount(Text):
    """An exact number."""

    def clean(self, value: Any, row: Any = None, **_: Any) -> Any:
        text = super().clean(value)
        if text is None:
            return None
        try:
            return Decimal(text.strip())
        except InvalidOperation as error:
            msg = "Write a number like 12.50."
            raise ValueError(msg) from error


class Moment(Text):
    """A time in RFC 3339, or a day."""

    def clean(self, value: Any, row: Any = None, **_: Any) -> Any:
        text = super().clean(value)
        if text is None:
            return None
        try:
            moment = parse_datetime(text.strip())
            if moment is None and (day := parse_date(text.strip())):
                moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        except ValueError:
            moment = None
        if moment is None:
            msg = "Write a time like 2026-11-21T10:00:00Z or a day like 2026-11-21."
            raise ValueError(msg)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        if value is None:
            return ""
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Flag(Text):
    """Yes or no."""

    _VALUES = {
        "1": True,
        "true": True,
        "yes": True,
        "0": False,
        "false": False,
        "no": False,
    }

    def clean(self, value: Any, row: Any = None, **_: Any) -> bool:
        text = (super().clean(value) or "no").strip().lower()
        if text not in self._VALUES:
            msg = "Write yes or no."
            raise ValueError(msg)
        return self._VALUES[text]

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return "yes" if value else "no"


def column(
    name: str, widget: widgets.Widget | None = None, *, fixed: bool = False
) -> Field:
    """Return a column of the file; a fixed one is written and never read."""
    # An empty cell leaves a new row its default.
    return Field(
        attribute=name,
        column_name=name,
        widget=widget or Text(),
        readonly=fixed,
        saves_null_values=True,
    )


_NOTHING = OperationContext(via="admin", route="")


class Checked:
    """The options of every resource: rows are validated, unchanged ones skipped."""

    import_id_fields = ()
    clean_model_instances = True
    skip_unchanged = True
    report_skipped = True
    use_transactions = True


class HubResource(resources.ModelResource):
    """Rows of the actor's businesses, read and written through the doors."""

    # Empty cells do not overwrite these; they have a default.
    with_default: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        actor: Actor | None = None,
        written: Counter[UUID] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Forms make a resource to list its columns; it then reaches no row.
        self.actor = actor or Actor(kind="anonymous", operation=_NOTHING)
        # How many rows were written in each business, for the caller.
        self.written: Counter[UUID] = Counter() if written is None else written

    @property
    def right(self) -> str:
        """The right to import, which may hold in fewer businesses than the view."""
        opts = self._meta.model._meta
        return f"{opts.app_label}.import_{opts.model_name}"

    def get_queryset(self) -> QuerySet[Any]:
        return services.list_rows(
            self._meta.model, actor=self.actor, permission=self.right
        )

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """Return the row that a line means, or None for a new one."""
        raise NotImplementedError  # each table finds its rows by other columns

    def business_of(self, row: Any) -> Business:
        """Return the business that a line names, or the actor's only one."""
        slug = row.get("business") or ""
        try:
            if slug:
                return services.get_business(
                    slug, actor=self.actor, permission=self.right
                )
            return services.list_businesses(
                actor=self.actor, permission=self.right
            ).get()
        except (ObjectDoesNotExist, MultipleObjectsReturned) as error:
            msg = "Name one of your businesses in the column business."
            raise ValidationError({"business": msg}) from error

    def customer_of(self, row: Any) -> Customer:
        """Return the customer that a line names by reference, id or e-mail."""
        business = self.business_of(row)
        name = (row.get("customer") or "").strip()
        customers = services.list_customers(actor=self.actor, business_id=business.pk)
        try:
            if "@" in name:
                return customers.with_email(name).select_related("business").get()
            return services.get_customer(
                name, actor=self.actor, business_id=business.pk
            )
        except (ObjectDoesNotExist, MultipleObjectsReturned) as error:
            self.actor.operation.refuse("not_found", "customers.customer")
            msg = "No customer of this business has this reference, id or e-mail."
            raise ValidationError({"customer": msg}) from error

    def import_field(
        self, field: Field, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any
    ) -> None:
        is_empty = row.get(field.column_name) in (None, "")
        if not (is_empty and field.attribute in self.with_default):
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        try:
            services.save_record(instance, actor=self.actor, reason="imported")
        except IntegrityError as error:
            msg = "The database refused the row: another one has the same values."
            raise ValidationError(msg) from error
        self.written[instance.business_id] += 1


class ChildResource(HubResource):
    """Rows of a customer. A line with an id changes that row; one without adds."""

    id = column("id", fixed=True)
    business = column("business__slug", fixed=True)
    customer = column("customer__unique_id", fixed=True)
    business.column_name, customer.column_name = "business", "customer"

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        pk = (row.get("id") or "").strip()
        if not pk:
            return None
        try:
            return self.get_queryset().select_related("business").get(pk=pk)
        except (ObjectDoesNotExist, ValidationError) as error:
            self.actor.operation.refuse("not_found", self._meta.model._meta.label_lower)
            msg = "No row of yours has this id. Leave it empty to add one."
            raise ValidationError({"id": msg}) from error

    def init_instance(self, row: Any = None) -> Any:
        customer = self.customer_of(row)
        return self._meta.model(business=customer.business, customer=customer)


class CustomerResource(HubResource):
    """Customers, known by their reference, else by their e-mail."""

    business = column("business__slug", fixed=True)
    business.column_name = "business"
    reference = column("unique_id", fixed=True)
    reference.column_name = "reference"
    name = column("name")
    email = column("email")
    is_email_verified = column("is_email_verified", Flag())
    phone = column("phone")
    customer_type = column("customer_type")
    status = column("status")
    external_id = column("external_id")
    source = column("source")
    location = column("location")
    joined_at = column("joined_at", Moment())
    with_default = ("status", "source", "joined_at")

    class Meta(Checked):
        model = Customer
        name = "Customers"
        fields = (
            "business",
            "reference",
            "name",
            "email",
            "is_email_verified",
            "phone",
            "customer_type",
            "status",
            "external_id",
            "source",
            "location",
            "joined_at",
        )

    def get_instance(self, instance_loader: Any, row: Any) -> Customer | None:
        business = self.business_of(row)
        rows = services.list_customers(actor=self.actor, business_id=business.pk)
        reference = (row.get("reference") or "").strip()
        if reference:
            found = rows.filter(unique_id=reference).select_related("business").first()
            if found is None:
                self.actor.operation.refuse("not_found", "customers.customer")
                msg = "No customer of yours has it. Leave it empty to add one."
                raise ValidationError({"reference": msg})
            return found
        email = (row.get("email") or "").strip()
        known = rows.with_email(email).select_related("business") if email else None
        return known.first() if known is not None else None

    def init_instance(self, row: Any = None) -> Customer:
        return Customer(business=self.business_of(row), joined_at=datetime.now(UTC))


class AddressResource(ChildResource):
    kind = column("kind")
    label = column("label")
    recipient = column("recipient")
    line1 = column("line1")
    line2 = column("line2")
    city = column("city")
    region = column("region")
    postal_code = column("postal_code")
    country = column("country")
    raw = column("raw")
    is_primary = column("is_primary", Flag())
    phone = column("phone")
    instructions = column("instructions")
    with_default = ("kind",)

    class Meta(Checked):
        model = Address
        name = "Addresses"
        fields = (
            "id",
            "business",
            "customer",
            "kind",
            "label",
            "recipient",
            "line1",
            "line2",
            "city",
            "region",
            "postal_code",
            "country",
            "raw",
            "is_primary",
            "phone",
            "instructions",
        )


class ContactResource(ChildResource):
    kind = column("kind")
    name = column("name")
    relation = column("relation")
    email = column("email")
    phone = column("phone")
    is_primary = column("is_primary", Flag())
    valid_from = column("valid_from", Moment())
    valid_to = column("valid_to", Moment())

    class Meta(Checked):
        model = Contact
        name = "Contacts"
        fields = (
            "id",
            "business",
            "customer",
            "kind",
            "name",
            "relation",
            "email",
            "phone",
            "is_primary",
            "valid_from",
            "valid_to",
        )


class BookingResource(ChildResource):
    reference = column("reference", fixed=True)
    external_id = column("external_id")
    kind = column("kind")
    status = column("status")
    placed_at = column("placed_at", Moment())
    starts_at = column("starts_at", Moment())
    ends_at = column("ends_at", Moment())
    completed_at = column("completed_at", Moment())
    items_count = column("items_count", Amount())
    discount_amount = column("discount_amount", Amount())
    total_amount = column("total_amount", Amount())
    paid_amount = column("paid_amount", Amount())
    credit_used = column("credit_used", Amount())
    currency = column("currency")
    payment_method = column("payment_method")
    invoice_number = column("invoice_number")
    with_default = (
        "kind",
        "status",
        "placed_at",
        "items_count",
        "discount_amount",
        "total_amount",
        "paid_amount",
        "credit_used",
        "currency",
    )

    class Meta(Checked):
        model = Booking
        name = "Bookings"
        fields = (
            "id",
            "business",
            "customer",
            "reference",
            "external_id",
            "kind",
            "status",
            "placed_at",
            "starts_at",
            "ends_at",
            "completed_at",
            "items_count",
            "discount_amount",
            "total_amount",
            "paid_amount",
            "credit_used",
            "currency",
            "payment_method",
            "invoice_number",
        )

    def init_instance(self, row: Any = None) -> Any:
        booking = super().init_instance(row)
        booking.currency = booking.business.currency
        return booking


class TicketResource(ChildResource):
    number = column("number", fixed=True)
    subject = column("subject")
    status = column("status")
    priority = column("priority")
    channel = column("channel")
    opened_at = column("opened_at", Moment())
    resolved_at = column("resolved_at", Moment())
    closed_at = column("closed_at", Moment())
    with_default = ("status", "priority", "channel", "opened_at")

    class Meta(Checked):
        model = Ticket
        name = "Tickets"
        fields = (
            "id",
            "business",
            "customer",
            "number",
            "subject",
            "status",
            "priority",
            "channel",
            "opened_at",
            "resolved_at",
            "closed_at",
        )
