"""The tables of the hub."""

from __future__ import annotations

from customers.models.booking import Booking, Credit, Refund
from customers.models.booking_payment import BookingPayment
from customers.models.business import (
    Business,
    Membership,
    permissions_in_businesses,
    roles_of,
    staff_of,
)
from customers.models.consent import ConsentEvent
from customers.models.contact import Address, Contact
from customers.models.customer import Customer, CustomerQuerySet
from customers.models.customer_index import CustomerIndex, CustomerIndexQuerySet
from customers.models.import_file import ImportContent, ImportFile
from customers.models.note import Note
from customers.models.preferences import Flag, Preferences
from customers.models.saved_view import ListLayout, SavedView
from customers.models.stats import CustomerStats
from customers.models.ticket import Ticket, TicketMessage
