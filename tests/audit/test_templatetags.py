"""The tags of the frame, on the pages that use them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from audit.templatetags.hub import icon, initials
from customers.models import CustomerStats
from tests.conftest import signed_in, staff
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    CustomerFactory,
    TicketFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer():
    return CustomerFactory(name="Ana Silva", email="ana@example.org")


@pytest.fixture
def browser(customer):
    return signed_in(staff(customer.business))


def way_of(text: str) -> list[str]:
    crumbs = re.search(r'class="crumbs">(.*?)</nav>', text, re.S)
    if crumbs is None:
        return []
    return re.findall(r"<li[^>]*>(?:<a[^>]*>)?([^<]+)", crumbs.group(1))


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ana Silva", "AS"),
        ("Ana Maria da Silva", "AS"),
        ("admin", "A"),
        ("'t Hooft", "H"),
        ("שרה כהן", "שכ"),
        ("", "?"),
        ("<script>", "?"),
        (None, "?"),
    ],
)
def test_up_to_two_letters_stand_for_a_name(name, letters):
    assert initials(name) == letters


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "27 Nov 2026, 15:05:09"), ("de", "27.11.2026, 15:05:09")],
)
def test_a_moment_to_the_second_is_local_and_as_its_reader_writes_dates(
    language, words
):
    moment = datetime(2026, 11, 27, 14, 5, 9, tzinfo=UTC)
    template = Template("{% load hub %}{{ at|to_second }}|{{ never|to_second }}")

    with translation.override(language), timezone.override(ZoneInfo("Europe/Berlin")):
        drawn = template.render(Context({"at": moment, "never": None}))
    assert drawn == f"{words}|"


def test_an_icon_says_nothing_to_a_reader():
    drawn = icon("bag", 20)

    assert 'aria-hidden="true"' in drawn
    assert 'width="20"' in drawn
    assert "icons.svg#bag" in drawn


def test_the_way_to_a_row_names_no_person(browser, customer):
    page = browser.get(f"/admin/customers/customer/{customer.pk}/history/").text

    assert way_of(page) == ["Customers", customer.unique_id, "History"]


def test_the_way_back_leads_to_the_list_as_it_was(browser, customer):
    path = f"/admin/customers/customer/{customer.pk}/"
    page = browser.get(f"{path}?_changelist_filters=status__exact%3Dactive%26o%3D1")

    assert 'href="/admin/customers/customer/?status__exact=active&amp;o=1"' in page.text
    forged = browser.get(f"{path}?_changelist_filters=%22%3E%3Cevil").text
    assert "<evil" not in forged


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/admin/", []),
        ("/admin/customers/customer/", []),
        ("/admin/customers/customer/add/", ["Customers", "New"]),
        ("/admin/account/", ["Home", "Your account"]),
        ("/admin/account/pin/", ["Home", "Your account", "Your PIN"]),
        ("/admin/security/", ["Home", "Security monitoring"]),
    ],
)
def test_each_page_says_the_way_to_it(browser, path, way):
    assert way_of(browser.get(path).text) == way


def test_a_filter_is_a_chip_that_takes_it_away(browser):
    page = browser.get("/admin/customers/customer/?status__exact=active&o=1").text

    narrowed = page[page.index('aria-label="Narrowed by"') :]
    chip = re.search(r'<a class="chip" href="([^"]+)">(.*?)</a>', narrowed, re.S)
    assert chip is not None
    assert chip.group(1) == "?o=1"
    assert re.sub(r"<[^>]+>", "", chip.group(2)).startswith("status Active")


def test_a_list_of_nothing_says_what_to_do():
    browser = signed_in(staff(BusinessFactory()))

    page = browser.get("/admin/customers/ticket/").text
    assert "Nothing here yet" in page
    assert 'href="/admin/customers/ticket/add/"' in page
    narrowed = browser.get("/admin/customers/ticket/?status__exact=open").text
    assert "Nothing fits" in narrowed


def test_a_refused_form_lists_each_field_with_its_place(browser, customer):
    page = browser.post(
        f"/admin/customers/customer/{customer.pk}/change/", {"email": "x@", "name": ""}
    ).text

    summary = re.search(r'id="refused".*?</ul>', page, re.S)
    assert summary is not None
    assert (
        'href="#id_email">E-mail: Enter one e-mail address like name@example.org.'
        in summary.group()
    )
    assert 'href="#id_name">Name: This field is required.' in summary.group()
    assert 'id="id_email"' in page


def test_the_summary_names_fields_of_rows_below(browser, customer):
    ticket = TicketFactory(customer=customer)
    data = {
        "subject": ticket.subject,
        "status": "open",
        "priority": "normal",
        "messages-TOTAL_FORMS": "1",
        "messages-INITIAL_FORMS": "0",
        "messages-0-author_kind": "customer",
        "messages-0-body": "",
    }
    page = browser.post(f"/admin/customers/ticket/{ticket.pk}/change/", data).text

    assert "Body: This field is required." in page


def test_what_a_page_only_shows_is_said_in_words(browser, customer):
    booking = BookingFactory(customer=customer, credit_used="5")
    figures = CustomerStats.objects.get(customer=customer)

    edited = browser.get(f"/admin/customers/booking/{booking.pk}/change/").text
    read = browser.get(f"/admin/customers/customerstats/{figures.pk}/change/").text

    assert '<div class="readonly">5.00 EUR</div>' in edited
    assert '<div class="readonly">No</div>' in read
    assert '<div class="readonly">–</div>' in read
    assert "icon-no" not in read


def test_a_page_without_a_field_to_change_is_one_to_read(browser, customer):
    figures = CustomerStats.objects.get(customer=customer)

    form = browser.get(f"/admin/customers/customer/{customer.pk}/change/").text
    read = browser.get(f"/admin/customers/customerstats/{figures.pk}/change/").text

    assert "view-only" in read
    assert "view-only" not in form
