"""Tasks that the tests of the worker give to it."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, connection
from django.utils.translation import get_language

from audit.jobs import JobContext, task
from audit.models import User
from tests.factories import CustomerFactory

SECRET = "bob@example.com"


def forge_account(pk: UUID) -> None:
    """Change an account as somebody does who has found a way to run SQL."""
    key = User._meta.pk.get_db_prep_value(pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_user SET is_staff = NOT is_staff WHERE id = %s", [key]
        )


def _nothing() -> None:
    """Stand for what a test lets happen between two pieces."""


BETWEEN = _nothing


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

    rows = services.list_visible(Customer, actor=context.actor)
    with context.piece(1):
        context.count(rows=rows.count())


@task("Look through")
def look_through(context: JobContext, *, count: int) -> None:
    """Read in pieces of one, from the beginning each time."""
    for number in range(count):
        context.step(number + 1, is_resumable=False)


@task("Say the language")
def say_language(context: JobContext) -> None:
    """Count one of the language that the task runs in."""
    with context.piece(1):
        context.count(**{str(get_language()): 1})


@task("Be forged")
def be_forged(context: JobContext) -> None:
    """Change the account of who asks, past the hub, between two pieces."""
    with context.piece(1):
        pass
    assert context.actor.id is not None
    forge_account(context.actor.id)
    BETWEEN()
    with context.piece(2):
        pass
