"""What a person with several businesses, or roles, sees of a customer."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from audit.models import Event
from customers.models import SavedView
from tests.conftest import signed_in, staff
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    MembershipFactory,
    TicketFactory,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/customers/customer/"


@pytest.fixture
def bakery():
    return BusinessFactory()


@pytest.fixture
def studio():
    return BusinessFactory()


def works_for(first, role: str, second, other: str):
    user = staff(first, role)
    MembershipFactory(user=user, business=second, role=other)
    return signed_in(user)


def test_a_link_opens_the_page_whichever_business_is_chosen(bakery, studio):
    browser = works_for(bakery, "admin", studio, "support")
    rita = CustomerFactory(business=studio, name="Rita")
    browser.post("/admin/business/", {"business": bakery.pk})

    page = browser.get(f"{LIST}{rita.pk}/")
    assert page.status_code == 200
    assert "Rita" in page.text
    written = browser.post(
        f"{LIST}{rita.pk}/act/note/", {"content": "hello", "note_type": "other"}
    )
    assert browser.get(written["Location"]).status_code == 200
    assert browser.get(f"/admin/customers/{rita.pk}").status_code == 302
    assert browser.get(f"/admin/pulse/?p=customer:{rita.pk}").status_code == 200
    assert not Event.objects.filter(action="access.denied").exists()


def test_a_stranger_s_page_stays_missing(bakery, studio):
    browser = works_for(bakery, "admin", studio, "support")
    browser.post("/admin/business/", {"business": bakery.pk})
    foreign = CustomerFactory()

    assert browser.get(f"{LIST}{foreign.pk}/").status_code == 404
    assert browser.get(f"/admin/customers/{foreign.pk}").status_code == 404
    assert browser.get(f"/admin/pulse/?p=customer:{foreign.pk}").status_code == 404
    assert Event.objects.filter(action="access.denied").exists()


def test_tickets_are_marked_where_the_person_sees_them(bakery, studio):
    seen = CustomerFactory(business=bakery, name="Seen")
    unseen = CustomerFactory(business=studio, name="Unseen")
    for row in (seen, unseen):
        TicketFactory(customer=row, status="open", priority="urgent")
    browser = works_for(bakery, "support", studio, "marketing")

    rows = re.findall(r"<tr>.*?</tr>", browser.get(LIST).text, re.S)
    marked = {
        name: "Urgent" in row
        for row in rows
        for name in ("Seen", "Unseen")
        if f"<bdi>{name}<" in row
    }
    assert marked == {"Seen": True, "Unseen": False}
    urgent = browser.get(f"{LIST}?tickets=urgent").context["cl"].result_list
    assert [row.pk for row in urgent] == [seen.pk]


def test_a_page_without_tickets_has_no_mark_of_them(bakery):
    row = CustomerFactory(business=bakery)
    TicketFactory(customer=row, status="open", priority="urgent")

    page = signed_in(staff(bakery, "marketing")).get(f"{LIST}{row.pk}/")
    assert "rgent" not in page.text


def test_a_shared_view_opens_for_who_sees_no_tickets(bakery):
    view = SavedView.objects.create(
        business=bakery,
        owner=staff(bakery),
        name="Urgent",
        filters={"tickets": "open", "status__exact": "active"},
        is_shared=True,
    )
    browser = signed_in(staff(bakery, "marketing"))

    opened = browser.get(f"{LIST}views/{view.pk}/", follow=True)
    assert opened.status_code == 200
    assert "tickets" not in opened.redirect_chain[-1][0]


def test_many_shared_views_fold(bakery):
    owner = staff(bakery)
    for number in range(45):
        SavedView.objects.create(
            business=bakery, owner=owner, name=f"View {number}", is_shared=True
        )

    page = signed_in(staff(bakery, "support")).get(LIST).text
    bar = re.search(r'<nav class="chips views".*?</nav>', page, re.S)
    assert bar is not None
    assert bar.group().count('<a class="chip') <= 21
    assert "More views" in bar.group()


@pytest.mark.parametrize(
    "order",
    ["-spent.who", "who.-spent", "orders.who", "-seen.-spent", "4.1", "xx", "-"],
)
def test_a_list_is_sorted_by_several_columns(bakery, order):
    CustomerFactory(business=bakery)
    browser = signed_in(staff(bakery))

    assert browser.get(LIST, {"o": order}).status_code == 200


def test_a_second_click_on_a_head_sorts_again(bakery):
    CustomerFactory(business=bakery)
    browser = signed_in(staff(bakery))

    for link in re.findall(
        r'href="(\?[^"]*o=[^"]*)"', browser.get(f"{LIST}?o=who").text
    ):
        path = f"{LIST}{link.replace('&amp;', '&')}"
        assert browser.get(path).status_code == 200, link


def test_what_is_revealed_of_one_person_is_not_of_another(bakery):
    ana = CustomerFactory(business=bakery, name="Ana", phone="+47 22 00 04 21")
    CustomerFactory(business=bakery, name="zoe@hidden.example", phone=ana.phone)
    browser = signed_in(staff(bakery, "support"))
    session = browser.session
    session["revealed"] = {str(ana.pk): timezone.now().timestamp() + 300}
    session.save()

    page = browser.get(f"{LIST}{ana.pk}/").text
    assert "+47 22 00 04 21" in page
    assert "Possible duplicates" in page
    assert "zoe@hidden.example" not in page


def test_a_page_that_loads_itself_leaves_the_messages(bakery):
    row = CustomerFactory(business=bakery)
    browser = signed_in(staff(bakery))
    browser.post(
        f"{LIST}{row.pk}/act/note/", {"content": "hello", "note_type": "other"}
    )

    itself = browser.get(f"{LIST}{row.pk}/", headers={"X-Background": "1"}).text
    assert "The note is saved" not in itself
    assert "The note is saved" in browser.get(f"{LIST}{row.pk}/").text
