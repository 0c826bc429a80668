"""Pages name one day and one hour for a sale: those of the business, by its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from customers import services
from tests.conftest import form_data, post_confirmed, signed_in, staff
from tests.customers.admin.acting import paid_booking
from tests.factories import BookingFactory, CustomerFactory, MembershipFactory

BOOKINGS = "/admin/customers/booking/"
LATE = datetime(2026, 11, 20, 23, 30)  # noqa: DTZ001 - of a clock on a wall


def change(instance):
    name = instance._meta.model_name
    return reverse(f"admin:customers_{name}_change", args=[instance.pk])


def sold_late(business, zone, actor):
    """Return a sale of half past eleven in the evening, where the business is."""
    business.timezone = zone
    business.as_actor(actor).save()
    moment = LATE.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    customer = CustomerFactory(business=business)
    sale = paid_booking(customer, placed_at=moment, completed_at=moment)
    services.refresh_stats([customer.pk])
    return sale


@pytest.mark.parametrize(
    "zone", ["Europe/Oslo", "America/New_York", "Pacific/Auckland"]
)
def test_a_late_sale_is_of_one_day_everywhere(alice, bakery, actor, zone):
    sale = sold_late(bakery, zone, actor)
    customer = reverse("admin:customers_customer_page", args=[sale.customer_id])

    listed = alice.get(BOOKINGS).text
    opened = form_data(alice, change(sale))
    own = alice.get(f"{customer}?tab=bookings").text
    api = f"/api/v1/customers/{sale.customer_id}"
    figures = alice.get(f"{api}?expand=stats").json()["stats"]

    for page in (listed, own):
        assert "20 Nov 2026, 23:30" in page
        assert f"Times in {zone}" in page
    drawn = opened["placed_at_0"], opened["placed_at_1"]
    assert drawn == ("2026-11-20", "23:30:00")
    assert figures["last_purchase_date"] == "2026-11-20"
    sale.customer.stats.refresh_from_db()
    assert sale.customer.stats.last_purchase_date == LATE.date()
    # The API of programs is in UTC.
    assert alice.get(f"/api/v1/bookings/{sale.pk}").json()["placed_at"] == (
        sale.placed_at.isoformat().replace("+00:00", "Z")
    )


def test_what_is_typed_is_of_the_zone_that_the_page_names(alice, bakery, actor):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    typed = {"starts_at_0": "2026-12-24", "starts_at_1": "10:00"}

    post_confirmed(alice, change(sale), form_data(alice, change(sale)) | typed)

    sale.refresh_from_db()
    assert sale.starts_at == datetime(2026, 12, 24, 9, tzinfo=UTC)
    assert sale.placed_at == datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_hour_that_clocks_left_out_or_had_twice_is_asked(alice, bakery, actor, day):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    typed = {"starts_at_0": day, "starts_at_1": "02:30"}

    page = alice.post(change(sale), form_data(alice, change(sale)) | typed)

    assert "be interpreted in time zone Europe/Oslo" in page.text
    sale.refresh_from_db()
    assert sale.starts_at is None


def test_of_several_businesses_a_list_is_in_the_zone_of_the_person(
    bakery, rival, actor
):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    sold_late(rival, "America/New_York", actor)
    user = staff(bakery, username="ada", time_zone="Asia/Tokyo")
    MembershipFactory(user=user, business=rival)
    ada = signed_in(user)

    listed = ada.get(BOOKINGS).text
    assert "Times in Asia/Tokyo" in listed
    assert "21 Nov 2026, 07:30" in listed

    row = ada.get(change(sale)).text
    assert "Times in Europe/Oslo" in row

    ada.post("/admin/business/", {"business": rival.pk, "next": BOOKINGS})
    chosen = ada.get(BOOKINGS).text
    assert "Times in America/New_York" in chosen
    assert "20 Nov 2026, 23:30" in chosen


def test_a_zone_ends_with_its_page(alice, bakery, actor):
    sale = sold_late(bakery, "Pacific/Auckland", actor)
    alice.get(change(sale))

    assert timezone.get_current_timezone_name() == "UTC"


def test_a_zone_costs_a_page_no_statement(
    alice, bakery, actor, django_assert_max_num_queries
):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    alice.get(change(sale))

    with django_assert_max_num_queries(60) as first:
        alice.get(change(sale))
    businesses = [q for q in first if 'FROM "customers_business"' in q["sql"]]
    assert len(businesses) <= 2


def test_a_purchase_is_not_completed_in_the_future(alice, bakery, actor):
    sale = BookingFactory(customer=CustomerFactory(business=bakery))
    later = timezone.now().year + 1
    typed = {
        "completed_at_0": f"{later}-01-01",
        "completed_at_1": "10:00",
        "status": "completed",
    }

    page = alice.post(change(sale), form_data(alice, change(sale)) | typed)

    assert "This is in the future. Write when it happened." in page.text
