"""Rules of the tables, evaluated without the database: the same answers as Django's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from customers.models import Address, Booking, Contact, Customer, Ticket
from customers.services.constraints import (
    broken_checks,
    find_holders,
    holds,
    unique_rules,
    unique_values,
)
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    TicketFactory,
)

FACTORIES = {
    Address: AddressFactory,
    Booking: BookingFactory,
    Contact: ContactFactory,
    Customer: CustomerFactory,
    Ticket: TicketFactory,
}
NOW = datetime.now(UTC)
VALUES: list[Any] = [None, "", "nope", "completed", "active", "home", "email"]
VALUES += [Decimal(-1), Decimal(0), Decimal(5), NOW, NOW - timedelta(days=1)]


def said_by_django(row: models.Model) -> set[str]:
    """Return the sentences of the check constraints that a row breaks."""
    said = set()
    for rule in row._meta.constraints:
        if isinstance(rule, models.CheckConstraint):
            try:
                rule.validate(type(row), row)
            except ValidationError as error:
                said |= set(error.messages)
    return said


def fits(field: Any, value: Any) -> bool:
    if value is None:
        return True
    kinds = {
        models.DecimalField: Decimal,
        models.DateTimeField: datetime,
        models.CharField: str,
        models.TextField: str,
    }
    return any(
        isinstance(field, kind) and isinstance(value, type_)
        for kind, type_ in kinds.items()
    )


@pytest.mark.parametrize("model", FACTORIES, ids=lambda model: model.__name__)
def test_check_constraints_answer_as_the_database_does(db, model):
    row = FACTORIES[model]()
    for field in model._meta.fields:
        for value in VALUES:
            if field.is_relation or not fits(field, value):
                continue
            stored = getattr(row, field.name)
            setattr(row, field.name, value)
            mine = {text for _, text in broken_checks(row)}
            assert mine == said_by_django(row), (field.name, value)
            setattr(row, field.name, stored)


def test_unknown_is_neither_yes_nor_no(db):
    row = CustomerFactory(location=None, customer_type="vip")

    assert holds(Q(location="x"), row) is None
    assert holds(~Q(location="x"), row) is None
    assert holds(Q(location="x") | Q(customer_type="vip"), row) is True
    assert holds(Q(location="x") & Q(customer_type="no"), row) is False
    assert holds(Q(location=None), row) is True


def test_a_condition_of_another_kind_is_not_guessed(db):
    with pytest.raises(NotImplementedError):
        holds(Q(name__startswith="A"), CustomerFactory(name="Ana"))


def test_one_statement_finds_who_holds_what_rows_claim(bakery):
    held = CustomerFactory(business=bakery, email="a@example.org", external_id="X")
    rows = [
        Customer(business=bakery, name="N", email=f"{letter}@example.org")
        for letter in "abc"
    ]
    for row in rows:
        row.derive()
    rules = {rule.name: rule for rule in unique_rules(Customer)}
    rule = rules["one_live_customer_per_email"]

    with CaptureQueriesContext(connection) as asked:
        found = find_holders(rule, rows)

    assert len(asked) == 1
    assert found == {(bakery.pk, "a@example.org"): held.pk}
    assert unique_values(rules["one_live_customer_per_external_id"], rows[0]) is None
    held.archived_at = NOW
    assert unique_values(rule, held) is None
