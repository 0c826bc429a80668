"""Exact money on both engines."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from customers import money
from customers.models import Booking
from tests.factories import CustomerFactory

AMOUNTS = st.decimals(0, 10**9, places=3, allow_nan=False)


@given(AMOUNTS)
def test_what_is_stored_comes_back(amount):
    assert money.to_column_decimals(amount) == amount


@given(AMOUNTS, st.sampled_from(["JPY", "EUR", "KWD"]))
def test_rounding_to_a_currency_moves_at_most_half_a_step(amount, currency):
    step = Decimal(1).scaleb(-money.exponent(currency))

    assert abs(money.quantise(amount, currency) - amount) <= step / 2


def test_halves_go_to_the_even_neighbour():
    assert money.quantise(Decimal("1.005"), "EUR") == Decimal("1.00")
    assert money.quantise(Decimal("1.015"), "EUR") == Decimal("1.02")


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["-1,234,567.50 EUR", "1,000 JPY", "0.125 KWD"]),
        ("de", ["-1.234.567,50 EUR", "1.000 JPY", "0,125 KWD"]),
    ],
)
def test_amounts_are_written_as_their_reader_writes_numbers(language, shown):
    amounts = [("-1234567.5", "EUR"), ("1000", "JPY"), ("0.125", "KWD")]

    with translation.override(language):
        texts = [money.format_money(Decimal(text), code) for text, code in amounts]

    assert texts == shown


@given(st.decimals(-(10**9), 10**9, places=3), st.sampled_from(["JPY", "EUR", "KWD"]))
def test_in_english_an_amount_is_grouped_as_by_python(amount, currency):
    expected = f"{money.quantise(amount, currency):,}"

    assert money.format_amount(amount, currency) == expected


@pytest.mark.parametrize("code", ["eur", "XYZ", ""])
def test_an_unknown_currency_is_named(code):
    with pytest.raises(ValidationError, match="ISO 4217"):
        money.check_currency(code)


def test_six_thousand_amounts_add_up_exactly(db, actor):
    customer = CustomerFactory()
    amounts = [Decimal(n * 7919 % 100_000) / 1000 for n in range(6000)]
    rows = [
        Booking(
            business_id=customer.business_id,
            customer=customer,
            reference=f"B-{n}",
            status="completed",
            completed_at=timezone.now(),
            total_amount=amount,
            paid_amount=amount,
            currency="EUR",
        )
        for n, amount in enumerate(amounts)
    ]
    Booking.objects.as_actor(actor).bulk_create(rows)

    total = Booking.objects.aggregate(total=Sum("paid_amount"))["total"]

    assert money.from_database(total) == sum(amounts)
