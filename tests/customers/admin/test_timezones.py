"""Pages name one day and one hour for a sale: those of the business, by its zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from audit.admin.zoned_times import ZonedDateTimeField
from audit.tenancy.actors import OperationContext
from customers import services
from customers.admin.acts.forms import BusinessTimeField
from customers.admin.acts.registry import FormAct, registered_acts
from tests.conftest import drawn_data, form_data, post_confirmed, signed_in, staff
from tests.customers.admin.acting import TYPED, do_act, paid_booking
from tests.factories import (
    BookingFactory,
    ConsentEventFactory,
    CustomerFactory,
    MembershipFactory,
    UserPreferencesFactory,
)

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


@pytest.fixture
def sold_in(bakery, actor):
    return partial(sold_late, bakery, actor=actor)


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


def test_an_hour_that_clocks_left_out_is_refused(alice, bakery, actor):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    typed = {"starts_at_0": "2026-03-29", "starts_at_1": "02:30"}

    page = alice.post(change(sale), form_data(alice, change(sale)) | typed)

    assert "left this time out. Write another one." in page.text
    sale.refresh_from_db()
    assert sale.starts_at is None


@pytest.mark.parametrize(
    ("zone", "wall", "offsets"),
    [
        ("Europe/Oslo", "2026-10-25 02:30", ("+02:00", "+01:00")),
        ("America/New_York", "2026-11-01 01:30", ("-04:00", "-05:00")),
        ("Pacific/Auckland", "2026-04-05 02:30", ("+13:00", "+12:00")),
        # Half an hour.
        ("Australia/Lord_Howe", "2026-04-05 01:45", ("+11:00", "+10:30")),
    ],
)
def test_an_hour_that_clocks_had_twice_is_asked(alice, sold_in, zone, wall, offsets):
    day, clock = wall.split()
    sale = sold_in(zone)
    typed = {"starts_at_0": day, "starts_at_1": clock}

    asked = alice.post(change(sale), form_data(alice, change(sale)) | typed)

    assert "had this time twice. Choose which." in asked.text
    sale.refresh_from_db()
    assert sale.starts_at is None
    for offset in offsets:
        assert f'<option value="{offset}">' in asked.text
        answer = form_data(alice, change(sale)) | typed | {"starts_at_2": offset}
        post_confirmed(alice, change(sale), answer)
        sale.refresh_from_db()
        assert sale.starts_at == datetime.fromisoformat(f"{day}T{clock}{offset}")
        # It is drawn with its choice, and comes back as it was.
        drawn = form_data(alice, change(sale))
        assert (drawn["starts_at_1"][:5], drawn["starts_at_2"]) == (clock, offset)
        post_confirmed(alice, change(sale), drawn | {"comment": "x"})
        sale.refresh_from_db()
        assert sale.starts_at == datetime.fromisoformat(f"{day}T{clock}{offset}")


def test_a_choice_of_an_hour_that_was_there_once_means_nothing(alice, bakery, actor):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    typed = {"starts_at_0": "2026-10-25", "starts_at_1": "04:30"}
    data = form_data(alice, change(sale)) | typed | {"starts_at_2": "+02:00"}

    post_confirmed(alice, change(sale), data)

    sale.refresh_from_db()
    assert sale.starts_at == datetime(2026, 10, 25, 3, 30, tzinfo=UTC)


def test_the_form_of_an_act_asks_too(alice, bakery, actor):
    sale = sold_late(bakery, "Europe/Oslo", actor)
    typed = {**TYPED["consent"](sale.customer), "occurred_at": "2025-10-26T02:30"}

    asked = do_act(alice, sale.customer, "consent", **typed)
    which = drawn_data(asked.context["form"])
    do_act(alice, sale.customer, "consent", **typed, occurred_at_offset="+01:00")

    assert "had this time twice. Choose which." in asked.text
    assert '<option value="+02:00">' in asked.text
    assert which["occurred_at_0"] == "2025-10-26T02:30"
    event = sale.customer.consent_events.get()
    assert event.occurred_at == datetime(2025, 10, 26, 1, 30, tzinfo=UTC)


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


@pytest.fixture
def traveller(bakery):
    """Somebody in Tokyo who wants to read the time there, too."""
    user = staff(bakery, username="ada", time_zone="Asia/Tokyo")
    UserPreferencesFactory(user=user, shows_second_zone=True)
    return signed_in(user)


def test_who_wants_it_reads_their_time_beside_smaller(traveller, sold_in):
    sale = sold_in("Europe/Oslo")
    page = reverse("admin:customers_customer_page", args=[sale.customer_id])

    listed = traveller.get(BOOKINGS).text
    orders = traveller.get(f"{page}?tab=bookings").text
    form = traveller.get(change(sale)).text
    timeline = traveller.get(page).text

    also = '<small class="also" title="Asia/Tokyo">'
    for drawn in (listed, orders):
        text = f"20 Nov 2026, 23:30 {also}21 Nov 2026, 07:30</small>"
        assert text in drawn
    # Of the same day there: the hour alone.
    assert f"{also}" in timeline
    for drawn in (listed, orders, form, timeline):
        assert "Times in Europe/Oslo <small>smaller: Asia/Tokyo</small>" in drawn
    # What is typed stays in the zone of the business.
    assert form_data(traveller, change(sale))["placed_at_1"] == "23:30:00"


def test_columns_of_two_times_are_sorted_and_link_as_before(traveller, sold_in):
    ConsentEventFactory(customer=sold_in("Europe/Oslo").customer)

    page = traveller.get("/admin/customers/consentevent/").text

    assert '<th class="field-occurred_at"><a href="' in page
    assert re.search(r'class="sortable column-occurred_at[^"]*"', page)


def test_nobody_else_reads_a_second_time(alice, traveller, sold_in):
    sale = sold_in("Europe/Oslo")

    traveller.get(change(sale))
    assert 'class="also"' not in alice.get(BOOKINGS).text

    # Nor where both clocks show the same.
    sale = sold_in("Asia/Seoul")
    assert 'class="also"' not in traveller.get(change(sale)).text


def test_the_zone_is_named_once_on_the_page_of_a_customer(alice, sold_in):
    sale = sold_in("Europe/Oslo")
    page = reverse("admin:customers_customer_page", args=[sale.customer_id])

    for tab in ("overview", "profile"):
        text = alice.get(f"{page}?tab={tab}").text
        # In the header, or where that has no room for it at the end of the page.
        assert text.count("Times in Europe/Oslo") == 2


def test_the_page_of_a_customer_is_in_the_zone_of_its_business(sold_in, rival, actor):
    sale = sold_in("Europe/Oslo")
    sold_late(rival, "America/New_York", actor)
    user = staff(sale.business, username="ada", time_zone="Asia/Tokyo")
    MembershipFactory(user=user, business=rival)

    page = reverse("admin:customers_customer_page", args=[sale.customer_id])
    text = signed_in(user).get(f"{page}?tab=bookings").text

    assert "Times in Europe/Oslo" in text
    assert "Asia/Tokyo" not in text
    assert "20 Nov 2026, 23:30" in text


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


def test_each_time_that_a_form_takes_asks_for_an_hour_that_was_there_twice(alice, rf):
    request = rf.get("/admin/")
    request.user = alice.user
    request.operation = OperationContext(via="admin", route="/")
    pages = [p for p in admin.site._registry.values() if p.has_add_permission(request)]
    written = [page.get_form(request) for page in pages]
    written += [
        inline.get_formset(request).form
        for page in pages
        for inline in page.get_inline_instances(request)
    ]
    written += [act.form for act in registered_acts() if isinstance(act, FormAct)]

    times = [
        (form.__name__, name, field)
        for form in written
        for name, field in form.base_fields.items()
        if isinstance(field, forms.DateTimeField | forms.SplitDateTimeField)
    ]

    assert len(times) > 10
    for form, name, field in times:
        assert isinstance(field, ZonedDateTimeField | BusinessTimeField), (form, name)
