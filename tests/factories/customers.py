"""Rows of the hub for tests, written as the product writes them: by a service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory

from audit.tenancy.actors import Actor
from customers import services
from customers.models import (
    Address,
    Booking,
    BookingPayment,
    Business,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    Flag,
    ImportContent,
    ImportFile,
    ListLayout,
    Membership,
    Note,
    Preferences,
    Refund,
    SavedView,
    Ticket,
    TicketMessage,
)
from tests.factories.audit import UserFactory

JOINED = datetime(2026, 1, 1, 12, tzinfo=UTC)


class RecordFactory(factory.django.DjangoModelFactory):
    """Saves through `services.save_record`, so history, trail and figures exist."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        actor = Actor.system("factory")
        return services.save_record(model_class(*args, **kwargs), actor=actor)


class BusinessFactory(RecordFactory):
    class Meta:
        model = Business

    slug = factory.Sequence(lambda n: f"business-{n}")
    name = factory.Sequence(lambda n: f"Business {n}")
    # A new business has one; what tests are about should not wait for a second person.
    refund_limit = None


class MembershipFactory(RecordFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    business = factory.SubFactory(BusinessFactory)
    role = "support"


class CustomerFactory(RecordFactory):
    class Meta:
        model = Customer

    business = factory.SubFactory(BusinessFactory)
    name = factory.Sequence(lambda n: f"Customer {n}")
    joined_at = JOINED


class OfCustomerFactory(RecordFactory):
    """A row that belongs to a customer, and so to the customer's business."""

    class Meta:
        abstract = True

    customer = factory.SubFactory(CustomerFactory)
    business = factory.SelfAttribute("customer.business")


class AddressFactory(OfCustomerFactory):
    class Meta:
        model = Address

    line1 = "Storgata 1"


class ContactFactory(OfCustomerFactory):
    class Meta:
        model = Contact

    kind = "emergency"
    name = "Kari Lund"


class NoteFactory(OfCustomerFactory):
    class Meta:
        model = Note

    content = "Prefers rye."


class FlagFactory(OfCustomerFactory):
    class Meta:
        model = Flag

    code = "verified"


class ConsentEventFactory(OfCustomerFactory):
    class Meta:
        model = ConsentEvent

    purpose = "marketing"
    channel = "email"
    action = "given"
    wording_version = "v3"


class BookingFactory(OfCustomerFactory):
    class Meta:
        model = Booking

    currency = "EUR"


class RefundFactory(RecordFactory):
    class Meta:
        model = Refund

    booking = factory.SubFactory(
        BookingFactory, status="completed", total_amount=10, paid_amount=10
    )
    business = factory.SelfAttribute("booking.business")
    customer = factory.SelfAttribute("booking.customer")
    currency = factory.SelfAttribute("booking.currency")
    amount = 5
    reason_code = "quality"


class BookingPaymentFactory(RecordFactory):
    """Part of what a booking costs, in cash."""

    class Meta:
        model = BookingPayment

    booking = factory.SubFactory(BookingFactory, total_amount=10)
    business = factory.SelfAttribute("booking.business")
    currency = factory.SelfAttribute("booking.currency")
    amount = 5
    method = "cash"
    received_on = datetime(2026, 1, 2, tzinfo=UTC).date()


class CreditFactory(OfCustomerFactory):
    class Meta:
        model = Credit

    kind = "issued"
    amount = 10
    currency = "EUR"
    reason = "Late delivery."


class TicketFactory(OfCustomerFactory):
    class Meta:
        model = Ticket

    subject = "Where is my bread?"


class TicketMessageFactory(RecordFactory):
    class Meta:
        model = TicketMessage

    ticket = factory.SubFactory(TicketFactory)
    business = factory.SelfAttribute("ticket.business")
    body = "On its way."


class PreferencesFactory(OfCustomerFactory):
    """The preferences that every customer is born with."""

    class Meta:
        model = Preferences

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        customer = kwargs.pop("customer")
        kwargs.pop("business")
        actor = Actor.system("factory")
        return services.update_preferences(customer, actor=actor, **kwargs)


class ImportFileFactory(factory.django.DjangoModelFactory):
    """A file that somebody uploaded and nobody has looked at."""

    class Meta:
        model = ImportFile

    business = factory.SubFactory(BusinessFactory)
    uploaded_by = factory.SubFactory(UserFactory)
    table = "customer"
    kind = "csv"
    name = "people.csv"
    sha256 = "0" * 64
    size = 1


class ImportContentFactory(factory.django.DjangoModelFactory):
    """What is kept of such a file."""

    class Meta:
        model = ImportContent

    file = factory.SubFactory(ImportFileFactory)
    business = factory.SelfAttribute("file.business")
    content = "sealed"


class SavedViewFactory(factory.django.DjangoModelFactory):
    """A view of its owner alone."""

    class Meta:
        model = SavedView

    business = factory.SubFactory(BusinessFactory)
    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"View {n}")


class ListLayoutFactory(factory.django.DjangoModelFactory):
    """The usual columns of somebody's list."""

    class Meta:
        model = ListLayout

    user = factory.SubFactory(UserFactory)
