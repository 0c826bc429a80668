"""The lists of values that models, forms and the API share; stored in lower case."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils import translation


class Role(TextChoices):
    """The role of a member of staff in one business."""

    ADMIN = "admin"
    SUPPORT = "support"
    MARKETING = "marketing"
    AUDITOR = "auditor"


class ConsentMode(TextChoices):
    """When a business may send offers."""

    EXPLICIT_OPT_IN = "explicit_opt_in"
    SOFT_OPT_IN = "soft_opt_in"


class CustomerStatus(TextChoices):
    """The status that staff set; archived and erased are columns of their own."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"


class CustomerType(TextChoices):
    """The class of a customer; null is not classified."""

    WALK_IN = "walk_in"
    REGULAR = "regular"
    VIP = "vip", "VIP"
    WHOLESALE = "wholesale"
    OTHER = "other"


class NoteType(TextChoices):
    """The subject of a note."""

    PERSONAL = "personal"
    PREFERENCE = "preference"
    ISSUE = "issue"
    FEEDBACK = "feedback"
    OTHER = "other"


class LoyaltyTier(TextChoices):
    """The tier by number of purchases; null without one."""

    ONE_TIME = "one_time"
    OCCASIONAL = "occasional"
    REGULAR = "regular"
    FREQUENT = "frequent"


class AddressKind(TextChoices):
    """The use of an address."""

    HOME = "home"
    WORK = "work"
    BILLING = "billing"
    DELIVERY = "delivery"
    PICKUP = "pickup"
    OTHER = "other"


class ContactKind(TextChoices):
    """Another person to contact, or a further e-mail or phone of the customer."""

    EMERGENCY = "emergency"
    ALTERNATIVE = "alternative"
    EMAIL = "email", "e-mail"
    PHONE = "phone"


class BookingKind(TextChoices):
    """The kind of a booking."""

    BOOKING = "booking"
    ORDER = "order"
    SALE = "sale"
    PLAN = "plan"


class BookingStatus(TextChoices):
    """The status of a booking; completed and refunded ones are purchases."""

    DRAFT = "draft"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    REFUNDED = "refunded"
    OTHER = "other"


# Where customers come from whom nobody sent: `source` and `signup_method`.
BY_STAFF, BY_IMPORT = "staff", "import"
PURCHASE_STATUSES = (BookingStatus.COMPLETED, BookingStatus.REFUNDED)
# Nothing is owed for these, so they get no invoice.
UNINVOICED_STATUSES = (
    BookingStatus.DRAFT,
    BookingStatus.CANCELLED,
    BookingStatus.NO_SHOW,
)


class CancelledBy(TextChoices):
    """Who cancelled a booking."""

    CUSTOMER = "customer"
    BUSINESS = "business"
    SYSTEM = "system"


class PaymentMethod(TextChoices):
    """How money came that somebody recorded; the last two nobody chooses."""

    CASH = "cash"
    CARD = "card", "card at the counter"
    TRANSFER = "transfer", "bank transfer"
    OTHER = "other"
    IMPORTED = "imported", "from a file"
    EARLIER = "earlier", "before payments were recorded"


CHOSEN_METHODS = (
    PaymentMethod.CASH,
    PaymentMethod.CARD,
    PaymentMethod.TRANSFER,
    PaymentMethod.OTHER,
)


class RefundMethod(TextChoices):
    """How money goes back; what a processor pays back, its messages tell of, too."""

    PROCESSOR = "processor", "by the payment provider"
    CASH = "cash"
    CARD = "card", "card at the counter"
    TRANSFER = "transfer", "bank transfer"
    OTHER = "other"


class RefundStatus(TextChoices):
    """The status of a refund; only succeeded ones move money."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


# Requested refunds count against what can be refunded, or two of them would both pass.
CLAIMING_STATUSES = (
    RefundStatus.REQUESTED,
    RefundStatus.APPROVED,
    RefundStatus.SUCCEEDED,
)


class RefundReason(TextChoices):
    """The reason of a refund."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    NOT_DELIVERED = "not_delivered"
    QUALITY = "quality"
    GOODWILL = "goodwill"
    OTHER = "other"


class CreditKind(TextChoices):
    """The effect of an entry on the balance."""

    ISSUED = "issued"
    SPENT = "spent"
    REVERSED = "reversed"
    EXPIRED = "expired"


class CreditReason(TextChoices):
    """The reason of issued credit."""

    COMPENSATION = "compensation"
    LOYALTY = "loyalty"
    OTHER = "other"


class TicketStatus(TextChoices):
    """The status of a ticket; open and pending ones are unresolved."""

    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


UNRESOLVED_STATUSES = (TicketStatus.OPEN, TicketStatus.PENDING)


class TicketPriority(TextChoices):
    """The urgency of a ticket."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Channel(TextChoices):
    """The channel on which a ticket was opened."""

    EMAIL = "email", "e-mail"
    PHONE = "phone"
    CHAT = "chat"
    WEB = "web"
    OTHER = "other"


class AuthorKind(TextChoices):
    """The author of a message."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Purpose(TextChoices):
    """The purpose of contacting. Businesses may add further ones."""

    MARKETING = "marketing"
    LOYALTY = "loyalty"
    SERVICE = "service"


class ConsentChannel(TextChoices):
    """The channel of contacting."""

    EMAIL = "email", "e-mail"
    SMS = "sms", "SMS"
    CALL = "call"


class ConsentAction(TextChoices):
    """The content of a consent event."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ConsentMethod(TextChoices):
    """How staff learnt of an answer; captured ones name their system instead."""

    PHONE = "phone", "By phone"
    EMAIL = "email", "By e-mail"
    LETTER = "letter", "By letter or signed form"
    IN_PERSON = "in_person", "In person"
    OTHER = "other", "Otherwise"


class ExportProfile(TextChoices):
    """The set of columns of an export."""

    FULL = "full"
    LIST = "list"
    MARKETING = "marketing"


def within_sentence(label: object) -> str:
    """Return a label as it stands in the middle of a sentence: small, in English.

    In other languages as it is: some write nouns large, so their sentences quote it.
    """
    is_english = (translation.get_language() or "en").startswith("en")
    return str(label).lower() if is_english else str(label)


FLAG_VERIFIED = "verified"
FLAG_RESTRICTED = "restricted"
