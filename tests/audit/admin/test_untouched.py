"""What the person did not change stays as it is stored, in the rows below a form."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Address, Contact, Customer, Preferences
from tests.conftest import drawn_data, form_data, signed_in, staff
from tests.factories import AddressFactory, ContactFactory, CustomerFactory

pytestmark = pytest.mark.django_db
SOMEBODY = Actor.system("somebody else")
LIST = "/admin/customers/customer/"


@pytest.fixture
def ana(bakery):
    ana = CustomerFactory(
        business=bakery,
        name="Ana",
        email="ana@hidden.example",
        phone="+4722000421",
        location="Oslo",
    )
    AddressFactory(customer=ana, line1="Storgata 17", city="Oslo", kind="home")
    ContactFactory(customer=ana, name="Per", email="per@hidden.example")
    return ana


@pytest.fixture
def agent(bakery) -> Client:
    """Sees contact data masked, and may reveal it."""
    return signed_in(staff(bakery, "support"))


def path_of(ana: Customer, page: str = "change/") -> str:
    return f"{LIST}{ana.pk}/{page}"


def redrawn(response: Any) -> dict[str, Any]:
    """Return what a browser posts from a form that came back."""
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return {name: value for form in forms for name, value in drawn_data(form).items()}


# --- somebody saved meanwhile -------------------------------------------------------


def test_rows_below_take_back_nothing_that_was_set_meanwhile(alice, ana):
    changes = {
        "preferences-0-best_contact_time": "evening",
        "addresses-0-postal_code": "0155",
        "contacts-0-relation": "brother",
    }
    data = form_data(alice, path_of(ana), **changes)
    services.update_preferences(
        ana, actor=SOMEBODY, do_not_contact=True, can_receive_offers=False
    )
    address, contact = Address.objects.get(), Contact.objects.get()
    services.update_instance(address, actor=SOMEBODY, city="Bergen")
    services.update_instance(contact, actor=SOMEBODY, phone="+4722000499")

    assert alice.post(path_of(ana), data).status_code == 302

    preferences = Preferences.objects.get(customer=ana)
    assert (preferences.do_not_contact, preferences.can_receive_offers) == (True, False)
    assert preferences.best_contact_time == "evening"
    address.refresh_from_db()
    contact.refresh_from_db()
    assert (address.city, address.postal_code) == ("Bergen", "0155")
    assert (contact.phone, contact.relation) == ("+4722000499", "brother")


def test_a_tick_that_is_taken_away_below_is_a_change(alice, ana):
    services.update_preferences(ana, actor=SOMEBODY, do_not_contact=True)
    data = form_data(alice, path_of(ana))
    del data["preferences-0-do_not_contact"]

    assert alice.post(path_of(ana), data).status_code == 302

    assert not Preferences.objects.get(customer=ana).do_not_contact


def test_rows_below_that_come_back_know_what_they_were_drawn_with(alice, ana):
    data = form_data(alice, path_of(ana), **{"contacts-0-email": "x@"})
    services.update_preferences(ana, actor=SOMEBODY, do_not_contact=True)
    refused = alice.post(path_of(ana), data)
    assert refused.status_code == 200

    again = redrawn(refused) | {"contacts-0-email": "per@example.org"}
    assert alice.post(path_of(ana), again).status_code == 302

    assert Preferences.objects.get(customer=ana).do_not_contact
    assert Contact.objects.get().email == "per@example.org"


def test_rows_below_carry_nothing_that_is_masked(agent, ana):
    services.update_preferences(ana, actor=SOMEBODY, preferred_payment="IBAN 7788")

    page = agent.get(path_of(ana)).text

    assert 'name="initial-preferences-0-do_not_contact"' in page
    for hidden in ("Storgata", "hidden.example", "IBAN 7788", "+4722000421"):
        assert hidden not in page


def test_a_row_below_of_another_business_is_not_reached(charlie, alice, ana):
    data = form_data(alice, path_of(ana), **{"addresses-0-line1": "Mine"})

    assert charlie.post(path_of(ana), data).status_code == 404
    assert Address.objects.get().line1 == "Storgata 17"
