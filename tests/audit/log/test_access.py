"""What a request showed and was refused, written for each business that reads of it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import canonical, log
from audit.fields import personal_values
from audit.ids import uuid7
from audit.models import Event
from audit.tenancy.actors import Actor, OperationContext

pytestmark = pytest.mark.django_db


def reader(count: int) -> Actor:
    """Return somebody of so many businesses who has looked for a person in each."""
    ids = frozenset(uuid7() for _ in range(count))
    actor = Actor(
        "user", OperationContext("api", "/test"), id=uuid7(), business_ids=ids
    )
    for pk in ids:
        log.note_subjects(
            "customer.searched", [uuid7()], actor=actor, business_id=pk, query="a@b.org"
        )
    return actor


def steps(call: Any, *args: Any) -> list[str]:
    """Return the statements of a call; those of one insert count as one.

    SQLite takes some 45 rows in a statement.
    """
    with CaptureQueriesContext(connection) as found:
        call(*args)
    begun = [query["sql"].partition(" VALUES ")[0] for query in found.captured_queries]
    return [name for name, _ in groupby(begun)]


def test_a_search_in_200_businesses_takes_the_statements_of_one_in_2():
    few, many = reader(2), reader(200)

    written = [len(steps(log.write_notes, actor)) for actor in (few, many)]
    assert written[0] == written[1] < 6

    events = Event.objects.filter(operation_id=many.operation.id)
    assert set(events.values_list("business_id", flat=True)) == many.business_ids


def test_events_that_are_written_together_are_sealed_as_every_other():
    log.write_notes(reader(2))

    for event in Event.objects.all():
        kept = personal_values(event)
        assert kept == {"query": "a@b.org"}
        assert bytes(event.commitment) == canonical.commitment(
            "audit.event", str(event.pk), kept, bytes(event.salt)
        )
    assert len(set(Event.objects.values_list("salt", flat=True))) == 2
