"""The customer's page: what staff do there, and what strangers cannot."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit.models import Event
from customers import services
from customers.models import Address, Booking, Contact, Customer, Refund
from tests.conftest import form_data, search
from tests.factories import (
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
)

LIST = "/admin/customers/customer/"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(business=bakery, name="Ana", email="ana@example.org")


@pytest.fixture
def page(ana):
    return f"{LIST}{ana.pk}/change/"


def test_a_change_is_saved_with_its_reason_and_its_author(alice, ana, page):
    data = form_data(alice, page, name="Ana Silva", change_reason="married")
    response = alice.post(page, data)

    ana.refresh_from_db()
    assert response.status_code == 302
    assert (ana.name, ana.rev) == ("Ana Silva", 2)
    newest = ana.history.order_by("-history_id").first()
    assert newest.history_user_id == alice.user.pk
    assert newest.history_change_reason == "married"
    event = Event.objects.get(action="customer.changed")
    assert str(event.operation_id) == response["X-Request-Id"]


def test_a_change_made_meanwhile_is_not_overwritten(alice, ana, page, actor):
    data = form_data(alice, page, name="Mine")
    services.update_customer(ana, actor=actor, name="Theirs")

    response = alice.post(page, data)

    assert response.status_code == 200
    assert "Somebody else saved this meanwhile" in response.text
    assert "Mine" in response.text
    ana.refresh_from_db()
    assert ana.name == "Theirs"


def test_a_broken_rule_is_a_sentence_and_keeps_what_was_typed(alice, ana, page):
    CustomerFactory(business=ana.business, email="bea@example.org")

    response = alice.post(
        page, form_data(alice, page, email="BEA@example.org", name="X")
    )

    assert response.status_code == 200
    assert "has this e-mail already" in response.text
    assert 'value="BEA@example.org"' in response.text
    ana.refresh_from_db()
    assert ana.email == "ana@example.org"


def test_a_new_customer_gets_preferences_and_figures(alice, bakery):
    data = form_data(alice, f"{LIST}add/", business=str(bakery.pk), name="Bea")
    response = alice.post(f"{LIST}add/", data)

    assert response.status_code == 302
    customer = Customer.objects.get()
    assert customer.preferences.prefer_sms is None
    assert customer.stats.total_orders == 0


def test_a_new_row_shows_nothing_that_is_made_when_it_is_stored(alice, bakery):
    for page in ("customer", "refund", "booking"):
        shown = alice.get(f"/admin/customers/{page}/add/").text

        for label in ("Unique id", "Reference:", "Created at", "Figures"):
            assert label not in shown


def test_whoever_works_for_one_business_chooses_none(alice, bakery, rival):
    data = form_data(alice, f"{LIST}add/", name="Bea")
    assert data["business"] == str(bakery.pk)
    assert alice.post(f"{LIST}add/", data).status_code == 302

    MembershipFactory(user=alice.user, business=rival)
    assert "business" not in form_data(alice, f"{LIST}add/", name="Bea")


def test_nobody_adds_to_another_business(alice, rival):
    data = form_data(alice, f"{LIST}add/", business=str(rival.pk), name="Bea")

    response = alice.post(f"{LIST}add/", data)

    assert response.status_code == 200
    assert not Customer.objects.exists()


def test_rows_of_the_customer_are_added_on_the_page(alice, ana, page):
    data = form_data(
        alice,
        page,
        **{
            "addresses-TOTAL_FORMS": "1",
            "addresses-0-kind": "home",
            "addresses-0-city": "Oslo",
            "addresses-0-customer": str(ana.pk),
            "contacts-TOTAL_FORMS": "1",
            "contacts-0-kind": "emergency",
            "contacts-0-name": "Bo",
            "contacts-0-customer": str(ana.pk),
        },
    )
    response = alice.post(page, data)

    assert response.status_code == 302, response.context["errors"]
    assert Address.objects.get().business == ana.business
    assert Contact.objects.get().name == "Bo"
    ana.stats.refresh_from_db()
    assert ana.stats.addresses_count == 1


def test_a_forged_id_in_the_page_reaches_nothing(alice, ana, page, rival):
    foreign = ContactFactory(customer__business=rival, name="theirs")
    data = form_data(
        alice,
        page,
        **{
            "contacts-TOTAL_FORMS": "1",
            "contacts-INITIAL_FORMS": "1",
            "contacts-0-id": str(foreign.pk),
            "contacts-0-name": "mine",
            "contacts-0-kind": "emergency",
        },
    )
    alice.post(page, data)

    foreign.refresh_from_db()
    assert foreign.name == "theirs"


def test_who_may_only_look_changes_nothing(bob, alice, ana, page):
    data = form_data(alice, page, name="X")

    assert bob.get(page).status_code == 200
    assert bob.post(page, data).status_code == 403
    ana.refresh_from_db()
    assert ana.name == "Ana"


def test_search_finds_in_any_format(alice, ana):
    CustomerFactory(business=ana.business, name="Jonas Berg")

    for text in ("ana", "ANA@example", ana.unique_id.lower()):
        found = search(alice, LIST, text).context["cl"].result_list
        assert list(found) == [ana]


@pytest.mark.parametrize(
    "lookup",
    [
        "archive_reason__startswith",
        "business__settings__contains",
        "email_key__startswith",
        "location__regex",
        "notes__content__contains",
        "business__memberships__user__password__startswith",
    ],
)
def test_the_address_is_no_oracle_for_hidden_columns(alice, ana, lookup):
    response = alice.get(LIST, {lookup: "a"})

    assert response.status_code == 400


def test_autocomplete_names_own_customers_only(alice, charlie, ana, bakery):
    BookingFactory(customer=ana)
    question = {
        "app_label": "customers",
        "model_name": "booking",
        "field_name": "customer",
        "term": "ana",
    }

    own = alice.post("/admin/autocomplete/", question).json()["results"]
    foreign = charlie.post("/admin/autocomplete/", question).json()["results"]

    assert own == [{"id": str(ana.pk), "text": f"Ana · {ana.unique_id}"}]
    assert foreign == []


def test_a_forged_customer_is_no_choice(charlie, rival, ana):
    own = CustomerFactory(business=rival)
    path = "/admin/customers/booking/add/"
    data = form_data(charlie, path, currency="EUR")

    refused = charlie.post(path, data | {"customer": str(ana.pk)})
    taken = charlie.post(path, data | {"customer": str(own.pk)})

    assert refused.status_code == 200
    assert taken.status_code == 302
    assert Booking.objects.get().business == rival


def test_a_refund_above_what_was_paid_is_a_form_error(alice, ana):
    booking = BookingFactory(
        customer=ana, status="completed", total_amount=10, paid_amount=10
    )
    path = "/admin/customers/refund/add/"
    data = form_data(
        alice, path, booking=str(booking.pk), amount="11", reason_code="quality"
    )

    response = alice.post(path, data)

    assert response.status_code == 200
    assert "Only 10.00 EUR of this booking can still be refunded" in response.text
    assert not Refund.objects.exists()


# --- archive and restore --------------------------------------------------------


def act(client: Client, action: str, *customers: Customer, **more: str) -> Any:
    ids = [str(customer.pk) for customer in customers]
    data = {"action": action, "_selected_action": ids, **more}
    return client.post(f"{LIST}?archived=all", data, follow=True)


def test_archive_asks_for_a_reason_and_then_does_it(alice, ana):
    asked = act(alice, "archive", ana)
    assert "about to archive <strong>1</strong> customer." in asked.text
    ana.refresh_from_db()
    assert not ana.is_archived

    act(alice, "archive", ana, reason="asked by phone")

    ana.refresh_from_db()
    assert ana.archive_reason == "asked by phone"
    assert ana not in alice.get(LIST).context["cl"].result_list
    assert ana in alice.get(LIST, {"archived": "yes"}).context["cl"].result_list


def test_archiving_twice_is_a_message_not_an_error_page(alice, ana):
    act(alice, "archive", ana, reason="x")

    again = act(alice, "archive", ana, reason="x")

    assert again.status_code == 200
    assert "already archived" in again.text


def test_restore_brings_back(alice, ana):
    act(alice, "archive", ana, reason="x")
    act(alice, "restore", ana, reason="came back")

    assert ana in alice.get(LIST).context["cl"].result_list


def test_acts_reach_no_strangers_and_need_the_right(bob, charlie, ana):
    for client in (bob, charlie):
        act(client, "archive", ana, reason="x")

    ana.refresh_from_db()
    assert not ana.is_archived
