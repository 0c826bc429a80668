"""Exact amounts out of what providers send."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.adapters.values import Place, Unfit, from_major, from_minor
from customers.money import to_column_decimals


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (500, "JPY", "500"),
        (1099, "EUR", "10.99"),
        (12_340, "KWD", "12.340"),
        (0, "USD", "0.00"),
        # No decimals in ISO 4217, but Stripe counts in hundredths.
        (500, "ISK", "5.00"),
        (500, "UGX", "5.00"),
        # Five of its units make one, so Stripe counts whole ones.
        (500, "MGA", "500"),
        (500, "HUF", "5.00"),
        (500, "TWD", "5.00"),
    ],
)
def test_minor_units(minor, currency, amount):
    found = from_minor(Place(minor, "amount"), currency)

    assert str(found) == amount


@given(
    st.integers(0, 10**12),
    st.sampled_from([("JPY", 0), ("EUR", 2), ("KWD", 3), ("ISK", 2), ("MGA", 0)]),
)
def test_minor_units_come_back_exactly(minor, kind):
    currency, exponent = kind
    amount = from_minor(Place(minor, "amount"), currency)

    assert amount is not None
    assert amount * 10**exponent == minor
    # They fit the column without rounding.
    assert to_column_decimals(amount) == amount


@given(st.integers(0, 10**11), st.integers(0, 3))
def test_major_units_keep_their_digits(minor, places):
    sent = format(Decimal(minor).scaleb(-places), "f")

    assert str(from_major(Place(sent, "amount"))) == sent


@pytest.mark.parametrize("sent", ["1,5", "1e9", "NaN", "1_0", "\u0661", True, {}])
def test_what_is_no_amount_is_refused(sent):
    with pytest.raises(Unfit) as caught:
        from_major(Place(sent, "a/b"))

    assert caught.value.issue.code == "amount_invalid"
    assert caught.value.issue.pointer == "/a/b"
