"""The business switch: what follows it, what it can never do, what stays open."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from audit.log.recording import record_alone
from audit.models import Event, Job, User
from customers.models import Business, Customer, Membership
from tests.conftest import form_data, search, signed_in, staff
from tests.customers.admin.test_exchange import CUSTOMERS, HEADER, confirm, upload
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    MembershipFactory,
    UserFactory,
)
from tests.jobs import run_jobs

SWITCH = "/admin/business/"
USERS = "/admin/audit/user/"


@pytest.fixture
def ada(bakery: Business, rival: Business) -> Client:
    """Runs the bakery, and does the marketing of the rival."""
    user = staff(bakery, username="ada")
    MembershipFactory(user=user, business=rival, role="marketing")
    return signed_in(user)


@pytest.fixture
def customers(bakery: Business, rival: Business) -> tuple[Customer, Customer]:
    return (
        CustomerFactory(business=bakery, name="Bea Bakery", email="bea@example.org"),
        CustomerFactory(business=rival, name="Rita Rival", email="rita@example.org"),
    )


def switch_to(client: Client, business: Business | None, next_page: str = ""):
    value = business.pk if business else ""
    return client.post(SWITCH, {"business": value, "next": next_page})


def listed(client: Client, path: str = CUSTOMERS, **query: str) -> list[str]:
    # A search leads to a list that carries its key.
    page = client.get(path, query, follow=True)
    return sorted(str(row.pk) for row in page.context["cl"].result_list)


def ids(*rows: object) -> list[str]:
    return sorted(str(row.pk) for row in rows)


# --- choosing -------------------------------------------------------------------


def test_lists_counts_and_searches_show_the_chosen_business(ada, customers, rival):
    of_bakery, of_rival = customers
    assert listed(ada) == ids(of_bakery, of_rival)

    done = switch_to(ada, rival, CUSTOMERS)

    assert done["Location"] == CUSTOMERS
    assert listed(ada) == ids(of_rival)
    hits = search(ada, CUSTOMERS, "bea@example.org").context["cl"].result_list
    assert list(hits) == []
    assert ada.get(CUSTOMERS).context["cl"].paginator.count == 1
    switch_to(ada, None)
    assert listed(ada) == ids(of_bakery, of_rival)


def test_the_session_holds_the_id_and_no_name(ada, rival):
    switch_to(ada, rival)

    assert ada.session["business"] == str(rival.pk)
    assert "Rival" not in str(dict(ada.session))


def test_permissions_are_those_of_the_chosen_business(ada, bakery, rival):
    switch_to(ada, rival)
    assert ada.get(f"{CUSTOMERS}add/").status_code == 403
    assert ada.get("/admin/capture/apikey/").status_code == 403
    assert "/admin/capture/apikey/" not in ada.get("/admin/").text

    switch_to(ada, bakery)
    assert ada.get(f"{CUSTOMERS}add/").status_code == 200
    assert "/admin/capture/apikey/" in ada.get("/admin/").text


def test_forms_offer_and_take_the_chosen_business_alone(owner, bakery, rival):
    before = form_data(owner, f"{CUSTOMERS}add/", business=str(rival.pk), name="Eve")

    switch_to(owner, bakery)

    assert form_data(owner, f"{CUSTOMERS}add/")["business"] == str(bakery.pk)
    field = owner.get(f"{CUSTOMERS}add/").context["adminform"].form.fields["business"]
    assert ids(*field.queryset) == ids(bakery)
    # A form of another tab, from before the switch: it comes back filled in.
    refused = owner.post(f"{CUSTOMERS}add/", before)
    assert "business" in refused.context["adminform"].form.errors
    assert "Eve" in refused.text
    assert not Customer.objects.exists()


@pytest.mark.parametrize("count", [1, 300])
def test_an_import_reaches_the_chosen_business_alone(owner, bakery, rival, count):
    """Also one that is long, and runs as a job."""
    switch_to(owner, bakery)
    names = "bakery" + ",,Ana{0},ana{0}@example.org,,\n"
    mine = "".join(names.format(n) for n in range(count))
    file = HEADER + mine + "rival,,Eve,eve@example.org,,\n"

    preview = upload(owner, CUSTOMERS, file, business=str(bakery.pk))
    run_jobs()
    confirm(owner, preview)
    run_jobs()

    assert (Job.objects.count() > 0) == (count > 1)
    assert Customer.objects.filter(business=bakery).count() == count
    assert not Customer.objects.filter(business=rival).exists()


# --- where it leads -------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        "/admin/account/",
        "/admin/nowhere/",
        "//evil.example/admin/customers/customer/",
        "https://evil.example/admin/customers/customer/",
        "javascript:alert(1)",
        "",
    ],
)
def test_pages_that_are_no_list_lead_to_the_index(ada, rival, page):
    assert switch_to(ada, rival, page)["Location"] == "/admin/"


def test_the_page_of_a_row_leads_to_the_index(ada, customers, rival):
    page = f"{CUSTOMERS}{customers[0].pk}/change/"

    assert switch_to(ada, rival, page)["Location"] == "/admin/"


def test_pressing_another_one_on_the_same_page_counts(ada, bakery, rival):
    """A page that the browser kept sends the token that it has sent before."""
    page = ada.get("/admin/")
    token = {"csrfmiddlewaretoken": str(page.context["csrf_token"])}
    ada.post(SWITCH, {"business": rival.pk, **token})

    ada.post(SWITCH, {"business": bakery.pk, **token})

    assert ada.session["business"] == str(bakery.pk)


# --- what it cannot do ----------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["foreign", "00000000-0000-7000-8000-000000000000", "x"]
)
def test_a_business_of_others_is_refused_and_recorded(alice, bakery, rival, value):
    value = str(rival.pk) if value == "foreign" else value

    refused = alice.post(SWITCH, {"business": value})

    assert refused.status_code == 404
    assert "business" not in alice.session
    event = Event.objects.get(action="access.denied")
    assert (event.code, event.business_id) == ("not_found", bakery.pk)


def test_a_forged_session_reaches_nothing_more(alice, customers, rival):
    of_bakery, of_rival = customers
    session = alice.session
    session["business"] = str(rival.pk)
    session.save()

    assert listed(alice) == ids(of_bakery)
    assert alice.get(f"{CUSTOMERS}{of_rival.pk}/change/").status_code == 404


def test_who_no_longer_works_there_is_back_in_all_of_theirs(
    ada, customers, rival, actor
):
    switch_to(ada, rival)
    membership = Membership.objects.get(user=ada.user, business=rival)
    membership.ended_at = timezone.now()
    membership.as_actor(actor).save()

    assert listed(ada) == ids(customers[0])
    assert "business" not in ada.session


def test_an_owner_who_no_longer_is_one_keeps_what_they_are_a_member_of(
    owner, customers, bakery, rival
):
    MembershipFactory(user=owner.user, business=bakery)
    switch_to(owner, rival)
    user = User.objects.get(pk=owner.user.pk)
    user.is_superuser = False
    user.save()

    assert listed(owner) == ids(customers[0])


def test_the_api_follows_memberships_and_no_switch(ada, customers, rival):
    switch_to(ada, rival)

    answer = ada.get("/api/v1/customers/")

    assert len(answer.json()["results"]) == 2


# --- rows of another business of one's own --------------------------------------


def test_a_link_to_a_row_of_another_own_business_opens(ada, customers, rival):
    of_bakery, of_rival = customers
    switch_to(ada, rival)

    page = ada.get(f"{CUSTOMERS}{of_bakery.pk}/change/")

    assert page.status_code == 200
    assert "does not belong to the business that you have chosen" in page.text
    # For that page alone.
    assert listed(ada) == ids(of_rival)
    assert ada.session["business"] == str(rival.pk)
    assert not Event.objects.filter(action="access.denied").exists()


def test_a_form_from_before_the_switch_is_saved(ada, customers, rival):
    page = f"{CUSTOMERS}{customers[0].pk}/change/"
    data = form_data(ada, page, name="Bea Baker")
    switch_to(ada, rival)

    ada.post(page, data)

    assert Customer.objects.get(pk=customers[0].pk).name == "Bea Baker"


def test_such_a_row_is_changed_with_the_permissions_of_its_business(
    ada, customers, bakery
):
    """The admin of the bakery has chosen it, and only looks at the rival."""
    page = f"{CUSTOMERS}{customers[1].pk}/change/"
    switch_to(ada, bakery)

    assert not ada.get(page).context["has_change_permission"]
    assert ada.post(page, {"name": "Eve"}).status_code == 403


def test_a_foreign_row_is_as_missing_as_ever(alice, customers, bakery):
    switch_to(alice, bakery)

    assert alice.get(f"{CUSTOMERS}{customers[1].pk}/change/").status_code == 404
    event = Event.objects.get(action="access.denied")
    assert (event.code, event.business_id) == ("not_found", bakery.pk)


# --- the platform's owner -------------------------------------------------------


def test_the_owner_sees_one_business_and_does_all_there(owner, customers, bakery):
    of_bakery, of_rival = customers
    switch_to(owner, bakery)

    assert listed(owner) == ids(of_bakery)
    page = f"{CUSTOMERS}{of_bakery.pk}/change/"
    owner.post(page, form_data(owner, page, name="Bea Baker"))
    assert Customer.objects.get(pk=of_bakery.pk).name == "Bea Baker"
    assert owner.get(f"{CUSTOMERS}{of_rival.pk}/change/").status_code == 200


def test_pages_of_the_platform_stay_as_they_are(owner, bakery):
    """Accounts belong to no business: all of them are listed, and new ones are made."""
    elsewhere = UserFactory()
    switch_to(owner, bakery)

    assert str(elsewhere.pk) in listed(owner, USERS)
    assert owner.get(f"{USERS}{elsewhere.pk}/change/").status_code == 200
    assert owner.get(f"{USERS}add/").status_code == 200
    assert owner.get("/admin/audit/pincredential/").status_code == 200
    assert owner.get("/admin/customers/business/add/").status_code == 200


def test_entries_of_no_business_wait_for_all_businesses(owner, bakery, actor):
    of_bakery = record_alone("test.done", actor=actor, business_id=bakery.pk)
    of_platform = record_alone("test.done", actor=actor)
    switch_to(owner, bakery)

    shown = listed(owner, "/admin/audit/event/")

    assert str(of_bakery.pk) in shown
    assert str(of_platform.pk) not in shown
    page = f"/admin/audit/event/{of_platform.pk}/change/"
    assert owner.get(page).status_code == 200


def test_what_the_owner_does_to_accounts_is_not_the_business_s(owner, bakery):
    switch_to(owner, bakery)

    owner.post("/admin/account/end-sessions/")

    assert Event.objects.get(action="auth.sessions_ended").business_id is None


# --- what the header draws ------------------------------------------------------


def test_the_header_names_the_only_business_and_offers_nothing(alice):
    text = alice.get("/admin/").text

    assert '<span class="biz">Bakery</span>' in text
    assert SWITCH not in text


def test_the_header_offers_each_business_as_a_button(ada, bakery, rival):
    BusinessFactory(name="Somebody else's")
    text = ada.get(CUSTOMERS).text

    assert f'<input type="hidden" name="next" value="{CUSTOMERS}">' in text
    assert f'name="business" value="{bakery.pk}">Bakery</button>' in text
    assert f'name="business" value="{rival.pk}">Rival</button>' in text
    assert "Somebody else" not in text
    # For phones, where the head has no room for them.
    assert f'<a href="{SWITCH}">' in text
    assert 'value="" aria-current="true">All businesses</button>' in text

    switch_to(ada, rival)
    text = ada.get("/admin/").text
    assert f'value="{rival.pk}" aria-current="true">Rival</button>' in text
    assert '<span class="sr">Business: </span>Rival</summary>' in text


def test_many_businesses_have_a_page_with_a_search(owner, bakery, actor):
    last = BusinessFactory.create_batch(25)[-1]
    Business.objects.filter(pk=last.pk).as_actor(actor).update(name="Zebra")
    text = owner.get("/admin/").text
    assert "More businesses" in text
    assert str(last.pk) not in text

    found = owner.get(SWITCH, {"q": "zeb"})
    assert ids(*found.context["businesses"]) == ids(last)
    switch_to(owner, last)

    # The chosen one is among the few.
    assert f'value="{last.pk}" aria-current="true"' in owner.get("/admin/").text
    assert owner.get(SWITCH, {"q": "no such"}).context["businesses"] == []


def test_the_page_lists_own_businesses_alone(ada, bakery, rival):
    BusinessFactory()
    switch_to(ada, rival)

    page = ada.get(SWITCH)

    assert ids(*page.context["businesses"]) == ids(bakery, rival)


def test_the_sign_in_page_offers_none(db, bakery):
    page = Client().get("/admin/login/")

    assert page.status_code == 200
    assert "Bakery" not in page.text


def test_strangers_cannot_switch(db, bakery):
    assert (
        Client()
        .post(SWITCH, {"business": bakery.pk})["Location"]
        .startswith("/admin/login/")
    )


def test_pages_take_as_many_queries_with_more_businesses(owner, bakery, assert_flat):
    CustomerFactory(business=bakery)
    BusinessFactory()
    switch_to(owner, bakery)

    assert_flat(
        call=lambda: owner.get(CUSTOMERS),
        grow=lambda: BusinessFactory.create_batch(30),
    )
