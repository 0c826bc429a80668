"""Answers of the capture endpoints, and the bodies that decide on quarantined items.

Those of the ingest routes only describe: `responses` builds these answers without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from audit.json_text import JsonObject, JsonValue
from audit.privacy.masking import mask_fields, mask_within
from audit.rest.exceptions import ApiError
from audit.rest.serializers import QuerySerializer, StrictSerializer
from capture.choices import CaptureType, Decision, IngestStatus, Trust
from capture.models import Capture, Quarantine
from customers.api.fields import MaybeTextField

_LIMIT, _REASON = "limit is a number from 1 to 200.", "reason is a text."


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyObjectField(serializers.DictField):
    """An object with any keys."""


class SealedMessageSerializer(serializers.Serializer[Any]):
    """Shows what was sent to those who may read it, and masks what others see.

    `is_unmasked` of the context tells who sees contact data, and `has_perm` who
    may what.
    """

    sent_field: ClassVar[str]
    masks: ClassVar[Mapping[str, Callable[[Any], JsonValue]]]

    def to_representation(self, instance: Capture | Quarantine) -> JsonObject:
        data = super().to_representation(instance)
        if not self.context["is_unmasked"](instance):
            data |= {name: mask(data[name]) for name, mask in self.masks.items()}
        if not self.context["has_perm"]("capture.read_payload", instance.business_id):
            del data[self.sent_field]
        return data


class CaptureSerializer(SealedMessageSerializer):
    sent_field = "payload"
    masks: ClassVar = {"facts": mask_fields, "warnings": mask_within}

    id = serializers.UUIDField()
    type = serializers.ChoiceField(CaptureType.choices)
    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]  # a key of the answer
    adapter = serializers.CharField()
    trust = serializers.ChoiceField(Trust.choices)
    message_id = MaybeTextField()
    message_id_origin = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    time_source = serializers.CharField()
    customer_id = serializers.UUIDField(source="subject_id", allow_null=True)
    rule = MaybeTextField(source="link.rule")
    identity_review_id = serializers.UUIDField(
        source="link.review_id",
        allow_null=True,
        help_text="The review that asks whose it is; without a customer it waits.",
    )
    facts = AnyObjectField()
    warnings = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField())
    )
    corrects = serializers.UUIDField(source="corrects_id", allow_null=True)
    replay_of = serializers.UUIDField(source="replay_of_id", allow_null=True)
    # Exact digits: as text, which every reader of JSON can take apart itself.
    payload = MaybeTextField(required=False)

    def to_representation(self, instance: Capture | Quarantine) -> JsonObject:
        data = super().to_representation(instance)
        return {**data, "warnings": data["warnings"] or []}


class CapturePageSerializer(serializers.Serializer[object]):
    results = CaptureSerializer(many=True)
    next = MaybeTextField()


class DeliverySerializer(serializers.Serializer[object]):
    received_at = serializers.DateTimeField()
    attempt = serializers.IntegerField(allow_null=True)


class OneCaptureSerializer(CaptureSerializer):
    sightings = DeliverySerializer(many=True, source="newest_sightings")
    corrections = CaptureSerializer(many=True)


class QuarantinedSerializer(SealedMessageSerializer):
    sent_field = "item"
    masks: ClassVar = {"pointer": mask_within}

    id = serializers.UUIDField()
    code = serializers.CharField()
    message = MaybeTextField()
    pointer = MaybeTextField()
    stage = serializers.CharField()
    source = serializers.CharField(source="source.slug")  # type: ignore[assignment]  # a key of the answer
    adapter = serializers.CharField()
    type = MaybeTextField()
    message_id = MaybeTextField()
    received_at = serializers.DateTimeField()
    times_seen = serializers.IntegerField()
    state = serializers.ChoiceField([("open", "open"), *Decision.choices])
    capture_id = serializers.UUIDField(
        source="newest_decision.capture_id", allow_null=True
    )
    item = MaybeTextField(required=False)


class QuarantinePageSerializer(serializers.Serializer[object]):
    results = QuarantinedSerializer(many=True)
    next = MaybeTextField()


class DataCountsSerializer(serializers.Serializer[object]):
    payments = serializers.IntegerField()
    questionnaires = serializers.IntegerField()
    dashboard_updates = serializers.IntegerField()
    activities = serializers.IntegerField()
    audit_records = serializers.IntegerField()


class LatestTimestampsSerializer(serializers.Serializer[object]):
    payment = serializers.DateTimeField(allow_null=True)
    questionnaire = serializers.DateTimeField(allow_null=True)
    dashboard = serializers.DateTimeField(allow_null=True)


class CountsSerializer(serializers.Serializer[object]):
    user_email = serializers.CharField()
    data_counts = DataCountsSerializer(source="counts")
    latest_timestamps = LatestTimestampsSerializer(source="counts.latest")
    total_data_points = serializers.IntegerField(source="counts.total")


class CapturedSerializer(serializers.Serializer[object]):
    success = serializers.BooleanField()
    status = serializers.ChoiceField(
        (IngestStatus.ACCEPTED.value, IngestStatus.DUPLICATE.value)
    )
    capture_id = serializers.UUIDField()
    customer_id = serializers.UUIDField(allow_null=True)
    duplicate = serializers.BooleanField()
    message = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())


class DeliveredSerializer(serializers.Serializer[object]):
    success = serializers.BooleanField()
    status = serializers.ChoiceField(IngestStatus.choices)
    capture_id = serializers.UUIDField(allow_null=True)
    duplicate = serializers.BooleanField()


class CaptureWarningSerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    pointer = serializers.CharField()


class CaptureErrorSerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    pointer = serializers.CharField()
    detail = serializers.CharField()


class CaptureFindingSerializer(serializers.Serializer[object]):
    """What is found of one item; what stands beside `errors` is the first of them."""

    index = serializers.IntegerField()
    valid = serializers.BooleanField()
    type = MaybeTextField()
    warnings = CaptureWarningSerializer(many=True)
    code = serializers.CharField(required=False)
    pointer = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    errors = CaptureErrorSerializer(  # type: ignore[assignment]  # a key of the answer
        many=True, required=False
    )


class CaptureFindingsSerializer(serializers.Serializer[object]):
    success = serializers.BooleanField()
    valid = serializers.BooleanField()
    received = serializers.IntegerField()
    results = CaptureFindingSerializer(many=True)


class CaptureResultSerializer(serializers.Serializer[object]):
    index = serializers.IntegerField()
    status = serializers.ChoiceField(IngestStatus.choices)
    message_id = serializers.CharField(required=False)
    capture_id = serializers.UUIDField(required=False)
    customer_id = serializers.UUIDField(required=False)
    quarantine_id = serializers.UUIDField(required=False)
    code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    pointer = serializers.CharField(required=False)
    warnings = serializers.ListField(child=serializers.CharField(), required=False)


class ResultCountsSerializer(serializers.Serializer[object]):
    received = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    conflicts = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    retry = serializers.IntegerField()
    results = CaptureResultSerializer(many=True)


class CaptureBatchSerializer(ResultCountsSerializer):
    success = serializers.BooleanField()
    request_id = serializers.UUIDField()


class UnavailableSerializer(serializers.Serializer[object]):
    status = serializers.CharField()


class CaptureHealthSerializer(UnavailableSerializer):
    service = serializers.CharField()


class DiscardedSerializer(serializers.Serializer[object]):
    success = serializers.BooleanField()
    state = serializers.ChoiceField(Decision.choices)


class ReplayedSerializer(DiscardedSerializer, ResultCountsSerializer):
    status = serializers.CharField()
    capture_id = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field]:
        # Only the replay of a whole body has counts.
        fields = dict(super().get_fields())
        for name in ResultCountsSerializer().get_fields():
            fields[name].required = False
        return fields


class FirstErrorMixin(StrictSerializer):
    """Reports only the first error, in one sentence, as all capture endpoints do."""

    # The sentence for each field, in the order in which they are checked; for an
    # unknown key under "".
    sentences: ClassVar[Mapping[str, str]]
    wrong_code: ClassVar[str] = "invalid"

    def to_internal_value(self, data: object) -> JsonObject:
        """Return the checked values. Raises ApiError 400."""
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            wrong: Any = error.detail
            # An unknown key comes before all that is wrong with known ones.
            has_names = wrong.keys() <= self.sentences.keys()
            name = next((n for n in self.sentences if has_names and n in wrong), "")
            code = self.wrong_code if name else self.unknown_code
            pointer = f"/{name}" if code == "invalid" else ""
            text = self.sentences[name]
            raise ApiError(400, code, text, pointer=pointer) from error


class LimitField(serializers.IntegerField):
    """The size of a page: digits alone, no sign and no fraction."""

    def to_internal_value(self, data: float | str) -> int:
        text = str(data)
        if not (text.isascii() and text.isdigit()):
            self.fail("invalid")
        return super().to_internal_value(data)


class ReadingQuery(FirstErrorMixin, QuerySerializer):
    """The parameters of a list with cursors."""

    cursor = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="From `next` of the page before.",
    )
    limit = LimitField(min_value=1, max_value=200, default=50, source="page_size")

    wrong_code = "invalid_parameter"


class CaptureQuery(ReadingQuery):
    type = serializers.ChoiceField(CaptureType.choices, required=False)
    customer = serializers.UUIDField(required=False)

    sentences: ClassVar = {
        "type": f"type is one of {', '.join(CaptureType.values)}.",
        "customer": "customer is a UUID.",
        "limit": _LIMIT,
        "": "Known parameters are cursor, customer, limit, type.",
    }


class QuarantineQuery(ReadingQuery):
    code = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Only this code.",
    )
    all = serializers.ChoiceField(
        [("1", "1")], required=False, help_text="Decided ones too."
    )

    sentences: ClassVar = {
        "all": "all is 1, or is left out.",
        "limit": _LIMIT,
        "": "Known parameters are all, code, cursor, limit.",
    }


class DiscardReasonSerializer(FirstErrorMixin):
    reason = serializers.CharField(max_length=2000, trim_whitespace=False)

    sentences: ClassVar = {"reason": _REASON, "": "Send no more than reason."}

    def to_internal_value(self, data: Any) -> JsonObject:
        # The service says that a reason is needed.
        is_missing = set(data) <= {"reason"} and not data.get("reason", "")
        return {"reason": ""} if is_missing else super().to_internal_value(data)


class CorrectionSerializer(FirstErrorMixin):
    reason = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=2000,
        trim_whitespace=False,
    )
    item = AnyObjectField(required=False, allow_null=True)

    sentences: ClassVar = {
        "reason": _REASON,
        "item": "item is a JSON object.",
        "": "Send no more than reason and item.",
    }
