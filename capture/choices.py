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


class Status(TextChoices):
    """What became of one item."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"
    RETRY = "retry"


SCOPE_WRITE = "write"
SCOPES = (SCOPE_WRITE, "read:captures", "read:customers", "export")
