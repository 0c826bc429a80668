"""The form of a customer: who it may be already, why it changes, and where it leads."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer
from tests.conftest import form_data, signed_in, staff
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    TicketFactory,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/customers/customer/"
ADD, SIMILAR = f"{LIST}add/", f"{LIST}similar/"
# With a Cyrillic letter.
LOOK = "\u0410na Silva"
PHONE = "+47 22 00 04 21"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery, name="Ana Silva", email="ana@example.org", phone=PHONE
    )


def path_of(row: Any, page: str = "change/") -> str:
    return f"{LIST}{row.pk}/{page}"


def typed(business: Any, **values: str) -> dict[str, str]:
    return {"business": str(business.pk), **values}


def named(response: Any) -> list[tuple[str, str]]:
    """Return whom a panel names, and why."""
    return [(one.unique_id, reason) for one, reason in response.context["similar"]]


def errors_of(response: Any) -> dict[str, str]:
    errors = response.context["adminform"].form.errors
    return {name: " ".join(texts) for name, texts in errors.items()}


def said(client: Client, response: Any) -> str:
    return re.sub(r"<[^>]+>", " ", client.get(response["Location"]).text)


# --- while typing ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"phone": "22 00 04 21"}, "the same phone number"),
        ({"email": "ANA@example.org"}, "has this e-mail"),
        ({"name": LOOK}, "the name looks the same"),
        ({"email": "former@example.org"}, "had this e-mail"),
    ],
)
def test_the_panel_names_who_is_like_the_person(alice, bakery, ana, values, reason):
    bakery.country = "NO"
    bakery.as_actor(Actor.system("test")).save()
    ContactFactory(customer=ana, kind="email", email="former@example.org")

    answer = alice.post(SIMILAR, typed(bakery, **values))

    [(who, why)] = named(answer)
    assert who == ana.unique_id
    assert why.startswith(reason)
    assert f'href="{path_of(ana, "")}"' in answer.text
    assert "Use this one" in answer.text


def test_contact_data_is_masked_as_in_lists(alice, bakery, ana):
    answer = alice.post(SIMILAR, typed(bakery, email="ana@example.org"))

    assert "a…@e….org" in answer.text
    for hidden in ("ana@example.org", PHONE):
        assert hidden not in answer.text


def test_an_archived_customer_with_the_e_mail_is_offered(alice, bakery, ana, actor):
    services.archive_customer(ana, actor=actor, reason="left")

    answer = alice.post(SIMILAR, typed(bakery, email="ana@example.org"))

    [(who, why)] = named(answer)
    assert (who, "restore" in why) == (ana.unique_id, True)
    assert path_of(ana, "") in answer.text


def test_at_most_five_are_named(alice, bakery):
    CustomerFactory.create_batch(7, business=bakery, phone=PHONE)
    known = set(Event.objects.values_list("pk", flat=True))

    answer = alice.post(SIMILAR, typed(bakery, phone=PHONE))

    assert len(named(answer)) == 5
    [event] = Event.objects.exclude(pk__in=known)
    assert event.action == "customer.listed"
    assert len(event.subjects) == 5


def test_whose_form_it_is_is_not_named(alice, ana):
    other = CustomerFactory(business=ana.business, phone=PHONE)

    answer = alice.post(SIMILAR, {"customer": str(ana.pk), "phone": PHONE})

    assert named(answer) == [(other.unique_id, "the same phone number")]
    assert "Use this one" not in answer.text


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"email": "no address", "phone": "x"},
        {"name": "a" * 9000},
        {"name": "a\0b", "email": "\u200b"},
        {"business": "nowhere"},
    ],
)
def test_what_is_wrong_finds_nobody(alice, bakery, ana, values):
    answer = alice.post(SIMILAR, typed(bakery) | values)

    assert answer.status_code == 200
    assert named(answer) == []


def test_nobody_of_another_business_is_named(alice, charlie, rival, bakery, ana):
    values = {"email": "ana@example.org", "phone": PHONE, "name": "Ana Silva"}

    assert named(charlie.post(SIMILAR, typed(rival, **values))) == []
    assert charlie.post(SIMILAR, typed(bakery, **values)).status_code == 404
    assert charlie.post(SIMILAR, {"customer": str(ana.pk)}).status_code == 404


def test_who_may_not_write_is_refused(bob, bakery, ana):
    assert bob.post(SIMILAR, typed(bakery, phone=PHONE)).status_code == 403
    assert bob.post(SIMILAR, {"customer": str(ana.pk)}).status_code == 403


def test_a_permission_elsewhere_is_none_here(bakery, rival, ana):
    user = staff(rival)
    MembershipFactory(user=user, business=bakery, role="auditor")
    client = signed_in(user)

    assert client.post(SIMILAR, typed(bakery, phone=PHONE)).status_code == 404
    assert client.post(SIMILAR, typed(rival, phone=PHONE)).status_code == 200


def test_the_answer_is_not_kept_and_only_posted(alice, bakery):
    answer = alice.post(SIMILAR, typed(bakery, name="Ana"))

    assert "no-store" in answer["Cache-Control"]
    assert alice.get(SIMILAR).status_code == 405


def test_it_takes_as_many_statements_however_many_there_are(
    alice, bakery, ana, assert_flat
):
    values = typed(bakery, phone=PHONE, email="ana@example.org", name=LOOK)

    def grow() -> None:
        CustomerFactory.create_batch(20, business=bakery, phone=PHONE)
        CustomerFactory.create_batch(20, business=bakery, name="Ana Silva")

    assert_flat(call=lambda: alice.post(SIMILAR, values), grow=grow)


# --- when a customer is created -------------------------------------------------


def test_who_looks_like_another_is_created_on_the_second_try(alice, bakery, ana):
    data = form_data(alice, ADD, name="A. Silva", phone=PHONE)

    asked = alice.post(ADD, data)
    assert "looks like the same person" in errors_of(asked)["__all__"]
    assert named(asked) == [(ana.unique_id, "the same phone number")]
    assert 'name="create_anyway"' in asked.text
    assert 'value="A. Silva"' in asked.text

    assert alice.post(ADD, {**data, "create_anyway": "on"}).status_code == 302
    assert Customer.objects.filter(phone=PHONE).count() == 2


def test_who_was_seen_while_typing_is_not_asked_about(alice, bakery, ana):
    panel = alice.post(SIMILAR, typed(bakery, phone=PHONE)).text
    seen = re.findall(r'name="similar_seen" value="([^"]+)"', panel)
    assert seen == [str(ana.pk)]
    data = form_data(alice, ADD, name="A. Silva", phone=PHONE, similar_seen=seen)

    newer = CustomerFactory(business=bakery, phone=PHONE)
    assert "__all__" in errors_of(alice.post(ADD, data))

    data["similar_seen"] = [*seen, str(newer.pk)]
    assert alice.post(ADD, data).status_code == 302


def test_who_is_like_nobody_is_created_at_once(alice, ana):
    data = form_data(alice, ADD, name="Jonas Berg", email="jonas@example.org")

    answer = alice.post(ADD, data)

    made = Customer.objects.get(name="Jonas Berg")
    assert answer["Location"] == path_of(made, "")


@pytest.mark.parametrize("is_new", [True, False])
def test_an_e_mail_that_is_taken_names_its_customer(alice, bakery, ana, is_new):
    page = ADD if is_new else path_of(CustomerFactory(business=bakery))
    data = form_data(
        alice, page, name="Bea", email="ANA@example.org", change_reason="new"
    )

    answer = alice.post(page, {**data, "create_anyway": "on"})

    errors = errors_of(answer)
    assert list(errors) == ["email"]
    assert f"Ana Silva · {ana.unique_id} has this e-mail already." in errors["email"]
    link = f'<a href="{path_of(ana, "")}">Open {ana.unique_id}</a>'
    assert link in errors["email"]
    # The summary is a list of links already.
    assert answer.text.count(link) == 1
    assert 'value="ANA@example.org"' in answer.text


def test_the_e_mail_of_an_archived_customer_may_be_given_again(
    alice, bakery, ana, actor
):
    services.archive_customer(ana, actor=actor, reason="left")
    data = form_data(alice, ADD, name="Bea", email="ana@example.org")

    asked = alice.post(ADD, data)
    assert [who for who, _ in named(asked)] == [ana.unique_id]
    assert alice.post(ADD, {**data, "create_anyway": "on"}).status_code == 302


def test_the_e_mail_of_another_business_is_free(alice, bakery, rival):
    CustomerFactory(business=rival, email="ana@example.org", phone=PHONE)
    data = form_data(alice, ADD, name="Bea", email="ana@example.org", phone=PHONE)

    assert alice.post(ADD, data).status_code == 302


def test_a_hostile_name_is_text_in_errors_and_panel(alice, bakery):
    script = "<script>window.x=1</script>"
    CustomerFactory(business=bakery, name=script, email="x@example.org", phone=PHONE)
    data = form_data(alice, ADD, name="Bea", email="x@example.org", phone=PHONE)

    answer = alice.post(ADD, data)
    panel = alice.post(SIMILAR, typed(bakery, phone=PHONE))

    assert script not in answer.text
    assert script not in panel.text
    assert "&lt;script&gt;" in panel.text


# --- what a change has to be told for -------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "blocked"},
        {"email": "new@example.org"},
        {"is_email_verified": "on"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_matters_is_not_changed_without_a_reason(alice, ana, changed):
    data = form_data(alice, path_of(ana), **changed)

    refused = alice.post(path_of(ana), data)
    assert list(errors_of(refused)) == ["change_reason"]
    ana.refresh_from_db()
    assert ana.rev == 1

    data["change_reason"] = "ticket 7"
    assert alice.post(path_of(ana), data).status_code == 302
    newest = ana.history.order_by("-history_id").first()
    assert newest.history_change_reason == "ticket 7"


def test_nothing_else_asks_for_one(alice, ana):
    data = form_data(
        alice,
        path_of(ana),
        name="Ana",
        phone="",
        customer_type="vip",
        external_id="7",
        location="Oslo",
    )

    assert alice.post(path_of(ana), data).status_code == 302


def test_a_change_of_theirs_asks_nobody_for_a_reason(alice, ana, actor):
    data = form_data(alice, path_of(ana), name="Mine")
    services.update_customer(ana, actor=actor, status="blocked", reason="asked")

    answer = alice.post(path_of(ana), data)

    assert [one.name for one in answer.context["differences"]] == ["name", "status"]


# --- phones that nobody can call ------------------------------------------------


@pytest.mark.parametrize("phone", ["abc", "22 00"])
def test_a_phone_that_is_none_is_saved_with_a_warning(alice, ana, phone):
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana), phone=phone))

    ana.refresh_from_db()
    assert ana.phone == phone
    text = said(alice, answer)
    assert "no number that can be called or found by search" in text
    assert "Write it like +" in text


def test_a_phone_of_a_contact_is_warned_of_too(alice, ana):
    rows = {
        "contacts-TOTAL_FORMS": "1",
        "contacts-0-kind": "emergency",
        "contacts-0-name": "Bo",
        "contacts-0-phone": "x",
        "contacts-0-customer": str(ana.pk),
    }
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana), **rows))

    assert "The phone of this contact is saved as typed" in said(alice, answer)


def test_a_number_is_not_warned_of_nor_one_that_stays(alice, ana, actor):
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana), name="Ana"))
    assert "saved as typed" not in said(alice, answer)

    services.update_customer(ana, actor=actor, phone="abc")
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana), name="Bea"))
    assert "saved as typed" not in said(alice, answer)


# --- where it leads, and what it shows ------------------------------------------


def test_saving_leads_to_the_page_and_says_what_changed(alice, ana):
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana), name="Ana"))

    assert answer["Location"] == path_of(ana, "")
    page = alice.get(answer["Location"]).text
    change_set = f"/admin/audit/operation/{answer['X-Request-Id']}/change/"
    assert f'{ana.unique_id} is saved. <a href="{change_set}">' in page
    assert alice.get(change_set).status_code == 200


def test_who_sees_no_change_sets_gets_no_link(bakery, ana):
    agent = signed_in(staff(bakery, "support"))

    answer = agent.post(path_of(ana), form_data(agent, path_of(ana), name="Ana"))

    page = agent.get(answer["Location"]).text
    assert f"{ana.unique_id} is saved." in page
    assert "/admin/audit/operation/" not in page


def test_saving_nothing_says_so_and_writes_no_history(alice, ana):
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana)))

    assert "Nothing was different" in said(alice, answer)
    assert ana.history.count() == 1


def test_who_goes_on_editing_stays_on_the_form(alice, ana):
    data = form_data(alice, path_of(ana), name="Ana", _continue="1")

    assert alice.post(path_of(ana), data)["Location"].endswith("/change/")


def test_the_form_shows_what_it_is_for(alice, ana):
    BookingFactory(customer=ana)
    TicketFactory(customer=ana)
    page = alice.get(path_of(ana))

    below = {one.formset.prefix for one in page.context["inline_admin_formsets"]}
    assert below == {"preferences", "addresses", "contacts"}
    assert "Lifetime value" not in page.text
    assert "data-unsaved" in page.text
    assert f'data-similar="{SIMILAR}" data-customer="{ana.pk}"' in page.text


def test_who_only_looks_gets_neither_panel_nor_guard(bob, ana):
    page = bob.get(path_of(ana)).text

    assert "data-similar" not in page
    assert "data-unsaved" not in page


def test_a_refused_form_knows_that_it_is_not_saved(alice, ana):
    answer = alice.post(path_of(ana), form_data(alice, path_of(ana), email="x@"))

    assert 'data-unsaved="changed"' in answer.text


def test_whom_a_form_names_is_in_the_trail(alice, ana):
    other = CustomerFactory(business=ana.business, phone=PHONE)
    alice.get(path_of(ana))

    event = Event.objects.get(action="customer.listed", actor_id=alice.user.pk)
    assert str(other.pk) in map(str, event.subjects)


def test_the_form_takes_as_many_statements_however_many_there_are(
    alice, ana, assert_flat
):
    def grow() -> None:
        CustomerFactory.create_batch(20, business=ana.business, phone=PHONE)
        CustomerFactory.create_batch(5, business=BusinessFactory(), phone=PHONE)
        BookingFactory.create_batch(10, customer=ana)

    assert_flat(call=lambda: alice.get(path_of(ana)), grow=grow)
