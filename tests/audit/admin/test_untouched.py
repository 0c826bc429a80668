"""What the person did not change stays as it is stored, in the rows below a form."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Address, Contact, Customer, Preferences
from tests.conftest import drawn_data, form_data, post_confirmed, signed_in, staff
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


def reveal(client: Client, ana: Customer) -> None:
    assert post_confirmed(client, path_of(ana, "reveal/"), {"reason": "call"})
    assert "ana@hidden.example" in client.get(path_of(ana)).text


def stored(ana: Customer) -> tuple[Any, ...]:
    """Return what of a customer is masked, with the rows below."""
    ana.refresh_from_db()
    address, contact = Address.objects.get(), Contact.objects.get()
    return ana.email, ana.phone, ana.location, address.line1, contact.email


STORED = (
    "ana@hidden.example",
    "+4722000421",
    "Oslo",
    "Storgata 17",
    "per@hidden.example",
)


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


# --- what was masked when the form was drawn ----------------------------------------


@pytest.mark.parametrize("reason", ["", "typo"])
def test_a_form_from_before_a_reveal_empties_nothing(agent, ana, reason):
    changes = {"name": "Ana Maria", "change_reason": reason}
    data = form_data(agent, path_of(ana), **changes)
    reveal(agent, ana)

    assert agent.post(path_of(ana), data).status_code == 302

    assert stored(ana) == STORED
    assert ana.name == "Ana Maria"


def test_a_form_from_before_a_reveal_may_come_back(agent, ana):
    data = form_data(agent, path_of(ana), name="Ana Maria", joined_at_0="x")
    reveal(agent, ana)

    refused = agent.post(path_of(ana), data)
    assert refused.status_code == 200
    again = {**redrawn(refused), "joined_at_0": "2026-01-05"}
    for closed in ("email", "phone", "location", "addresses-0-line1"):
        # No browser sends an input that is disabled.
        again.pop(closed, None)
    assert agent.post(path_of(ana), again).status_code == 302

    assert stored(ana) == STORED
    assert ana.name == "Ana Maria"


def test_a_tick_that_was_not_drawn_is_left_and_one_taken_away_is_not(alice, ana):
    services.update_customer(ana, actor=SOMEBODY, reason="x", is_email_verified=True)
    data = form_data(alice, path_of(ana), change_reason="seen")
    del data["is_email_verified"]
    drawn = data["drawn_fields"]
    assert "is_email_verified" in drawn.split()

    for listed in (drawn.replace("is_email_verified", ""), "", None):
        old = {k: v for k, v in data.items() if k != "drawn_fields"}
        if listed is not None:
            old["drawn_fields"] = listed
        assert alice.post(path_of(ana), old).status_code == 302
        ana.refresh_from_db()
        assert ana.is_email_verified, listed

    assert alice.post(path_of(ana), data).status_code == 302
    ana.refresh_from_db()
    assert not ana.is_email_verified


def test_a_field_that_was_drawn_and_emptied_is_emptied(alice, ana):
    data = form_data(alice, path_of(ana), phone="", location="")

    assert alice.post(path_of(ana), data).status_code == 302

    ana.refresh_from_db()
    assert (ana.phone, ana.location) == (None, None)


def test_a_forged_list_opens_no_masked_field(agent, ana):
    data = form_data(agent, path_of(ana), name="Ana Maria", email="guess@example.org")
    data["drawn_fields"] += " email phone id business rev"

    assert agent.post(path_of(ana), data).status_code == 302

    assert stored(ana) == STORED
