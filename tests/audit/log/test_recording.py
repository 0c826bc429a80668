"""Writing the trail: the operation is written once, with the first of its entries."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.log.recording import record
from audit.models import Event, Operation
from audit.tenancy.actors import Actor


class RolledBackError(Exception):
    """Takes a savepoint back."""


@transaction.atomic
def record_and_fail(actor: Actor) -> None:
    record("test.first", actor=actor)
    raise RolledBackError


def operations_written(queries: CaptureQueriesContext) -> int:
    return sum(
        'INTO "audit_operation"' in query["sql"] for query in queries.captured_queries
    )


def test_a_transaction_writes_its_operation_once(db):
    actor = Actor.system("test")

    with CaptureQueriesContext(connection) as queries:
        record("test.first", actor=actor)
        record("test.second", actor=actor)

    assert operations_written(queries) == 1
    assert Operation.objects.filter(id=actor.operation.id).exists()


def test_an_operation_that_was_rolled_back_is_written_again(db):
    actor = Actor.system("test")
    with pytest.raises(RolledBackError):
        record_and_fail(actor)

    assert not Operation.objects.filter(id=actor.operation.id).exists()
    record("test.second", actor=actor)

    assert Operation.objects.filter(id=actor.operation.id).exists()
    assert [e.action for e in Event.objects.all()] == ["test.second"]


def test_one_written_in_a_savepoint_that_stays_is_not_written_again(db):
    actor = Actor.system("test")
    with CaptureQueriesContext(connection) as queries:
        with transaction.atomic():
            record("test.first", actor=actor)
        with transaction.atomic():
            record("test.second", actor=actor)

    assert operations_written(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_rolled_back_leaves_it_to_the_next():
    actor = Actor.system("test")
    with pytest.raises(RolledBackError):
        record_and_fail(actor)

    record("test.second", actor=actor)

    assert actor.operation.is_saved
    assert Operation.objects.filter(id=actor.operation.id).exists()
