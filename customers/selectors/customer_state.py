"""What decides which acts there are for a customer now."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from django.db.models import Exists, F, OuterRef

from audit.tenancy.actors import Actor
from customers.choices import FLAG_VERIFIED
from customers.models import (
    Booking,
    BookingPayment,
    Customer,
    CustomerQuerySet,
    Flag,
    Refund,
)
from customers.selectors.customers import list_visible

# The newest flags of a business; their codes are those in use.
_RECENT = 200


@dataclass(frozen=True)
class CustomerState:
    """A customer, and what there is to act on."""

    customer: Customer
    is_verified: bool
    # By another flag than the one for verified.
    is_flagged: bool
    is_refundable: bool
    is_invoiceable: bool
    # Something is left to pay, and something that was recorded can be taken back.
    is_payable: bool
    is_payment_reversible: bool
    # Something went back that may turn out not to have arrived.
    is_refund_failable: bool
    # A refund waits for a second person.
    is_refund_pending: bool
    # Of the newest capture; None without any.
    last_active_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Return True if the customer is neither archived nor erased."""
        return self.customer.is_live


def with_state(customers: CustomerQuerySet) -> CustomerQuerySet:
    """Return customers with what `get_customer_state` would ask for."""
    flags = Flag.objects.filter(customer=OuterRef("pk"), removed_at=None)
    bookings = Booking.objects.filter(customer=OuterRef("pk"))
    refunds = Refund.objects.filter(customer=OuterRef("pk"))
    payments = BookingPayment.objects.filter(booking__customer=OuterRef("pk"))
    return customers.annotate(
        is_verified=Exists(flags.filter(code=FLAG_VERIFIED)),
        is_flagged=Exists(flags.exclude(code=FLAG_VERIFIED)),
        is_refundable=Exists(bookings.refundable()),
        is_invoiceable=Exists(bookings.invoiceable()),
        is_refund_failable=Exists(refunds.failable()),
        is_refund_pending=Exists(refunds.pending()),
        is_payable=Exists(bookings.payable()),
        is_payment_reversible=Exists(payments.reversible())
        | Exists(bookings.paid_earlier()),
        last_active_at=F("stats__last_active_at"),
    )


def get_customer_state(customer: Customer) -> CustomerState:
    """Return what there is to act on; the caller has checked access.

    One statement, or none for a customer of `with_state`.
    """
    names = [field.name for field in fields(CustomerState) if field.name != "customer"]
    values = {name: vars(customer)[name] for name in names if name in vars(customer)}
    if len(values) < len(names):
        values = (
            with_state(Customer.objects.filter(pk=customer.pk)).values(*names).get()
        )
    return CustomerState(customer, **values)


def list_flag_codes(customer: Customer, *, actor: Actor) -> list[str]:
    """Return the codes that the business of a customer uses, by its newest flags."""
    flags = list_visible(Flag, actor=actor).filter(business=customer.business_id)
    recent = flags.order_by("-created_at", "-id").values_list("code", flat=True)
    return sorted(set(recent[:_RECENT]))
