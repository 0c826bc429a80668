"""What the endpoints of step-up take and answer.

`audit.api.step_up` checks bodies itself: its refusals are a contract of their own.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.models import Scope
from audit.rest.serializers import StrictSerializer


def _short_text(*, is_required: bool = False) -> serializers.CharField:
    return serializers.CharField(
        max_length=200, required=is_required, allow_blank=True, trim_whitespace=False
    )


class ConfirmationSerializer(StrictSerializer):
    """Either `pin` or `totp`; `digest` is the one that a refusal named."""

    scope = serializers.ChoiceField(Scope.choices)
    pin = _short_text()
    totp = _short_text()
    digest = _short_text()


class PasskeyQuestionSerializer(StrictSerializer):
    """The act; `digest` is the one that a refusal named."""

    scope = serializers.ChoiceField(Scope.choices)
    digest = _short_text()


class PasskeyOptionsSerializer(serializers.Serializer[Any]):
    """`options` are for `PublicKeyCredential.parseRequestOptionsFromJSON`."""

    ceremony = serializers.UUIDField()
    options = serializers.DictField()


class PasskeyAnswerSerializer(PasskeyQuestionSerializer):
    """The same act, and what the browser made of `options`, as its `toJSON()` says."""

    ceremony = _short_text(is_required=True)
    credential = serializers.DictField()


class NewPinSerializer(StrictSerializer):
    """The own PIN, after the whole password and a code of what there is already.

    `code` is the present PIN, or what the authenticator shows; a confirmation of the
    scope `account` stands for it.
    """

    password = _short_text(is_required=True)
    pin = _short_text(is_required=True)
    code = _short_text()


class StepUpGrantSerializer(serializers.Serializer[Any]):
    """What was confirmed, and until when it counts."""

    grant = serializers.UUIDField(source="pk")
    scope = serializers.ChoiceField(Scope.choices)
    expires_at = serializers.DateTimeField()


class StepUpStateSerializer(serializers.Serializer[Any]):
    """What is confirmed here, and whether it can be."""

    grants = StepUpGrantSerializer(many=True)
    has_pin = serializers.BooleanField()
    locked_until = serializers.DateTimeField(allow_null=True)
    is_disabled = serializers.BooleanField()
