"""What a body says: JSON types as a schema means them."""

from __future__ import annotations

import pytest
from rest_framework import serializers

from audit.rest.serializers import StrictSerializer


class Body(StrictSerializer):
    size = serializers.IntegerField()


def test_a_whole_number_may_be_written_with_a_point():
    body = Body(data={"size": 5.0})

    assert body.is_valid(), body.errors
    assert body.validated_data == {"size": 5}
    assert type(body.validated_data["size"]) is int


@pytest.mark.parametrize("value", [5.5, True, "5", [5], float("inf")])
def test_other_values_are_no_whole_number(value):
    assert not Body(data={"size": value}).is_valid()
