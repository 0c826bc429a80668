"""Pages of notes, preferences, flags, consents and figures."""

from __future__ import annotations

from customers import services
from customers.models import CustomerStats, Preferences
from tests.conftest import form_data
from tests.factories import BookingFactory, CustomerFactory


def test_figures_are_amounts_of_a_currency(alice, bakery):
    for amount, currency in (("36.5", "EUR"), ("700", "JPY")):
        booking = BookingFactory(
            customer__business=bakery,
            status="completed",
            total_amount=amount,
            paid_amount=amount,
            currency=currency,
        )
        services.refresh_stats([booking.customer_id])
    pages = [
        alice.get(f"/admin/customers/customerstats/{stats.pk}/change/").text
        for stats in CustomerStats.objects.order_by("customer__created_at")
    ]
    rows = alice.get("/admin/customers/customerstats/").text

    assert "36.50 EUR" in pages[0]
    assert "36.50 EUR" in rows
    # What was sold in another currency is no value in that of the business.
    assert "700 JPY" in pages[1]
    assert "0.00 EUR" in pages[1]
    for page in (*pages, rows):
        assert "36.500" not in page
        assert "{" not in page.partition('id="content"')[2].partition("<footer")[0]


def test_categories_of_preferences_are_lines(alice, bakery):
    customer = CustomerFactory(business=bakery)
    preferences = Preferences.objects.get(customer=customer)
    url = f"/admin/customers/preferences/{preferences.pk}/change/"
    data = form_data(alice, url, preferred_categories="Bread\r\nCakes, large")

    assert "null" not in alice.get(url).text
    assert alice.post(url, data).status_code == 302
    preferences.refresh_from_db()
    assert preferences.preferred_categories == ["Bread", "Cakes, large"]
    assert "Bread\nCakes, large</textarea>" in alice.get(url).text
