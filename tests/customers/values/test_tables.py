"""The tables of raw values: each is long, and says nothing twice."""

from __future__ import annotations

import json

import pytest

from tests.customers.values.tables import TYPES, table_of


@pytest.mark.parametrize("name", TYPES)
def test_a_table_has_many_values_and_none_twice(name):
    lines = table_of(name)
    scope = {"amounts": "currency", "phones": "country"}.get(name, "raw")

    assert len({(line["raw"], line[scope]) for line in lines}) == len(lines) >= 150
    for line in lines:
        json.loads(line["raw"])
        assert None not in line
        assert None not in line.values()
