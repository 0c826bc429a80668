"""Somebody whom the tests of single people ask for."""

from __future__ import annotations

import pytest

from tests.factories import CustomerFactory


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(
        business=bakery,
        name="Jonas Berg",
        email="jonas@example.net",
        phone="+47 22 11 33 55",
        external_id="4711",
    )
