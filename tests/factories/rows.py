"""One row of any model: for tests that walk all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models, transaction
from factory.django import DjangoModelFactory

import tests.factories
from audit.accounts import login_attempts, make_recovery_codes
from audit.log import record
from audit.log.refusals import record_refusal
from audit.maintenance import heartbeats
from audit.models import (
    AttemptCounter,
    Event,
    Heartbeat,
    IdempotentResponse,
    Operation,
    RateLimitBucket,
    RecoveryCode,
    RefusalWindow,
)
from audit.rest import rate_limits
from audit.rest.idempotency import claim_answer
from audit.tenancy.actors import Actor
from capture import services
from capture.models import (
    CapturedValue,
    CaptureLink,
    DashboardSnapshot,
    Identifier,
    Login,
    Payment,
    PaymentReference,
    QuarantineDecision,
    Questionnaire,
    RefusalCount,
    Sighting,
    Signup,
)
from customers.models import CustomerIndex, CustomerStats

# What a capture of a type leaves behind.
CAPTURED: dict[Any, str] = {
    Login: "login",
    Payment: "payment",
    PaymentReference: "payment",
    Questionnaire: "questionnaire",
    DashboardSnapshot: "dashboard",
    Identifier: "payment",
}
BODY = {
    "email": "person@example.org",
    "user_id": "u1",
    "anonymous_id": "a1",
    "transaction_id": "T-1",
    "final_price": 5,
    "payment_status": "paid",
    "dashboardData": {"account": {"balance": 1}},
}


def _decide() -> None:
    row = tests.factories.QuarantineFactory()
    services.discard_quarantined(row, actor=Actor.system("rows"), reason="because")


def _see_again() -> None:
    row = tests.factories.CaptureFactory(body={"email": "twice@example.org"})
    tests.factories.CaptureFactory(
        source=row.source, body={"email": "twice@example.org"}
    )


def _refuse() -> None:
    key = tests.factories.ApiKeyFactory()
    operation = Actor.system("rows").operation
    services.count_refusal("too_large", key=key, operation=operation)


@transaction.atomic
def _answer() -> None:
    claim_answer("n", "f")


def _make_codes() -> None:
    user = tests.factories.AuthenticatorFactory().user
    make_recovery_codes(user, actor=Actor.system("rows"))


KEPT: dict[Any, Any] = {
    QuarantineDecision: _decide,
    Sighting: _see_again,
    RefusalCount: _refuse,
    RefusalWindow: lambda: record_refusal(
        "test.done",
        actor=Actor.system("rows"),
        code="test",
        business_id=tests.factories.BusinessFactory().pk,
    ),
    Heartbeat: lambda: heartbeats.beat("test"),
    RateLimitBucket: lambda: rate_limits.take_units("test", rate_limits.Rate(1, 1)),
    AttemptCounter: transaction.atomic(
        lambda: login_attempts.count_attempt("test", 1, timedelta(hours=1))
    ),
    RecoveryCode: _make_codes,
    IdempotentResponse: _answer,
}


def factory_of(model: type[models.Model]) -> type[DjangoModelFactory[Any]] | None:
    """Return the factory that makes rows of a model."""
    for name in tests.factories.__all__:
        factory = getattr(tests.factories, name)
        if factory._meta.model is model:
            return factory
    return None


def make_row(model: type[models.Model]) -> models.Model:
    """Return a stored row of the model, made the way the product makes it."""
    followed: Any = getattr(model, "instance_type", None)
    if followed is not None:
        make_row(followed)
    elif model in (Event, Operation):
        record("test.done", actor=Actor.system("rows"), reason="because")
    elif model in (CustomerIndex, CustomerStats):
        tests.factories.CustomerFactory()
    elif model in (CaptureLink, Signup, CapturedValue):
        tests.factories.CaptureFactory(body={"email": "a@b.org", "name": "Ana"})
    elif model in CAPTURED:
        tests.factories.CaptureFactory(type=CAPTURED[model], body=BODY)
    elif model in KEPT:
        KEPT[model]()
    else:
        factory = factory_of(model)
        assert factory, f"{model._meta.label} has no factory in tests/factories/."
        return factory()
    row = model._base_manager.first()
    assert row is not None
    return row
