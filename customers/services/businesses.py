"""Making businesses."""

from __future__ import annotations

from typing import Any

from audit.tenancy.actors import Actor
from customers.models import Business
from customers.services.constraints import check_row
from customers.services.writing import save_record


def create_business(
    slug: str, *, actor: Actor, name: str = "", **columns: Any
) -> Business:
    """Make a business. Raises ValidationError with the field when a value is wrong."""
    business = Business(slug=slug, name=name or slug, **columns)
    check_row(business)
    return save_record(business, actor=actor)
