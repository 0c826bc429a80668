"""Who reads which entries: the doors to the trail, without a page around them."""

from __future__ import annotations

from audit import log
from audit.tenancy.actors import Actor
from tests.conftest import actor_of, staff
from tests.factories import (
    CustomerFactory,
    GrantFactory,
    PinCredentialFactory,
)

SYSTEM = Actor.system("test")


def test_entries_about_a_person_are_those_of_the_readers_businesses(bakery, rival):
    row = CustomerFactory(business=bakery)
    elsewhere = log.record(
        "customer.viewed", actor=SYSTEM, business_id=rival.pk, subjects=[row.pk]
    )
    reader = actor_of(staff(bakery))

    found = log.list_events_about(row, actor=reader)

    assert found.exists()
    assert elsewhere not in found
    assert elsewhere in log.list_events_about(row, actor=SYSTEM)


def test_pins_and_confirmations_of_others_are_the_owners_to_see(bakery):
    own = PinCredentialFactory(user=staff(bakery))
    foreign = PinCredentialFactory()
    mine, theirs = GrantFactory(user=own.user), GrantFactory()
    reader = actor_of(own.user)

    assert list(log.list_pins(actor=reader)) == [own]
    assert list(log.list_step_ups(actor=reader)) == [mine]
    assert {foreign, own} <= set(log.list_pins(actor=SYSTEM))
    assert {theirs, mine} <= set(log.list_step_ups(actor=SYSTEM))
