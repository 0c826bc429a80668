"""The acts of a customer's page. What registers and offers them is in `registry`."""

from __future__ import annotations

from customers.admin.acts import conversations, money, payments, person
