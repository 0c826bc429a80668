"""The lists of values that captures use; stored in lower case."""

from __future__ import annotations

from django.db.models import TextChoices


class CaptureType(TextChoices):
    """What a capture tells; anything else is an event."""

    SIGNUP = "signup"
    LOGIN = "login"
    PAYMENT = "payment"
    QUESTIONNAIRE = "questionnaire"
    DASHBOARD = "dashboard"
    PROFILE = "profile"
    PAGE = "page"
    EVENT = "event"
    ALIAS = "alias"
    CONSENT = "consent"


class Trust(TextChoices):
    """Who vouches for a capture; later ones outrank earlier ones."""

    BROWSER = "browser"
    SERVER = "server"
    WEBHOOK = "webhook"


class KeyKind(TextChoices):
    """Publishable keys stand in web pages; secret ones stay on a server."""

    PUBLISHABLE = "publishable"
    SECRET = "secret"  # noqa: S105 - a kind of key, not one


class MessageIdOrigin(TextChoices):
    """Where the id of a message comes from."""

    GIVEN = "given"
    DERIVED = "derived"
    CONTENT = "content"


class LinkRule(TextChoices):
    """What tied a capture to a customer."""

    EMAIL = "email", "e-mail"
    USER_ID = "user_id", "user id"
    ANONYMOUS_ID = "anonymous_id", "anonymous id"
    ALIAS = "alias"
    PROVIDER = "provider"
    MANUAL = "manual"


class IngestStatus(TextChoices):
    """What became of one item."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"
    RETRY = "retry"


class PaymentState(TextChoices):
    """How far a payment has come; `capture.ingest.payment_values` ranks them."""

    CREATED = "created"
    PENDING = "pending"
    AUTHORISED = "authorised"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded", "partially refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    FAILED = "failed"


# Money that was received, also when it went back later.
SETTLED_STATES = (
    PaymentState.PAID,
    PaymentState.PARTIALLY_REFUNDED,
    PaymentState.REFUNDED,
    PaymentState.DISPUTED,
)


class ProviderRefundStatus(TextChoices):
    """How far a refund is at its provider; the first two took money."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"


class DisputeStatus(TextChoices):
    """How a dispute stands; what is lost went back."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Provider(TextChoices):
    """Who signs webhooks, and in which scheme."""

    STRIPE = "stripe", "Stripe"
    PAYPAL = "paypal", "PayPal"
    STANDARD = "standard", "Standard Webhooks"


class Decision(TextChoices):
    """What staff did with an item in quarantine."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"


class ReviewKind(TextChoices):
    """Why nobody can say to whom a message belongs."""

    CONTRADICTION = "contradiction", "e-mail and user id differ"
    CLAIMED_USER_ID = "claimed_user_id", "claimed user id"
    CLAIMED_EMAIL = "claimed_email", "claimed e-mail"
    ARCHIVED_CUSTOMER = "archived_customer", "archived customer"


class ReviewState(TextChoices):
    """Whether staff have answered."""

    OPEN = "open"
    DECIDED = "decided"


class ReviewDecision(TextChoices):
    """What staff answered to an identity review."""

    SAME_PERSON = "same_person", "same person"
    OTHER_PERSON = "other_person", "other person"
    CHANGED_EMAIL = "changed_email", "change of e-mail"


class IdentifierTrust(TextChoices):
    """Who named an identifier; a later one outranks earlier ones."""

    PAGE = "page"
    SERVER = "server"
    STAFF = "staff"


class IdentifierKind(TextChoices):
    """Further names under which captures know a customer."""

    USER_ID = "user_id", "user id"
    ANONYMOUS_ID = "anonymous_id", "anonymous id"


TRUST_RANK = {Trust.BROWSER: 0, Trust.SERVER: 1, Trust.WEBHOOK: 2}

SCOPE_WRITE = "write"
SCOPE_READ = "read:captures"
SCOPE_READ_CUSTOMERS = "read:customers"
SCOPES = (SCOPE_WRITE, SCOPE_READ, SCOPE_READ_CUSTOMERS, "export")
