"""What the endpoints of `audit.api.tokens` take and answer."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit.json_text import JsonObject
from audit.rest.serializers import StrictSerializer


def _exact_text(*, required: bool = True) -> serializers.CharField:
    """Return the field of a name, password, code or token: as it was sent."""
    return serializers.CharField(
        max_length=4096, required=required, allow_blank=True, trim_whitespace=False
    )


@extend_schema_field({"type": "boolean", "const": True})
class _CookieField(serializers.BooleanField):
    """Says that the token comes as a cookie, in the place of a text."""


class _CredentialsSerializer(StrictSerializer):
    # Null is as good as not sent.
    def to_internal_value(self, data: JsonObject) -> JsonObject:  # type: ignore[override]  # the parser lets nothing else in
        sent = {name: value for name, value in data.items() if value is not None}
        return super().to_internal_value(sent)


class SignInSerializer(_CredentialsSerializer):
    username = _exact_text()
    password = _exact_text()
    otp = _exact_text(required=False)
    cookie = serializers.BooleanField(required=False)


class SignInQuestionSerializer(_CredentialsSerializer):
    pass


class SignInOptionsSerializer(serializers.Serializer[object]):
    ceremony = serializers.UUIDField()
    options = serializers.DictField()


class PasskeySignInSerializer(_CredentialsSerializer):
    ceremony = _exact_text()
    credential = serializers.DictField(error_messages={"not_a_dict": "Send an object."})
    cookie = serializers.BooleanField(required=False)


class _TokenOrCookieSerializer(_CredentialsSerializer):
    def validate(self, attrs: JsonObject) -> JsonObject:
        name = self.one_of[0]
        if (name in attrs) is attrs.get("cookie", False):
            text = f"Send either {name}, or cookie: true."
            raise ValidationError({name: [ErrorDetail(text, "invalid")]})
        return attrs


class RefreshSerializer(_TokenOrCookieSerializer):
    one_of = ("refresh", "cookie")
    refresh = _exact_text(required=False)
    cookie = _CookieField(required=False)


class RevokeSerializer(_TokenOrCookieSerializer):
    one_of = ("token", "cookie")
    token = _exact_text(required=False)
    token_type_hint = _exact_text(required=False)
    cookie = _CookieField(required=False)


class TokensSerializer(serializers.Serializer[object]):
    access = serializers.CharField()
    refresh = serializers.CharField(required=False)
    expires_in = serializers.IntegerField()
    token_type = serializers.ChoiceField(["Bearer"])


class CsrfTokenSerializer(serializers.Serializer[object]):
    csrf_token = serializers.CharField()
