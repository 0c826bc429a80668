"""Tasks that the tests of the worker give to it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError

from audit.jobs import JobContext, task
from tests.factories import CustomerFactory

SECRET = "bob@example.com"


@task("Make customers")
def make_customers(context: JobContext, *, business: str, count: int) -> None:
    """Make one customer in each piece."""
    for number in range(context.cursor or 0, count):
        with context.piece(number + 1, cursor=number + 1):
            CustomerFactory(business_id=business, name=f"Customer {number}")
            context.count(made=1)


@task("Fail")
def fail(context: JobContext, *, how: str) -> None:
    """Raise what a task may raise, with a text that nobody is to read."""
    errors = {
        "denied": PermissionDenied(SECRET),
        "invalid": ValidationError(SECRET, code="too_large"),
        "other": RuntimeError(SECRET),
        "database": OperationalError(SECRET),
    }
    with context.piece(1):
        raise errors[how]


@task("Count the rows within reach")
def count_rows(context: JobContext) -> None:
    """Say whose rows the actor of the job sees."""
    from customers import services  # noqa: PLC0415 - the app above
    from customers.models import Customer  # noqa: PLC0415 - the app above

    rows = services.list_rows(Customer, actor=context.actor)
    with context.piece(1):
        context.count(rows=rows.count())


@task("Look through")
def look_through(context: JobContext, *, count: int) -> None:
    """Read in pieces of one, from the beginning each time."""
    for number in range(count):
        context.step(number + 1, is_resumable=False)
