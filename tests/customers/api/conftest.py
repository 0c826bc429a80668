"""Somebody whom the tests of single people ask for, and what a customer paid."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.factories import BookingFactory, CustomerFactory


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(
        business=bakery,
        name="Jonas Berg",
        email="jonas@example.net",
        phone="+47 22 11 33 55",
        external_id="4711",
    )


@pytest.fixture
def booking(actor, bakery):
    """More than the business gives back without a second person."""
    bakery.refund_limit = 100
    bakery.as_actor(actor).save()
    return BookingFactory(
        customer__business=bakery,
        customer__email="jonas@example.net",
        status="completed",
        total_amount=Decimal(500),
        paid_amount=Decimal(500),
    )
