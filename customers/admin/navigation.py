"""Where the pages of the hub stand in the side navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from audit.admin.navigation import Entry, Waiting, register_entries
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.data_checks import CHECK
from customers.choices import UNRESOLVED_STATUSES, TicketPriority
from customers.models import Ticket

# More need not be told apart.
_MOST = 100


def count_tickets(actor: Actor) -> Waiting:
    """Return how many tickets wait for somebody, up to 100, and if one is urgent."""
    tickets = services.list_visible(Ticket, actor=actor).order_by()
    unresolved = tickets.filter(status__in=UNRESOLVED_STATUSES)
    urgent = unresolved.filter(priority=TicketPriority.URGENT)
    return Waiting(unresolved[:_MOST].count(), urgent.exists())


register_entries(
    "Customers",
    Entry("customers.customer", "people", _("All customers")),
    Entry("customers.booking", "bag"),
    Entry("customers.bookingpayment", "cash"),
    Entry("customers.refund", "refund"),
    Entry("customers.credit", "cash"),
)
register_entries(
    "Service",
    Entry("customers.ticket", "chat", count=count_tickets),
    Entry("customers.note", "note"),
    Entry("customers.flag", "flag"),
)
register_entries(
    "Compliance",
    Entry("customers.consentevent", "check", _("Consents")),
    Entry("data_checks", "search", _("Data checks"), CHECK),
    Entry("access_review", "lock", _("Access review"), "customers.view_membership"),
)
register_entries(
    "System",
    Entry("customers.membership", "seal", _("Roles")),
    Entry("customers_customer_import", "up", _("Imports"), "customers.import_customer"),
    Entry("customers.business", "building"),
)
