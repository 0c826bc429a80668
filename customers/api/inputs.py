"""The bodies and parameters of customer endpoints: what is taken, in which shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from audit.rest.model_serializers import without_masked
from audit.rest.serializers import QuerySerializer, StrictSerializer, snake_case


class SeenOrMasked(StrictSerializer):
    """A change of what somebody may see masked.

    The context holds `masks`, what is shown in place of the stored values, and
    `is_unmasked`.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Leave out what comes back masked: it is no change.

        Raises ValidationError for another value in the place of a masked one: what
        somebody does not see, they do not overwrite.
        """
        masks, is_unmasked = self.context["masks"], self.context["is_unmasked"]
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        kept, wrong = without_masked(data, masks, is_unmasked=is_unmasked)
        if wrong:
            raise ValidationError(wrong)
        sent = {snake_case(str(key)) for key in data.keys() - kept.keys()}
        for name in (sent if is_unmasked else masks.keys()) & self.fields.keys():
            self.fields[name].required = False
        return super().to_internal_value(kept)


class EveryKey(StrictSerializer):
    """Makes a body of PUT from that of PATCH: no key may be left out.

    Put it before the other base.
    """

    optional: ClassVar[frozenset[str]] = frozenset()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = name not in self.optional
        return fields


class SearchQuery(QuerySerializer):
    """The parameters of a search while somebody types."""

    q = serializers.CharField(max_length=200, allow_blank=True, default="")
    limit = serializers.IntegerField(min_value=1, max_value=50, default=10)
