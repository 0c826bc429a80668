"""What is masked is not told by hits and places either: search, choices, sorting."""

from __future__ import annotations

import pytest
from django.contrib import admin

from audit.admin.base import ScopedAdmin
from audit.privacy.masking import is_masked_path
from customers.models import Customer
from tests.conftest import search, signed_in, staff
from tests.customers.admin.test_exchange import CUSTOMERS
from tests.factories import (
    AddressFactory,
    CaptureFactory,
    ContactFactory,
    CustomerFactory,
    SourceFactory,
)

MASKED_ROLES = ["support", "marketing", "auditor"]
CONTACTS = "/admin/customers/contact/"


def hits(browser, path: str, text: str) -> int:
    return len(search(browser, path, text).context["cl"].result_list)


@pytest.fixture(params=MASKED_ROLES)
def browser(request, bakery):
    return signed_in(staff(bakery, request.param))


@pytest.mark.parametrize("part", ["xq7", "q7v@mail", "@mail.test", "mail"])
def test_a_part_of_an_address_finds_nobody(browser, bakery, part):
    row = CustomerFactory(business=bakery, name="Ana", email="xq7v@mail.test")
    ContactFactory(customer=row, name="Zoe", email="xq7v@mail.test")

    assert hits(browser, CUSTOMERS, part) == 0
    assert hits(browser, CONTACTS, part) == 0


@pytest.mark.parametrize("part", ["2233", "334455", "+4722", "4722334"])
def test_a_part_of_a_number_finds_nobody(browser, bakery, part):
    row = CustomerFactory(business=bakery, name="Ana", phone="+47 22 33 44 55")
    ContactFactory(customer=row, name="Zoe", phone="+47 22 33 44 55")

    assert hits(browser, CUSTOMERS, part) == 0
    assert hits(browser, CONTACTS, part) == 0


@pytest.mark.parametrize(
    "whole", ["XQ7V@mail.test", "+47 22 33 44 55", "22 33 44 55", "22334455"]
)
def test_the_whole_value_finds_its_person(browser, bakery, whole):
    CustomerFactory(business=bakery, email="xq7v@mail.test", phone="+47 22 33 44 55")

    assert hits(browser, CUSTOMERS, whole) == 1


def test_an_admin_finds_by_parts(alice, bakery):
    row = CustomerFactory(business=bakery, email="xq7v@mail.test", phone="+4722334455")
    ContactFactory(customer=row, name="Zoe", email="xq7v@mail.test")

    assert hits(alice, CUSTOMERS, "q7v@ma") == 1
    assert hits(alice, CUSTOMERS, "3344") == 1
    assert hits(alice, CONTACTS, "q7v@ma") == 1


def test_an_address_is_not_searched(browser, bakery):
    AddressFactory(customer__business=bakery, line1="Bakkegata 17", city="Bergen")

    found = hits(browser, "/admin/customers/address/", "kegata 1")

    assert found == hits(browser, "/admin/customers/address/", "nowhere")


def test_choices_are_no_oracle(browser, bakery):
    CustomerFactory(business=bakery, name="Ana", email="xq7v@mail.test")
    asked = {"app_label": "customers", "model_name": "booking", "term": "q7v@ma"}

    response = browser.post("/admin/autocomplete/", asked | {"field_name": "customer"})

    assert response.status_code == 403 or response.json()["results"] == []


def test_colleagues_are_not_found_by_parts_of_their_address(bakery):
    staff(bakery, "support", username="zed", email="xq7v@mail.test")
    browser = signed_in(staff(bakery, "auditor"))

    assert hits(browser, "/admin/audit/user/", "q7v@ma") == 0
    assert hits(browser, "/admin/audit/user/", "xq7v@mail.test") == 1


@pytest.mark.parametrize("column", ["email", "phone"])
def test_lists_are_not_sorted_by_what_they_mask(browser, bakery, column):
    values = {
        "email": ("abz@example.org", "aba@example.org"),
        "phone": ("+4722000009", "+4722000001"),
    }
    person = CustomerFactory(business=bakery)
    for value in values[column]:
        ContactFactory(customer=person, **{column: value})
    listed = browser.get(CONTACTS).context["cl"]
    place = list(listed.list_display).index(column)

    def order(wanted: str) -> list[object]:
        page = browser.get(CONTACTS, {"o": wanted})
        return [row.pk for row in page.context["cl"].result_list]

    assert order(f"{place}") == order(f"-{place}")


def test_an_admin_sorts_by_address(alice, bakery):
    person = CustomerFactory(business=bakery)
    ContactFactory(customer=person, email="abz@example.org")
    ContactFactory(customer=person, email="aba@example.org")
    place = list(alice.get(CONTACTS).context["cl"].list_display).index("email")

    def order(wanted: str) -> list[object]:
        page = alice.get(CONTACTS, {"o": wanted})
        return [row.pk for row in page.context["cl"].result_list]

    assert order(f"{place}") == order(f"-{place}")[::-1]


def test_no_page_searches_or_sorts_what_it_masks(bakery, rf):
    """For pages to come: what a masked role may search by, on every page."""
    request = rf.get("/admin/")
    request.user = staff(bakery, "support")
    request.operation = None
    for model, page in admin.site._registry.items():
        if not isinstance(page, ScopedAdmin):
            continue
        for name in page.get_search_fields(request):
            assert name.endswith("exact") or not is_masked_path(model, name)
        for name in page.get_sortable_by(request):
            assert not is_masked_path(model, str(name)), (model, name)


# --- people without a name -----------------------------------------------------------


@pytest.fixture
def nameless(bakery):
    """Somebody whose address stands for a name that nobody told."""
    source = SourceFactory(business=bakery)
    body = {"email": "xq7v@mail.test", "success": True}
    CaptureFactory(source=source, type="login", body=body)
    return Customer.objects.get()


def test_an_address_that_stands_for_a_name_is_masked(browser, nameless):
    page = f"{CUSTOMERS}{nameless.pk}/"
    assert nameless.name == "xq7v@mail.test"

    assert hits(browser, CUSTOMERS, "xq7") == 0
    assert hits(browser, CUSTOMERS, "xq7v@mail.test") == 1
    for path in (CUSTOMERS, f"{page}change/", f"{page}history/"):
        assert "xq7v@mail.test" not in browser.get(path).text


def test_choices_mask_it_too(alice, nameless):
    asked = {"app_label": "customers", "model_name": "booking", "term": "xq7v"}

    found = alice.post(
        "/admin/autocomplete/", asked | {"field_name": "customer"}
    ).json()

    [label] = [row["text"] for row in found["results"]]
    assert "xq7v@mail.test" not in label


def test_an_admin_of_a_business_finds_no_account_by_parts(alice, bakery):
    staff(bakery, "support", username="zed", email="xq7v@mail.test")

    assert hits(alice, "/admin/audit/user/", "q7v@ma") == 0
