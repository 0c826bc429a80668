"""What was captured of a person is counted at once, in however many businesses."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.tenancy.actors import Actor
from capture import services
from capture.services.capture_counts import CaptureCounts
from tests.factories import BusinessFactory, CustomerFactory


def test_counting_takes_as_many_statements_for_two_businesses_as_for_forty(db):
    def ask() -> tuple[int, CaptureCounts]:
        with CaptureQueriesContext(connection) as asked:
            counts = services.count_captures(
                "Ana@example.org", actor=Actor.system("test")
            )
        return len(asked), counts

    for _ in range(2):
        CustomerFactory(email="ana@example.org", business=BusinessFactory())
    few, counts = ask()
    assert len(counts.customer_ids) == 2
    for _ in range(19):
        CustomerFactory(email="ana@example.org", business=BusinessFactory())
        BusinessFactory()
    many, counts = ask()

    assert (len(counts.customer_ids), many) == (40, few)
    assert sum(len(ids) for ids in counts.customer_ids.values()) == 21
