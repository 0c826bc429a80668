"""Where migrations name the rule of `customers.values.country_code`."""

from __future__ import annotations

from customers.values.country_code import check_country

__all__ = ["check_country"]
