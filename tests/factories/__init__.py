"""The smallest valid object of each kind. A test names only what it is about."""

from __future__ import annotations

from tests.factories.audit import (
    AuthenticatorFactory,
    GrantFactory,
    JobBatchFactory,
    JobFactory,
    PinCredentialFactory,
    TokenFamilyFactory,
    UserFactory,
)
from tests.factories.capture import (
    ApiKeyFactory,
    CaptureFactory,
    QuarantineFactory,
    SourceFactory,
    WebhookEndpointFactory,
)
from tests.factories.customers import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    ConsentEventFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    ImportContentFactory,
    ImportFileFactory,
    MembershipFactory,
    NoteFactory,
    PreferencesFactory,
    RefundFactory,
    TicketFactory,
    TicketMessageFactory,
)

__all__ = [
    "AddressFactory",
    "ApiKeyFactory",
    "AuthenticatorFactory",
    "BookingFactory",
    "BusinessFactory",
    "CaptureFactory",
    "ConsentEventFactory",
    "ContactFactory",
    "CreditFactory",
    "CustomerFactory",
    "FlagFactory",
    "GrantFactory",
    "ImportContentFactory",
    "ImportFileFactory",
    "JobBatchFactory",
    "JobFactory",
    "MembershipFactory",
    "NoteFactory",
    "PinCredentialFactory",
    "PreferencesFactory",
    "QuarantineFactory",
    "RefundFactory",
    "SourceFactory",
    "TicketFactory",
    "TicketMessageFactory",
    "TokenFamilyFactory",
    "UserFactory",
    "WebhookEndpointFactory",
]
