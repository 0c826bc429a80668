"""What the views of `config.health` answer, for the schema."""

from __future__ import annotations

from collections.abc import Iterator

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from audit.rest.openapi import Endpoint, described
from audit.rest.views import ActionSpec

_TAG = "Health"


class HealthSerializer(serializers.Serializer[object]):
    status = serializers.CharField()


class ReadinessSerializer(HealthSerializer):
    checks = serializers.DictField()


def endpoints() -> Iterator[Endpoint]:
    """Yield what the library goes by."""
    text = "Tell whether the process lives"
    alive = ActionSpec("", HealthSerializer, refusals={})
    yield described("GET /healthz", text, alive, tag=_TAG)
    failed = OpenApiResponse(ReadinessSerializer, "A check has failed.")
    ready = ActionSpec(
        "", ReadinessSerializer, other_responses={503: failed}, refusals={}
    )
    text = "Tell what is ready, by check"
    yield described("GET /readyz", text, ready, tag=_TAG)
