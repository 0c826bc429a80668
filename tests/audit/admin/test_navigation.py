"""The side navigation: by job, without what a person may not open, with what waits."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.admin import navigation
from tests.conftest import signed_in, staff
from tests.factories import (
    BusinessFactory,
    QuarantineFactory,
    TicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counts_anew():
    cache.clear()
    yield
    cache.clear()


def page_of(user) -> str:
    return signed_in(user).get("/admin/").text


def side_of(text: str) -> str:
    return re.search(r'<nav class="side".*?</nav>', text, re.S).group()


def groups_of(text: str) -> list[str]:
    return re.findall(r'<h2 id="nav-[a-z-]+">([^<]+)', side_of(text))


@pytest.fixture
def business():
    return BusinessFactory()


@pytest.fixture
def owner():
    return UserFactory(is_superuser=True)


def test_the_owner_has_every_job_that_has_a_page(owner):
    assert groups_of(page_of(owner)) == [
        "Customers",
        "Service",
        "Capture",
        "Compliance",
        "System",
    ]


def test_every_registered_model_stands_in_it_once(owner):
    side = side_of(page_of(owner))

    for model in admin.site._registry:
        label = model._meta.label_lower.replace(".", "/")
        assert side.count(f'href="/admin/{label}/"') == 1, label


@pytest.mark.parametrize(
    ("role", "present", "absent"),
    [
        ("support", "/admin/customers/ticket/", "/admin/capture/apikey/"),
        ("marketing", "/admin/customers/customer/", "/admin/customers/ticket/"),
        ("auditor", "/admin/audit/event/", "/admin/customers/customer/import/"),
        (
            "admin",
            "/admin/customers/customer/import/",
            "/admin/customers/business/add/",
        ),
    ],
)
def test_what_a_role_may_not_open_is_absent(business, role, present, absent):
    text = page_of(staff(business, role))

    assert f'href="{present}"' in text
    assert f'href="{absent}"' not in text


def test_the_page_of_an_entry_is_marked_and_the_longest_wins(owner):
    page = signed_in(owner).get("/admin/customers/customer/import/")

    side = side_of(page.text)
    assert re.findall(r'href="([^"]+)" aria-current', side) == [
        "/admin/customers/customer/import/"
    ]


def test_what_waits_is_counted_in_the_own_business_alone(business):
    TicketFactory.create_batch(2, customer__business=business, status="open")
    TicketFactory(customer__business=business, status="closed")
    TicketFactory(status="open", priority="urgent")

    side = side_of(page_of(staff(business, "support")))

    assert re.search(r'class="count"><span class="sr">, </span>2<', side)
    assert "urgent" not in side


def test_an_urgent_ticket_is_said_in_words(business):
    TicketFactory(customer__business=business, status="open", priority="urgent")

    side = side_of(page_of(staff(business, "support")))

    assert 'class="count hot"' in side
    assert '1<span class="sr"> waiting, some urgent' in side


def test_quarantine_is_not_counted_for_who_may_not_open_it(business):
    QuarantineFactory(source__business=business)

    assert 'class="count"' in side_of(page_of(staff(business)))
    cache.clear()
    assert 'class="count"' not in side_of(page_of(staff(business, "marketing")))


def test_counts_cost_the_same_for_many_rows(owner, assert_flat):
    browser = signed_in(owner)
    TicketFactory(status="open")

    def page() -> None:
        cache.clear()
        browser.get("/admin/")

    assert_flat(call=page, grow=lambda: TicketFactory.create_batch(120, status="open"))


def test_more_than_a_hundred_are_not_counted(business):
    TicketFactory.create_batch(101, customer__business=business, status="open")

    assert ">100+<" in side_of(page_of(staff(business, "support")))


def test_the_next_page_asks_for_no_counts(owner):
    browser = signed_in(owner)
    browser.get("/admin/")

    with CaptureQueriesContext(connection) as asked:
        browser.get("/admin/")
    assert not any("customers_ticket" in query["sql"] for query in asked)


def test_an_unknown_group_is_refused():
    with pytest.raises(KeyError):
        navigation.register_entries("Nowhere", navigation.Entry("audit.event", "list"))
