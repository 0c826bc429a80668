"""The lists of values that models, forms and the API share; stored in lower case."""

from __future__ import annotations

from django.db.models import TextChoices


class Role(TextChoices):
    """What a member of staff does in one business."""

    ADMIN = "admin"
    SUPPORT = "support"
    MARKETING = "marketing"
    AUDITOR = "auditor"


class ConsentMode(TextChoices):
    """What lets a business send offers."""

    EXPLICIT_OPT_IN = "explicit_opt_in"
    SOFT_OPT_IN = "soft_opt_in"


class CustomerStatus(TextChoices):
    """The status staff set; archived and erased are facts of their own."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"


class CustomerType(TextChoices):
    """How a business classifies a customer; null is not classified."""

    WALK_IN = "walk_in"
    REGULAR = "regular"
    VIP = "vip", "VIP"
    WHOLESALE = "wholesale"
    OTHER = "other"


class NoteType(TextChoices):
    """What a note is about."""

    PERSONAL = "personal"
    PREFERENCE = "preference"
    ISSUE = "issue"
    FEEDBACK = "feedback"
    OTHER = "other"


class LoyaltyTier(TextChoices):
    """How often somebody buys; null without a purchase."""

    ONE_TIME = "one_time"
    OCCASIONAL = "occasional"
    REGULAR = "regular"
    FREQUENT = "frequent"


class AddressKind(TextChoices):
    """What an address is for."""

    HOME = "home"
    WORK = "work"
    BILLING = "billing"
    DELIVERY = "delivery"
    PICKUP = "pickup"
    OTHER = "other"


class ContactKind(TextChoices):
    """Another person to call, or another way to reach the customer."""

    EMERGENCY = "emergency"
    ALTERNATIVE = "alternative"
    EMAIL = "email", "e-mail"
    PHONE = "phone"


class BookingKind(TextChoices):
    """What was bought."""

    BOOKING = "booking"
    ORDER = "order"
    SALE = "sale"
    PLAN = "plan"


class BookingStatus(TextChoices):
    """Where a booking stands; completed and refunded ones are purchases."""

    DRAFT = "draft"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    REFUNDED = "refunded"
    OTHER = "other"


PURCHASE_STATUSES = (BookingStatus.COMPLETED, BookingStatus.REFUNDED)


class CancelledBy(TextChoices):
    """Who called a booking off."""

    CUSTOMER = "customer"
    BUSINESS = "business"
    SYSTEM = "system"


class RefundStatus(TextChoices):
    """Where a refund stands; only succeeded ones move money."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


# Money that is on its way back counts as gone, or two requests would both pass.
CLAIMING_STATUSES = (
    RefundStatus.REQUESTED,
    RefundStatus.APPROVED,
    RefundStatus.SUCCEEDED,
)


class RefundReason(TextChoices):
    """Why money goes back."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    NOT_DELIVERED = "not_delivered"
    QUALITY = "quality"
    GOODWILL = "goodwill"
    OTHER = "other"


class CreditKind(TextChoices):
    """What an entry does to the balance."""

    ISSUED = "issued"
    SPENT = "spent"
    REVERSED = "reversed"
    EXPIRED = "expired"


class CreditReason(TextChoices):
    """Why credit was given."""

    COMPENSATION = "compensation"
    LOYALTY = "loyalty"
    OTHER = "other"


class TicketStatus(TextChoices):
    """Where a ticket stands; open and pending ones still need work."""

    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


UNRESOLVED_STATUSES = (TicketStatus.OPEN, TicketStatus.PENDING)


class TicketPriority(TextChoices):
    """How soon a ticket must be answered."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Channel(TextChoices):
    """How a ticket arrived."""

    EMAIL = "email", "e-mail"
    PHONE = "phone"
    CHAT = "chat"
    WEB = "web"
    OTHER = "other"


class AuthorKind(TextChoices):
    """Who wrote a message."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Purpose(TextChoices):
    """What a message is for. Businesses may add purposes of their own."""

    MARKETING = "marketing"
    LOYALTY = "loyalty"
    SERVICE = "service"


class ConsentChannel(TextChoices):
    """How a message travels."""

    EMAIL = "email", "e-mail"
    SMS = "sms", "SMS"
    CALL = "call"


class ConsentAction(TextChoices):
    """What the person said."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ExportProfile(TextChoices):
    """Which file an export makes."""

    FULL = "full"
    LIST = "list"
    MARKETING = "marketing"


FLAG_VERIFIED = "verified"
FLAG_RESTRICTED = "restricted"
