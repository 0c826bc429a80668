"""A column of customers that people may write is in the form, the API and the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets

from audit.tenancy.actors import Actor
from customers.api.serializers.customers import (
    CustomerCreateSerializer,
    CustomerUpdateSerializer,
)
from customers.choices import ExportProfile
from customers.models import Customer
from customers.services.exports.customer_columns import check_columns, columns_of
from customers.services.imports.tables import CUSTOMERS


@dataclass(frozen=True)
class Place:
    """Where a column has to be, how to add it there, and which ones are left out."""

    columns: Callable[[], set[str]]
    how: str
    # Column to reason.
    left_out: dict[str, str]


def columns_of_form() -> set[str]:
    return set(flatten_fieldsets(admin.site.get_model_admin(Customer).fieldsets))


def exported_columns() -> set[str]:
    """Return the columns of the full export, by their names in the file and of here."""
    actor = Actor.system("columns")
    names = check_columns([], ExportProfile.FULL, actor=actor, business_id=uuid4())
    columns = columns_of(ExportProfile.FULL, names)
    return {*names, *(c.read for c in columns if isinstance(c.read, str))}


_BOUNCED = {"email_bounced_at": "Staff write it when a mail comes back; the API reads."}
_API = "a line of `CUSTOMER_COLUMNS` in customers/services/customers.py"
PLACES = {
    "the form of the admin": Place(
        columns_of_form,
        "a fieldset of `CustomerAdmin` in customers/admin/customer.py",
        {},
    ),
    "the API to create": Place(
        lambda: set(CustomerCreateSerializer().fields), _API, _BOUNCED
    ),
    "the API to change": Place(
        lambda: set(CustomerUpdateSerializer().fields), _API, _BOUNCED
    ),
    "the table of imports": Place(
        lambda: {column.name for column in CUSTOMERS.plain},
        "a line of `CUSTOMERS` in customers/services/imports/tables.py",
        {"email_bounced_at": "A mail that came back says so, no list of people."},
    ),
    "the full export": Place(
        exported_columns,
        "a `_column` in customers/services/exports/customer_columns.py",
        {},
    ),
}


def written_columns() -> list[str]:
    """Return the columns that people write; the business is chosen, not written."""
    return [
        field.name
        for field in Customer._meta.concrete_fields
        if field.editable and not field.primary_key and field.name != "business"
    ]


@pytest.mark.parametrize("name", PLACES)
def test_a_written_column_is_everywhere(name):
    place = PLACES[name]
    missing = set(written_columns()) - place.columns() - place.left_out.keys()

    assert not missing, (
        f"{sorted(missing)} of Customer can be written and is not in {name}. "
        f"Add {place.how}, or the reason to `left_out` of the place here. "
        "docs/how-to.md has all steps."
    )


@pytest.mark.parametrize("name", PLACES)
def test_what_is_left_out_is_a_column_and_is_not_there(name):
    place = PLACES[name]

    assert place.left_out.keys() <= set(written_columns()) - place.columns()
