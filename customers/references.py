"""Short random references that people can read out over the phone."""

from __future__ import annotations

import secrets

# Without I, L, O and U: none is mistaken for a digit, none makes a word.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_reference(letter: str) -> str:
    """Return a reference like C-7K3M-9Q2D: forty random bits after the letter."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{letter}-{code[:4]}-{code[4:]}"


def new_customer_reference() -> str:
    """Return a new `Customer.unique_id`."""
    return new_reference("C")


def new_booking_reference() -> str:
    """Return a new `Booking.reference`."""
    return new_reference("B")
