"""The pages of the hub."""

from __future__ import annotations

from customers.admin import (
    acts,
    booking,
    business,
    contact,
    customer,
    navigation,
    note,
    search,
    ticket,
)
