"""What somebody sees masked: told by no answer, and not lost when it is sent back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers.choices import Role
from customers.models import Customer
from customers.roles import PERMISSIONS
from tests.conftest import confirm, signed_in, staff
from tests.contract.doors import ask_for
from tests.contract.test_api_tables import TABLES
from tests.customers.api.sending import send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    RefundFactory,
)

SECRET = "jonas.secret@example.net"
V1 = "/api/v1/customers"
DOCUMENTS = ["/api/admin/customers", "/api/customers/bakery"]


@pytest.fixture
def support(bakery):
    return signed_in(staff(bakery, "support"))


@pytest.fixture
def marketing(bakery):
    return signed_in(staff(bakery, "marketing"))


@pytest.fixture
def jonas(bakery) -> Customer:
    """Somebody whose name is his address."""
    return CustomerFactory(
        business=bakery, name=SECRET, email=SECRET, phone="+41 79 555 12 34"
    )


def columns_of(row: Any) -> dict[str, Any]:
    row = type(row)._base_manager.get(pk=row.pk)
    stamps = {"rev", "updated_at", "operation_id"}
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname not in stamps
    }


# --- sent back ----------------------------------------------------------------------


def changed_tables() -> list[tuple[str, Role]]:
    """Return the tables whose rows change, and who of the two may do it."""
    return [
        (path, role)
        for path, door in TABLES.items()
        if getattr(door.view.cls, "update_serializer_class", None)
        for role in (Role.ADMIN, Role.SUPPORT)
        if door.view.cls.action_specs["partial_update"].permission in PERMISSIONS[role]
    ]


def test_there_are_tables_that_change():
    assert len(changed_tables()) > 10


@pytest.mark.parametrize(("path", "role"), changed_tables())
def test_a_row_of_a_list_sent_back_changes_nothing(db, path, role):
    asked = ask_for(TABLES[path])
    browser = signed_in(staff(asked.business, role))
    customer = getattr(asked.row, "customer", None) or asked.row
    if isinstance(customer, Customer):
        customer.name = SECRET
        customer.as_actor(Actor.system("test")).save()
    before = columns_of(asked.row)
    rows = browser.get(f"{path}?page_size=200").json()["results"]
    [row] = [row for row in rows if row["id"] == str(asked.row.pk)]

    confirm(browser, "manage_roles")
    answer = send(browser, "PATCH", f"{path}/{asked.row.pk}", row)

    assert answer.status_code == 200, answer.content
    assert columns_of(asked.row) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("role", ["admin", "support"])
@pytest.mark.parametrize("base", DOCUMENTS)
def test_a_row_of_a_documents_list_sent_back_changes_nothing(
    bakery, jonas, base, role, method
):
    AddressFactory(business=bakery, customer=jonas, line1="Seeweg 4", is_primary=True)
    browser = signed_in(staff(bakery, role))
    before = columns_of(jonas)
    path = f"{base}/{jonas.pk}"

    for sent in (browser.get(base).json()["customers"][0], browser.get(path).json()):
        answer = send(browser, method, path, sent)
        assert answer.status_code == 200, answer.content

    assert columns_of(jonas) == before
    [place] = jonas.addresses.all()
    assert place.line1 == "Seeweg 4"


@pytest.mark.parametrize(
    "path", ["/api/admin/customers/{}", "/api/customers/bakery/{}", f"{V1}/{{}}"]
)
def test_support_adds_an_email_where_there_is_none(support, bakery, path):
    row = CustomerFactory(business=bakery, email=None)
    path = path.format(row.pk)

    added = send(support, "PATCH", path, {"email": "new@example.org"})
    replaced = send(support, "PATCH", path, {"email": "other@example.org"})

    assert added.status_code == 200, added.content
    assert replaced.json()["errors"][0]["code"] == "masked"
    row.refresh_from_db()
    assert row.email == "new@example.org"


def test_an_admin_still_changes_what_lists_mask(alice, jonas):
    for path, email in (
        (f"/api/admin/customers/{jonas.pk}", "a@example.org"),
        (f"/api/customers/bakery/{jonas.pk}", "b@example.org"),
        (f"{V1}/{jonas.pk}", "c@example.org"),
    ):
        assert send(alice, "PATCH", path, {"email": email}).status_code == 200
        jonas.refresh_from_db()
        assert jonas.email == email


def test_the_way_to_pay_is_masked_and_not_overwritten(
    marketing, support, alice, actor, jonas
):
    wishes = jonas.preferences
    wishes.preferred_payment = "IBAN CH93 0076"
    wishes.as_actor(actor).save()
    path = f"/api/customers/bakery/{jonas.pk}"

    for browser in (marketing, support):
        assert b"CH93" not in browser.get(path).content
    shown = support.get(path).json()["preferences"]
    back = send(support, "PATCH", f"{path}/preferences", shown)
    mine = send(support, "PATCH", f"{path}/preferences", {"preferred_payment": "mine"})

    assert back.status_code == 200
    assert b"CH93" not in back.content
    assert mine.status_code == 400
    assert alice.get(path).json()["preferences"]["preferred_payment"].endswith("0076")


# --- shown --------------------------------------------------------------------------


def test_names_that_are_addresses_are_masked_everywhere(marketing, bakery, jonas):
    AddressFactory(business=bakery, customer=jonas, recipient="r.secret@example.net")
    ContactFactory(
        business=bakery,
        customer=jonas,
        kind="alternative",
        name="c.secret@example.net",
        relation="of s.secret@example.net",
    )
    for path in (
        f"/api/customers/bakery/{jonas.pk}/metrics",
        f"/api/admin/customers/{jonas.pk}",
    ):
        assert b"secret@" not in marketing.get(path).content, path


class TestRefunds:
    """Who may not see refunds and credit is not told of them by another answer."""

    @pytest.fixture
    def booking(self, bakery, jonas):
        booking = BookingFactory(
            business=bakery,
            customer=jonas,
            currency=bakery.currency,
            total_amount=500,
            paid_amount=400,
            # As no time of day is written.
            credit_used=Decimal("66.66"),
            status="completed",
            completed_at=timezone.now(),
        )
        RefundFactory(
            business=bakery,
            customer=jonas,
            booking=booking,
            amount=Decimal("77.77"),
            currency=bakery.currency,
            status="succeeded",
        )
        return booking

    @pytest.fixture
    def paths(self, booking) -> list[str]:
        pk = booking.customer_id
        return [
            f"/api/admin/customers/{pk}",
            f"/api/customers/bakery/{pk}/history",
            "/api/v1/bookings",
            f"/api/v1/bookings/{booking.pk}",
            f"/api/v1/bookings/{booking.pk}/invoice",
        ]

    def test_marketing_sees_none(self, marketing, paths):
        for path in paths:
            text = marketing.get(path).text
            assert "77.77" not in text, path
            assert "66.66" not in text, path
        assert marketing.get(paths[-1]).status_code == 403

    def test_support_sees_them(self, support, paths):
        for path in paths:
            text = support.get(path).text
            assert "77.77" in text or "66.66" in text, path

    def test_the_place_of_an_amount_stays(self, marketing, paths):
        [booking] = marketing.get(paths[0]).json()["bookings"]
        [purchase] = marketing.get(paths[1]).json()["purchases"]

        assert booking["refundedAmount"] is None
        assert purchase["refunded_amount"] is None
        assert marketing.get(paths[3]).json()["credit_used"] is None


# --- places and parts ---------------------------------------------------------------

NAMES = [SECRET, "+41 79 555 12 34", "41 79-55", "079 555 12 34"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", ["", "-"])
def test_places_tell_nothing_of_a_masked_name(support, alice, bakery, name, order):
    if name == "41 79-55":
        name = f"+{name}"
    hidden = CustomerFactory(business=bakery, name=name)
    first, last = (
        CustomerFactory(business=bakery, name=text) for text in ("!", "zebra")
    )
    is_down = {"sort_by": "name", "sort_order": "desc" if order else "asc"}
    asked = [
        ("/api/v1/customers", {"ordering": f"{order}name"}, "results"),
        ("/api/admin/customers", is_down, "customers"),
        ("/api/customers/bakery", is_down, "customers"),
    ]

    for path, query, key in asked:
        ids = [row["id"] for row in support.get(path, query).json()[key]]
        assert ids[1] != str(hidden.pk), path
        ids = [row["id"] for row in alice.get(path, query).json()[key]]
        assert ids[1] == str(hidden.pk), path
    for browser, is_told in ((support, False), (alice, True)):
        page = browser.get("/admin/customers/customer/", {"o": f"{order}1"}).text
        places = [page.index(str(row.pk)) for row in (first, hidden, last)]
        assert (places[1] == sorted(places)[1]) is is_told


def test_whoever_sees_one_business_clear_sorts_that_one(bakery, rival):
    user = staff(bakery, "admin")
    MembershipFactory(user=user, business=rival, role="support")
    for business in (bakery, rival):
        CustomerFactory(business=business, name="m@example.org")
        for name in ("a", "z"):
            CustomerFactory(business=business, name=name)
    browser = signed_in(user)

    def names(slug: str) -> list[str]:
        rows = browser.get(f"{V1}?ordering=name", headers={"X-Business": slug}).json()
        return [row["name"][:1] for row in rows["results"]]

    assert names("bakery") == ["a", "m", "z"]
    assert names("rival") == ["a", "z", "m"]


def test_a_phone_as_name_is_not_found_by_parts(support, alice, bakery):
    row = CustomerFactory(business=bakery, name="+41 79 555 12 34")

    for path, key in (
        (f"{V1}?search=555", "results"),
        (f"{V1}/search?q=555", "results"),
        ("/api/admin/customers?search=555", "customers"),
        ("/api/customers/bakery/search?q=555", "customers"),
    ):
        assert not support.get(path).json()[key], path
        assert [found["id"] for found in alice.get(path).json()[key]] == [str(row.pk)]


def test_a_search_looks_for_eight_words(alice, bakery):
    CustomerFactory(business=bakery, name="a b c d e f g h")

    found = alice.get(f"{V1}?search=a b c d e f g h unknown words").json()

    assert found["count"] == 1
