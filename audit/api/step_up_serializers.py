"""What the endpoints of step-up take and answer."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit import accounts
from audit.json_text import JsonObject
from audit.models import Scope
from audit.rest.serializers import StrictSerializer

_DIGEST_LENGTH = 64


def _short_text(
    *, is_required: bool = False, allow_null: bool = False
) -> serializers.CharField:
    return serializers.CharField(
        max_length=200,
        required=is_required,
        allow_blank=True,
        allow_null=allow_null,
        trim_whitespace=False,
    )


def _invalid(name: str, sentence: str) -> ValidationError:
    return ValidationError({name: [ErrorDetail(sentence, "invalid")]})


class PasskeyQuestionSerializer(StrictSerializer):
    """The act; `digest` is the one that a refusal named."""

    scope = serializers.ChoiceField(Scope.choices)
    # A refusal names none where its scope has none, and may be sent back as it is.
    digest = _short_text(allow_null=True)

    def validate(self, attrs: JsonObject) -> JsonObject:
        is_whole = len(attrs.get("digest") or "") == _DIGEST_LENGTH
        if attrs["scope"] in accounts.SINGLE_USE and not is_whole:
            sentence = "Send the digest that the refused act has named."
            raise _invalid("digest", sentence)
        return attrs


class ConfirmationSerializer(PasskeyQuestionSerializer):
    """Either `pin` or `totp`; `digest` is the one that a refusal named."""

    pin = _short_text()
    totp = _short_text()

    def validate(self, attrs: JsonObject) -> JsonObject:
        if ("pin" in attrs) is ("totp" in attrs):
            raise _invalid("pin", "Send either pin or totp.")
        return super().validate(attrs)


class PasskeyOptionsSerializer(serializers.Serializer[object]):
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


class StepUpGrantSerializer(serializers.Serializer[object]):
    """What was confirmed, and until when it counts."""

    grant = serializers.UUIDField(source="pk")
    scope = serializers.ChoiceField(Scope.choices)
    expires_at = serializers.DateTimeField()


class StepUpStateSerializer(serializers.Serializer[object]):
    """What is confirmed here, and whether it can be."""

    grants = StepUpGrantSerializer(many=True)
    has_pin = serializers.BooleanField()
    locked_until = serializers.DateTimeField(allow_null=True)
    is_disabled = serializers.BooleanField()
