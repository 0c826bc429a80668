"""Short addresses lead to customers, and to nobody of another business."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import Event
from customers import services
from tests.conftest import signed_in
from tests.factories import CustomerFactory, MembershipFactory, UserFactory

LIST = "/admin/customers/customer/"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(business=bakery, external_id="SHOP/4711 é")


@pytest.mark.parametrize("path", ["/admin/customers", "/admin/customers/"])
def test_the_short_address_leads_to_the_list(alice, path):
    response = alice.get(path)

    assert (response.status_code, response["Location"]) == (302, LIST)


def test_each_name_of_a_customer_leads_to_the_customer(alice, ana, bakery, actor):
    imported = CustomerFactory(business=bakery, external_id="4711")
    services.archive_customers([imported.pk], actor=actor, reason="x")

    for customer, name in (
        (ana, str(ana.pk)),
        (ana, ana.pk.hex),
        (ana, ana.unique_id),
        (ana, ana.unique_id.lower()),
        (imported, "4711"),
    ):
        response = alice.get(f"/admin/customers/{name}")
        assert response.status_code == 302, name
        assert response["Location"] == f"{LIST}{customer.pk}/"


def test_a_foreign_customer_is_as_missing_as_any(charlie, ana):
    nobody = UserFactory().pk
    for name in (ana.pk, ana.unique_id, "4711", nobody, "a@example.org"):
        assert charlie.get(f"/admin/customers/{name}").status_code == 404

    told = Event.objects.filter(code="not_found")
    # An address that somebody typed is kept nowhere.
    assert "a@example.org" not in str([*told.values()])


def test_of_two_businesses_with_one_number_none_is_guessed(alice, bakery, rival):
    for business in (bakery, rival):
        CustomerFactory(business=business, external_id="7")
    MembershipFactory(user=alice.user, business=rival, role="admin")

    page = signed_in(alice.user).get("/admin/customers/7", follow=True)

    assert page.redirect_chain == [(LIST, 302)]
    assert "Customers of several businesses have this number." in page.text


def test_lists_without_a_slash_are_still_found(alice):
    response = alice.get("/admin/customers/booking")

    assert response.status_code == 301
    assert response["Location"] == "/admin/customers/booking/"
    assert alice.get("/admin/customers/historicalcustomer").status_code == 404


def test_whoever_may_not_look_is_kept_out(db, ana):
    path = f"/admin/customers/{ana.pk}"

    stranger = signed_in(UserFactory(is_staff=True)).get(path)
    nobody = Client().get(path)

    assert stranger.status_code == 403
    assert "/admin/login/" in nobody["Location"]
    assert str(ana.pk) not in stranger.text.replace(path, "")
