"""Which columns decide figures: what is not named may change, and no figure does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, IntegrityError, models, transaction
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer, Preferences
from customers.services.constraints import changed_columns
from customers.services.figure_kinds import Figures, figures_from
from customers.services.stats import compute_stats
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ConsentEventFactory,
    ContactFactory,
    CustomerFactory,
    FlagFactory,
    RefundFactory,
    TicketFactory,
)

# Whose row it is never changes.
_FIXED = {"id", "business", "customer"}


@pytest.fixture
def ana(bakery):
    """A customer of whom every figure is something, and who is told of offers."""
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=Actor.system("test"))
    customer = CustomerFactory(
        business=bakery, email="ana@example.org", phone="+41440000000"
    )
    ConsentEventFactory(customer=customer, channel=None)
    return customer


def rows(customer: Customer) -> list[models.Model]:
    """Return a row of each table that decides some figures, and can be changed."""
    paid = {"status": "completed", "total_amount": 10, "paid_amount": 10}
    booking = BookingFactory(customer=customer, **paid)
    return [
        customer,
        booking,
        Preferences.objects.get(customer=customer),
        AddressFactory(customer=customer),
        ContactFactory(customer=customer),
        FlagFactory(customer=customer),
        TicketFactory(customer=customer),
        RefundFactory(booking=booking, amount=4, status="succeeded"),
    ]


def others(field: Any, value: Any) -> Iterator[Any]:
    """Yield values that a column may have instead."""
    if field.null:
        yield None
    if field.choices:
        yield from (choice for choice, _ in field.choices)
    elif isinstance(field, models.BooleanField):
        yield from (True, False)
    elif isinstance(field, models.DateTimeField):
        yield timezone.now() - timedelta(days=400)
    elif isinstance(field, models.DecimalField | models.IntegerField):
        yield (value or 0) + 1
    elif isinstance(field, models.CharField | models.TextField):
        yield from ("restricted", "USD", "x@example.org", "")


def figures_of(customer: Customer) -> Any:
    """Return every figure of a customer as it is computed now."""
    stored = Customer.objects.get(pk=customer.pk)
    return compute_stats([stored])[customer.pk]


def moves(row: models.Model, customer: Customer, **values: Any) -> bool:
    """Tell whether other values of a row's columns change a figure."""
    before = figures_of(customer)
    with transaction.atomic():
        models.QuerySet(type(row)).filter(pk=row.pk).update(**values)
        after = figures_of(customer)
        transaction.set_rollback(True)
    return after != before


def moves_alone_or_together(
    row: models.Model, customer: Customer, values: dict[str, Any]
) -> bool:
    """Tell the same of all values at once, or of each where they are not let in."""
    try:
        return moves(row, customer, **values)
    except (IntegrityError, DataError):
        moved = []
        for name, value in values.items():
            with suppress(IntegrityError, DataError):
                moved.append(moves(row, customer, **{name: value}))
        return any(moved)


def test_no_other_column_changes_a_figure(ana):
    for row in rows(ana):
        free = {
            field.attname: list(others(field, getattr(row, field.attname)))
            for field in row._meta.concrete_fields
            if field.name not in _FIXED and not figures_from(type(row), {field.attname})
        }
        # The first of each column, then the second, until each had all of its own.
        for number in range(max(map(len, free.values()))):
            values = {
                name: found[number]
                for name, found in free.items()
                if number < len(found)
            }
            assert not moves_alone_or_together(row, ana, values), row._meta.label


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Customer", "status"),
        ("Customer", "archived_at"),
        ("Booking", "status"),
        ("Booking", "paid_amount"),
        ("Preferences", "do_not_contact"),
        ("Address", "archived_at"),
        ("Contact", "kind"),
        ("Flag", "code"),
        ("Ticket", "priority"),
        ("Refund", "amount"),
    ],
)
def test_what_changes_one_is_named(ana, label, name):
    [row] = [row for row in rows(ana) if type(row).__name__ == label]
    field = row._meta.get_field(name)
    values = others(field, getattr(row, name))

    assert any(moves(row, ana, **{name: value}) for value in values)
    assert figures_from(type(row), {name})


def test_a_place_computes_nothing_and_a_status_does(ana, monkeypatch):
    computed: list[Figures] = []
    monkeypatch.setattr(
        "customers.services.writing.refresh_locked",
        lambda _, figures: computed.append(figures),
    )
    actor = Actor.system("test")

    services.update_customer(ana, actor=actor, location="Zug")
    assert computed == []
    services.update_customer(ana, actor=actor, status="blocked")
    assert computed == [Figures.CONSENT]


def test_what_differs_is_what_changed(ana):
    stored = Customer.objects.get(pk=ana.pk)
    stored.location = "Zug"

    assert changed_columns(stored, ana) == {"location"}
