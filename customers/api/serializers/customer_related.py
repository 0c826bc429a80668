"""What belongs to a customer: addresses, contacts, notes, flags and consents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from audit.rest.model_serializers import HubModelSerializer
from customers import services
from customers.api.serializers.base import (
    ARCHIVE,
    OF_CUSTOMER,
    TIMES,
    HubCreateSerializer,
    RelatedUpdateSerializer,
)
from customers.choices import ConsentChannel, Purpose
from customers.models import Address, ConsentEvent, Contact, Flag, Note

_ADDRESS = [
    "kind",
    "label",
    "recipient",
    "line1",
    "line2",
    "city",
    "region",
    "postal_code",
    "country",
    "raw",
    "is_primary",
    "phone",
    "instructions",
]
_CONTACT = [
    "kind",
    "name",
    "relation",
    "email",
    "phone",
    "is_primary",
    "valid_from",
    "valid_to",
]
_CONSENT = [
    "purpose",
    "channel",
    "action",
    "wording_version",
    "wording_hash",
    "method",
    "occurred_at",
    "evidence",
]
_NOTE = ["note_type", "content", "is_pinned"]


class AddressSerializer(HubModelSerializer):
    """A place of a customer."""

    class Meta:
        model = Address
        fields: ClassVar = [*OF_CUSTOMER, *_ADDRESS, "phone_e164", *ARCHIVE, *TIMES]


class AddressCreateSerializer(HubCreateSerializer):
    class Meta:
        model = Address
        fields: ClassVar = ["customer_id", *_ADDRESS]


class AddressUpdateSerializer(RelatedUpdateSerializer, AddressCreateSerializer):
    pass


class ContactSerializer(HubModelSerializer):
    """Another person to reach, or a further e-mail or phone."""

    class Meta:
        model = Contact
        fields: ClassVar = [*OF_CUSTOMER, *_CONTACT, "phone_e164", *ARCHIVE, *TIMES]


class ContactCreateSerializer(HubCreateSerializer):
    class Meta:
        model = Contact
        fields: ClassVar = ["customer_id", *_CONTACT]


class ContactUpdateSerializer(RelatedUpdateSerializer, ContactCreateSerializer):
    pass


class NoteSerializer(HubModelSerializer):
    """What staff wrote down about a customer."""

    class Meta:
        model = Note
        fields: ClassVar = [
            *OF_CUSTOMER,
            *_NOTE,
            "raw_note_type",
            "created_by_id",
            *ARCHIVE,
            *TIMES,
        ]


class NoteCreateSerializer(HubCreateSerializer):
    content = serializers.CharField(max_length=20_000)

    class Meta:
        model = Note
        fields: ClassVar = ["customer_id", *_NOTE]


class NoteUpdateSerializer(RelatedUpdateSerializer, NoteCreateSerializer):
    pass


class FlagSerializer(HubModelSerializer):
    """A mark on a customer."""

    class Meta:
        model = Flag
        fields: ClassVar = [
            *OF_CUSTOMER,
            "code",
            "reason",
            "added_by_id",
            "removed_at",
            "removed_by_id",
            "removed_reason",
            *TIMES,
        ]


class ConsentSerializer(HubModelSerializer):
    """One answer of a customer about being contacted."""

    class Meta:
        model = ConsentEvent
        fields: ClassVar = [
            *OF_CUSTOMER,
            *_CONSENT,
            "recorded_by_id",
            "capture_id",
            "operation_id",
            "created_at",
        ]


class ContactStateSerializer(serializers.Serializer):
    """Whether a customer may be sent something in one way, and what decided."""

    purpose = serializers.ChoiceField(Purpose.choices)
    channel = serializers.ChoiceField(ConsentChannel.choices)
    is_allowed = serializers.BooleanField()
    rule = serializers.CharField(help_text="What decided, such as withdrawn.")
    since = serializers.DateTimeField(allow_null=True)
    origin = serializers.ChoiceField(
        services.ORIGINS, allow_null=True, help_text="By what it came."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # a key of the answer
        allow_null=True, help_text="The source, where a capture brought it."
    )


# What the answer to a write about being contacted says besides the row.
HOLDS = {
    "holds": ContactStateSerializer(many=True, help_text="What holds from now on.")
}


class ContactAnswerSerializer(serializers.Serializer):
    """Whether a customer may be sent something of one purpose in one way."""

    purpose = serializers.ChoiceField(Purpose.choices)
    channel = serializers.ChoiceField(ConsentChannel.choices)
    is_allowed = serializers.BooleanField()
    rule = serializers.CharField(help_text="What decided, such as withdrawn.")


class ContactabilitySerializer(serializers.Serializer):
    """Whether a customer may be contacted, by purpose and channel, and why."""

    states = ContactAnswerSerializer(many=True)


def represent_states(states: Iterable[services.ContactState]) -> list[JsonObject]:
    """Return what ContactStateSerializer describes."""
    return [
        {
            "purpose": state.purpose,
            "channel": state.channel,
            "is_allowed": state.answer.is_allowed,
            "rule": state.answer.rule,
            "since": state.since,
            "origin": state.origin.kind if state.origin else None,
            "source": (state.origin.name or None) if state.origin else None,
        }
        for state in states
    ]


class PurposeField(serializers.ChoiceField):
    """What a customer may be contacted for; rules compare it in small letters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Purpose.choices, **kwargs)

    def to_internal_value(self, data: object) -> str:
        return super().to_internal_value(str(data).lower())


class ConsentCreateSerializer(HubCreateSerializer):
    purpose = PurposeField()

    class Meta:
        model = ConsentEvent
        fields: ClassVar = ["customer_id", *_CONSENT]
