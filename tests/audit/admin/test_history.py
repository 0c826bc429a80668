"""The pages of histories say a change as people read it."""

from __future__ import annotations

import re
from html import unescape

from customers import services
from tests.conftest import actor_of
from tests.factories import BookingFactory, CustomerFactory


def words(page) -> list[str]:
    """Return the cells of a page's tables, without their marks."""
    return re.findall(r"<bdi>(.*?)</bdi>", page.text, re.S)


def test_values_are_read_and_not_decoded(alice, bakery):
    booking = BookingFactory(
        customer__business=bakery,
        kind="order",
        status="confirmed",
        total_amount="36",
        lines=[{"description": "Brød"}],
    )
    booking.status = "cancelled"
    services.save_record(booking, actor=actor_of(alice.user), reason="asked for")
    history = f"/admin/customers/booking/{booking.pk}/history/"

    page = alice.get(history)
    found = words(page)

    assert "Confirmed" in found
    assert "Cancelled" in found
    assert "36.00" in found
    assert '[{"description": "Brød"}]' in map(unescape, found)
    for stored in ("cancelled", "36.000", "None", "True", "False"):
        assert stored not in found
    version = re.search(r'href="([^"]*/history/[^"]+/)"', page.text).group(1)
    assert "36.00" in words(alice.get(version))


def test_what_follows_from_another_column_stands_in_the_whole_alone(alice, bakery):
    person = CustomerFactory(business=bakery, name="Åsa", email="asa@example.org")

    page = alice.get(f"/admin/customers/customer/{person.pk}/history/")
    version = re.search(r'href="([^"]*/history/[^"]+/)"', page.text).group(1)

    for name in ("E-mail, as compared", "Revision", "Updated at"):
        assert name not in page.text
        assert name in alice.get(version).text
