"""What is written and can hardly be meant is answered with a warning, as forms do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.json_text import JsonObject, JsonValue
from audit.rest.model_serializers import CreateSerializer, HubModelSerializer
from audit.rest.views import ActionSpec
from customers.api.tables.base import HubViewSet
from customers.values.phone_number import CODE, example_number

_KEY = "warnings"


class WarningSerializer(serializers.Serializer):
    """What was taken as it was sent, and what to send instead."""

    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


@cache
def _with_warnings(answer: type[HubModelSerializer]) -> type[HubModelSerializer]:
    """Return the serializer of a row that was written, for the schema."""
    meta: Any = answer.Meta
    name = answer.__name__.removesuffix("Serializer")
    help_text = "Only where there is something to warn of."
    body = {
        "__module__": answer.__module__,
        "__doc__": answer.__doc__,
        "Meta": type("Meta", (meta,), {"fields": [*meta.fields, _KEY]}),
        _KEY: WarningSerializer(many=True, required=False, help_text=help_text),
    }
    return type(f"{name}Written", (answer,), body)


class PhoneWarnings(HubViewSet):
    """A table with phones: one that nobody can call is taken, with a warning."""

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return what each action needs; what is written may have warnings."""
        specs = super().get_action_specs()
        answer = _with_warnings(cls.answer())
        return specs | {
            name: replace(specs[name], response=answer)
            for name in ("create", "partial_update")
        }

    def answer_instance(self, instance: Any, status: int = 200) -> Response:
        """Answer a row; of one that was written, with what there is to warn of."""
        response = super().answer_instance(instance, status)
        is_written = self.action in {"create", "partial_update"}
        return _warned(response, self.request) if is_written else response

    def changes_of(
        self, instance: Any, body: type[CreateSerializer], data: JsonValue
    ) -> JsonObject:
        """Return the checked changes of a row; a warning that comes back is none."""
        if isinstance(data, Mapping):
            data = {key: value for key, value in data.items() if key != _KEY}
        return super().changes_of(instance, body, data)


def _warned(response: Response, request: Request) -> Response:
    data = response.data
    is_sent = isinstance(request.data, Mapping) and "phone" in request.data
    if is_sent and data["phone"] and data["phone_e164"] is None:
        detail = _(
            "The phone is kept as it was sent, but it is no number that can be called "
            "or found by search. Send one like %(example)s."
        ) % {"example": example_number("")}
        data[_KEY] = [{"pointer": "/phone", "code": CODE, "detail": detail}]
    return response
