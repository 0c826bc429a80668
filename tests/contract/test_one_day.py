"""A sale at half past eleven in the evening is of one day everywhere.

It is the day of the business, whichever half of the world it is in: on pages, in
filters, figures, files, invoices and the days of the API. Times of programs are in UTC,
and say so.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking
from customers.resources import resource_of
from tests.conftest import actor_of, form_data
from tests.contract.entrances import load_file, written
from tests.customers.admin.acting import paid_booking
from tests.factories import CustomerFactory

ZONES = ["Europe/Oslo", "America/New_York", "Pacific/Auckland"]
EVENING = datetime(2026, 11, 20, 23, 30)  # noqa: DTZ001 - of a clock on a wall
DAY, SHORT, LONG = "2026-11-20", "20 Nov 2026", "20 November 2026"
BOOKINGS = "/admin/customers/booking/"
ACTOR = Actor.system("test")


@pytest.fixture(params=ZONES)
def sale(request, bakery, actor):
    bakery.timezone = request.param
    services.save_record(bakery, actor=actor)
    moment = EVENING.replace(tzinfo=ZoneInfo(request.param)).astimezone(UTC)
    customer = CustomerFactory(business=bakery, email="zelda@example.org")
    paid = paid_booking(customer, placed_at=moment, completed_at=moment)
    services.refresh_stats([customer.pk])
    return paid


def page_of(sale: Booking, query: str = "") -> str:
    url = reverse("admin:customers_customer_page", args=[sale.customer_id])
    return f"{url}{query}"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def neighbours(page: str) -> set[str]:
    """Return which of the days next to it a page names."""
    days = {"19 Nov", "21 Nov", "19 November", "21 November"}
    return {day for day in days if f"{day} 2026" in page}


def test_the_pages_of_staff(alice, sale):
    listed = text_of(alice.get(BOOKINGS).text)
    orders = text_of(alice.get(page_of(sale, "?tab=bookings")).text)
    timeline = text_of(alice.get(page_of(sale, "?kind=bookings")).text)
    path = reverse("admin:customers_booking_change", args=[sale.pk])
    drawn = form_data(alice, path)

    for page in (listed, orders):
        assert f"{SHORT}, 23:30" in page
    assert f"{LONG} " in timeline
    assert "23:30" in timeline
    for name in ("placed_at", "completed_at"):
        assert (drawn[f"{name}_0"], drawn[f"{name}_1"]) == (DAY, "23:30:00")
    for page in (listed, orders, timeline):
        assert not neighbours(page)


def test_a_filter_by_day(alice, sale):
    # As the links of Django's filter have it: from the midnight of the business on.
    zone = ZoneInfo(sale.business.timezone)
    midnight = datetime(2026, 11, 20, tzinfo=zone)
    for days, count in ((-1, 0), (0, 1), (1, 0)):
        first = midnight + timedelta(days=days)
        last = first + timedelta(days=1)
        bounds = {"placed_at__gte": str(first), "placed_at__lt": str(last)}
        page = alice.get(BOOKINGS, bounds)
        assert page.context["cl"].result_count == count, (days, page.context["cl"])
    for day, count in ((19, 0), (20, 1), (21, 0)):
        parts = {"placed_at__year": 2026, "placed_at__month": 11, "placed_at__day": day}
        page = alice.get(BOOKINGS, parts)
        assert page.context["cl"].result_count == count, day


def test_figures_and_the_days_of_the_api(alice, sale):
    customer = f"/api/v1/customers/{sale.customer_id}"
    stats = alice.get(f"{customer}?expand=stats").json()["stats"]

    sale.customer.stats.refresh_from_db()
    assert str(sale.customer.stats.last_purchase_date) == DAY
    assert stats["first_purchase_date"] == stats["last_purchase_date"] == DAY
    # The instant itself is in UTC, and says so.
    moment = alice.get(f"/api/v1/bookings/{sale.pk}").json()["placed_at"]
    assert moment.endswith("Z")
    assert datetime.fromisoformat(moment) == sale.placed_at


@pytest.mark.parametrize("profile", ["full", "list"])
def test_files_that_leave(sale, profile):
    plan = services.plan_export(
        sale.business, actor=ACTOR, profile=profile, purpose="a test", reason="see"
    )
    parts = b"".join(services.start_export(plan, actor=ACTOR))
    (row,) = csv.DictReader(StringIO(parts.decode("utf-8-sig")))
    assert row["first_purchase_date"] == row["last_purchase_date"] == DAY

    resource = resource_of(services.IMPORT_TABLES["booking"])()
    (exported,) = resource.export(Booking.objects.all()).dict
    moment = datetime.fromisoformat(str(exported["placed_at"]).replace("Z", "+00:00"))
    assert moment == sale.placed_at


def test_a_file_that_comes_in(bakery, sale, alice):
    actor = actor_of(alice.user)
    rows = written(
        ["customer", "kind", "status", "currency", "total_amount", "placed_at"],
        [str(sale.customer_id), "order", "pending", "EUR", "5", "2026-11-20 23:30"],
        [str(sale.customer_id), "order", "pending", "EUR", "5", DAY],
    )
    rejected = load_file(rows, table="booking", business=bakery, actor=actor)

    zone = ZoneInfo(bakery.timezone)
    loaded = Booking.objects.filter(total_amount=Decimal(5)).order_by("placed_at")
    local = [one.placed_at.astimezone(zone).replace(tzinfo=None) for one in loaded]
    assert not rejected
    assert local == [datetime(2026, 11, 20), EVENING]  # noqa: DTZ001 - as above


def test_the_invoice(sale, alice):
    path = reverse("admin:customers_booking_invoice", args=[sale.pk])

    page = text_of(alice.get(path).text)

    assert SHORT in page
    assert not neighbours(page)
