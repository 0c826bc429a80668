"""Searches beside customers: whole numbers first, texts in the newest rows."""

from __future__ import annotations

import pytest

from customers.selectors import lookups
from customers.selectors.lookups import (
    find_bookings,
    find_notes,
    find_refunds,
    find_tickets,
)
from tests.conftest import actor_of, staff
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    NoteFactory,
    RefundFactory,
    TicketFactory,
)


@pytest.fixture
def clerk(bakery):
    return actor_of(staff(bakery, "support"))


def test_references_that_begin_so_come_in_their_order(bakery, clerk):
    for reference in ("ORD-12", "ORD-1", "ORD-2", "XORD-1"):
        BookingFactory(customer__business=bakery, reference=reference)

    def begin(text: str, limit: int = 5) -> list[str]:
        matches = find_bookings(text, actor=clerk, limit=limit)
        assert not any(is_exact for _, is_exact in matches)
        return [booking.reference for booking, _ in matches]

    assert begin("ord-") == ["ORD-1", "ORD-12", "ORD-2"]
    assert begin("ord-", limit=2) == ["ORD-1", "ORD-12"]
    assert begin("ord") == []
    assert begin("ord- 1") == []


def test_a_whole_reference_means_no_other(bakery, clerk):
    for reference in ("ORD-1", "ORD-12", "lower-1"):
        BookingFactory(customer__business=bakery, reference=reference)

    for text in ("ORD-1", "ord-1", "lower-1"):
        [(booking, is_exact)] = find_bookings(text, actor=clerk, limit=5)
        assert (booking.reference, is_exact) == (
            {"ord-1": "ORD-1"}.get(text, text),
            True,
        )


@pytest.mark.parametrize("text", ["9" * 9, "9" * 10, "9" * 240, "²", "٣", "#", "-1"])
def test_what_is_no_number_of_a_ticket_is_a_text(bakery, clerk, text):
    ticket = TicketFactory(customer__business=bakery, subject=f"about {text}")

    assert find_tickets(text, actor=clerk, limit=5) == [(ticket, False)]


def test_texts_are_looked_for_in_the_newest_alone(bakery, clerk, monkeypatch):
    monkeypatch.setattr(lookups, "_NEWEST", 2)
    TicketFactory.create_batch(3, customer__business=bakery, subject="Old bread")
    notes = NoteFactory.create_batch(3, customer__business=bakery)

    assert len(find_tickets("bread", actor=clerk, limit=5)) == 2
    assert [note for note, _ in find_notes("rye", actor=clerk, limit=5)] == [
        notes[2],
        notes[1],
    ]
    # Rows of others take none of these places.
    NoteFactory.create_batch(2, customer__business=BusinessFactory(), content="x")
    assert len(find_notes("rye", actor=clerk, limit=5)) == 2


def test_refunds_come_by_their_id_or_their_booking(bakery, clerk):
    booking = BookingFactory(
        customer__business=bakery,
        reference="ORD-1",
        status="completed",
        total_amount=10,
        paid_amount=10,
    )
    refund = RefundFactory(booking=booking, external_id="re_1")

    assert find_refunds("re_1", actor=clerk, limit=5) == [(refund, True)]
    assert find_refunds("ord-1", actor=clerk, limit=5) == [(refund, False)]
    assert find_refunds("re_", actor=clerk, limit=5) == []


@pytest.mark.parametrize("role", ["marketing", "support"])
def test_whoever_sees_no_notes_finds_none(bakery, role):
    NoteFactory(customer__business=bakery)
    actor = actor_of(staff(bakery, role))

    matches = find_notes("rye", actor=actor, limit=5)

    assert len(matches) == (role == "support")
