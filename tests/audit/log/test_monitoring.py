"""What the page of security monitoring says, and who has looked through access."""

from __future__ import annotations

import pytest

from audit.log import monitoring, record
from audit.models import Event
from audit.tenancy.actors import Actor
from tests.conftest import actor_of, signed_in, staff
from tests.factories import BusinessFactory, UserFactory
from tests.factories.audit import person

PAGE = "/admin/security/"


@pytest.mark.parametrize(
    ("reveals", "people", "is_unusual"),
    [(2, 0, False), (3, 0, True), (0, 3, False), (0, 4, True)],
)
def test_who_reads_unusually_much_is_named(
    bakery, monkeypatch, reveals, people, is_unusual
):
    assert (monitoring.UNUSUAL_REVEALS, monitoring.UNUSUAL_NUMBER) == (200, 1000)
    monkeypatch.setattr(monitoring, "UNUSUAL_REVEALS", 3)
    monkeypatch.setattr(monitoring, "UNUSUAL_NUMBER", 4)
    who = staff(bakery, "support", username="curious")
    for _ in range(reveals):
        record("field.revealed", actor=person(who), business_id=bakery.pk)
    if people:
        ids = [UserFactory().pk for _ in range(people)]
        facts = {"business_id": bakery.pk, "subjects": ids}
        record("customer.listed", actor=person(who), **facts)

    page = signed_in(staff(bakery)).get(PAGE).text

    assert "curious" in page
    assert ("Unusual: ask why." in page) == is_unusual


def test_what_was_read_elsewhere_or_long_ago_does_not_count(bakery, rival, clock):
    who = person(staff(bakery, "support", username="curious"))
    record("field.revealed", actor=who, business_id=rival.pk)
    admin = actor_of(staff(bakery))
    assert monitoring.readers_of_the_hour(actor=admin) == []
    record("field.revealed", actor=who, business_id=bakery.pk)
    assert [r.name for r in monitoring.readers_of_the_hour(actor=admin)] == ["curious"]

    later = Event.objects.last().occurred_at + monitoring._HOUR * 1.1
    assert monitoring.readers_of_the_hour(actor=admin, now=later) == []


def test_a_review_of_access_is_kept(bakery, rival):
    assert monitoring.last_review([bakery.pk]) is None

    monitoring.record_review([bakery.pk], actor=Actor.system("test"))

    assert monitoring.last_review([bakery.pk]) is not None
    assert monitoring.last_review([rival.pk]) is None


def test_a_review_of_many_businesses_takes_no_more_statements(assert_flat, bakery):
    reviewed = [bakery.pk]

    def review() -> None:
        monitoring.record_review(reviewed, actor=Actor.system("test"))

    assert_flat(
        call=review,
        grow=lambda: reviewed.extend(BusinessFactory().pk for _ in range(9)),
    )
    assert Event.objects.filter(action="access.reviewed").count() == 12
