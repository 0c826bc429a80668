"""Sources, keys and captures for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory

from audit.tenancy.actors import Actor
from capture import services
from capture.choices import SCOPE_WRITE
from capture.models import (
    ApiKey,
    Capture,
    IdentityReview,
    Quarantine,
    Source,
    WebhookEndpoint,
)
from capture.services.keys import hash_key
from tests.factories.customers import BusinessFactory, RecordFactory

ARRIVED = datetime(2026, 11, 21, 6, tzinfo=UTC)


class SourceFactory(RecordFactory):
    class Meta:
        model = Source

    business = factory.SubFactory(BusinessFactory)
    slug = factory.Sequence(lambda n: f"source-{n}")
    name = "Shop"


class ApiKeyFactory(RecordFactory):
    """A secret key whose text is `sk_test_` and a number: see `text_of`."""

    class Meta:
        model = ApiKey

    source = factory.SubFactory(SourceFactory)
    business = factory.SelfAttribute("source.business")
    kind = "secret"
    prefix = factory.Sequence(lambda n: f"sk_test_{n}")
    key_hash = factory.LazyAttribute(lambda key: hash_key(key.prefix))
    scopes = factory.LazyFunction(lambda: [SCOPE_WRITE])


class CaptureFactory(factory.django.DjangoModelFactory):
    """A capture that came in through the pipeline."""

    class Meta:
        model = Capture

    source = factory.SubFactory(SourceFactory)
    type = "signup"
    body = factory.Sequence(lambda n: {"email": f"person{n}@example.org"})

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        actor = Actor.system("factory")
        body = {"message_id": f"m-{kwargs['body']['email'].partition('@')[0]}"}
        envelopes = services.build_envelopes(
            kwargs["type"],
            body | kwargs["body"],
            trust="server",
            received_at=ARRIVED,
            ip="192.0.2.7",
        )
        verdicts = services.ingest(envelopes, source=kwargs["source"], actor=actor)
        return model_class.objects.get(pk=verdicts[0].capture_id)


class WebhookEndpointFactory(RecordFactory):
    """A Stripe endpoint without a secret: see `services.add_secret`."""

    class Meta:
        model = WebhookEndpoint

    source = factory.SubFactory(SourceFactory)
    business = factory.SelfAttribute("source.business")
    provider = "stripe"
    name = "Stripe"


class QuarantineFactory(factory.django.DjangoModelFactory):
    """An item without an identity, which the pipeline put aside."""

    class Meta:
        model = Quarantine

    source = factory.SubFactory(SourceFactory)
    body = factory.Sequence(lambda n: {"message_id": f"q-{n}", "plan_name": "Pro"})

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        envelopes = services.build_envelopes(
            "payment", kwargs["body"], trust="server", received_at=ARRIVED
        )
        source = kwargs["source"]
        actor = Actor.system("factory")
        verdicts = services.ingest(envelopes, source=source, actor=actor)
        return model_class.objects.get(pk=verdicts[0].quarantine_id)


class IdentityReviewFactory(RecordFactory):
    """A question whether an e-mail and a user id are of one person."""

    class Meta:
        model = IdentityReview

    source = factory.SubFactory(SourceFactory)
    business = factory.SelfAttribute("source.business")
    kind = "contradiction"
    email = factory.Sequence(lambda n: f"new{n}@example.org")
    user_ref = factory.Sequence(lambda n: f"user-{n}")
