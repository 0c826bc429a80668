"""Rules of the tables, evaluated without the database: the same answers as Django's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import connection, models
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from customers.models import (
    Address,
    Booking,
    Business,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    Flag,
    Membership,
    Note,
    Preferences,
    Refund,
    Ticket,
    TicketMessage,
)
from customers.services.constraints import (
    broken_checks,
    clean_instance,
    find_holders,
    holds,
    unique_rules,
    unique_values,
)
from customers.services.writing import copy_of
from tests.factories import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    ConsentEventFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    NoteFactory,
    RefundFactory,
    TicketFactory,
    TicketMessageFactory,
)

FACTORIES = {
    Address: AddressFactory,
    Booking: BookingFactory,
    Contact: ContactFactory,
    Customer: CustomerFactory,
    Ticket: TicketFactory,
}
CHECKED = FACTORIES | {
    Business: BusinessFactory,
    ConsentEvent: ConsentEventFactory,
    Credit: CreditFactory,
    Flag: FlagFactory,
    Membership: MembershipFactory,
    Note: NoteFactory,
    Preferences: lambda: Preferences.objects.get(customer=CustomerFactory()),
    Refund: RefundFactory,
    TicketMessage: TicketMessageFactory,
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


def errors_of(check: Callable[[], Any]) -> Any:
    """Return what a check says is wrong, by column."""
    try:
        check()
    except ValidationError as error:
        return error.message_dict
    return {}


@pytest.mark.parametrize("model", CHECKED, ids=lambda model: model.__name__)
def test_a_row_is_checked_as_django_does(db, model):
    row = CHECKED[model]()
    stored = copy_of(row)
    for field in model._meta.fields:
        for value in VALUES:
            if field.is_relation or field.primary_key or not fits(field, value):
                continue
            former = getattr(row, field.name)
            setattr(row, field.name, value)
            expected = errors_of(row.full_clean)
            assert errors_of(partial(clean_instance, row, stored)) == expected, field
            assert errors_of(partial(clean_instance, row)) == expected, field
            setattr(row, field.name, former)


def test_a_taken_value_is_told_as_django_does(db):
    ana = CustomerFactory(email="ana@example.org", external_id="7")
    bea = CustomerFactory(business=ana.business)
    stored = copy_of(bea)
    bea.email, bea.external_id = "ANA@example.org", "7"

    expected = errors_of(bea.full_clean)

    assert len(expected[NON_FIELD_ERRORS]) == 2
    assert errors_of(partial(clean_instance, bea, stored)) == expected
    about = {"one_live_customer_per_email": "email"}
    blamed = errors_of(partial(clean_instance, bea, stored, about=about))
    assert blamed["email"] == ["A customer here has this e-mail already."]


def test_a_related_row_that_is_not_there_is_told_unless_it_was_loaded(db):
    ticket = TicketFactory()
    stored = copy_of(ticket)
    ticket.booking_id = ticket.pk

    assert "booking" in errors_of(partial(clean_instance, ticket, stored))
    assert errors_of(partial(clean_instance, stored, stored)) == {}


@pytest.mark.parametrize(
    ("changes", "statements"),
    [({"location": "Zug"}, 0), ({"email": "b@example.org"}, 1), ({"name": None}, 0)],
)
def test_only_what_differs_is_asked(db, changes, statements):
    ana = CustomerFactory(email="ana@example.org", external_id="7")
    stored = copy_of(ana)
    for name, value in changes.items():
        setattr(ana, name, value)

    with CaptureQueriesContext(connection) as asked:
        errors_of(partial(clean_instance, ana, stored))

    sent = [query["sql"] for query in asked.captured_queries]
    assert sum(sql.startswith("SELECT") for sql in sent) == statements, sent


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
