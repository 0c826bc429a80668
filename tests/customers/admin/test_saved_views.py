"""Saved views: whose they are, what they keep, and what a colleague's link shows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from audit.models import Event
from customers.models import ListLayout, SavedView
from tests.conftest import signed_in, staff
from tests.factories import (
    CustomerFactory,
    MembershipFactory,
    SavedViewFactory,
    UserFactory,
)

LIST = "/admin/customers/customer/"
ADD = f"{LIST}views/add/"


@pytest.fixture
def dora(bakery):
    """Another admin of the bakery."""
    return signed_in(staff(bakery, username="dora"))


def save(client: Any, query: str = "", **more: str) -> SavedView:
    """Save a view as a person does, and return it."""
    response = client.post(f"{ADD}?{query}", {"name": "Mine", **more})
    assert response.status_code == 302, response.text
    return SavedView.objects.get(owner=client.user)


def chips(client: Any, query: str = "") -> dict[str, bool]:
    """Return the views above the list, and which one is on."""
    views = client.get(f"{LIST}{query}").context["views"]
    return {view.name: view.is_on for view in views}


def test_a_view_keeps_filters_order_and_columns(alice, bakery):
    CustomerFactory(business=bakery, name="Ana")
    alice.post(
        f"{LIST}columns/", {"columns": ["tier", "seen"], "order": ["tier", "seen"]}
    )

    view = save(alice, "status__exact=active&joined=over&joined_days=30&o=-seen&p=1")

    assert view.business == bakery
    assert view.filters == {
        "status__exact": "active", "joined": "over", "joined_days": "30",
    }  # fmt: skip
    assert view.sort == "-seen"
    assert view.columns == ["tier", "seen"]
    assert not view.is_shared
    event = Event.objects.get(action="savedview.created")
    assert (event.business_id, event.object_id) == (bakery.pk, str(view.pk))


def test_an_order_by_number_is_kept_by_its_name(alice, bakery):
    CustomerFactory(business=bakery)
    header = alice.get(LIST).text
    [number] = re.findall(r'href="\?o=(\d+)">Value', header)

    assert save(alice, f"o=-{number}").sort == "-spent"


def test_a_view_leads_to_the_list_with_its_filters_in_sight(alice, bakery):
    CustomerFactory(business=bakery, name="Ana", status="blocked")
    CustomerFactory(business=bakery, name="Bea")
    view = save(alice, "status__exact=blocked&o=-spent")
    alice.post(f"{LIST}columns/", {"columns": ["joined"], "order": ["joined"]})

    page = alice.get(f"{LIST}views/{view.pk}/", follow=True)

    changelist = page.context["cl"]
    assert page.redirect_chain[0][0] == (
        f"{LIST}?status__exact=blocked&o=-spent&view={view.pk}"
    )
    assert [c.name for c in changelist.result_list] == ["Ana"]
    # In the columns that it was saved with, and not in those of today.
    assert "spent" in changelist.list_display
    assert "joined" not in changelist.list_display
    assert {v.name: v.is_on for v in page.context["views"]}["Mine"]
    assert "Save this view" not in page.text
    # Narrowed further, it is that view no more; its columns stay.
    more = alice.get(f"{page.redirect_chain[0][0]}&orders=0")
    assert not {v.name: v.is_on for v in more.context["views"]}["Mine"]
    assert "Save this view" in more.text
    assert "spent" in more.context["cl"].list_display


def test_nothing_that_was_searched_for_is_kept(alice, bakery):
    CustomerFactory(business=bakery, name="Ana Silva")

    found = alice.post(f"{LIST}?status__exact=active", {"q": "ana silva"})["Location"]
    query = found.partition("?")[2]
    page = alice.get(f"{ADD}?{query}")
    view = save(alice, query)

    assert "What you searched for is not kept" in page.text
    assert view.filters == {"status__exact": "active"}
    assert "silva" not in str(SavedView.objects.values().get()).lower()


@pytest.mark.parametrize(
    ("query", "name"),
    [("source=ana@example.org", "Mine"), ("", "ana@example.org"), ("", "+47 22000421")],
)
def test_no_address_is_kept_in_a_filter_or_a_name(alice, query, name):
    response = alice.post(f"{ADD}?{query}", {"name": name})

    assert response.status_code == 200
    assert "errornote" in response.text or "errorlist" in response.text
    assert not SavedView.objects.exists()


def test_wrong_filters_are_no_view(alice):
    assert alice.get(f"{ADD}?joined=x")["Location"] == LIST
    assert alice.post(f"{ADD}?orders=x", {"name": "x"}).status_code == 302
    assert not SavedView.objects.exists()


def test_two_views_of_one_person_have_two_names(alice):
    save(alice, "orders=0")

    response = alice.post(f"{ADD}?orders=1", {"name": " Mine "})

    assert response.status_code == 200
    assert "You have a view of this name." in response.text


def test_one_person_has_at_most_fifty(alice, bakery):
    SavedViewFactory.create_batch(50, business=bakery, owner=alice.user)

    response = alice.post(f"{ADD}?orders=0", {"name": "One more"})

    assert "You have 50 views. Delete one first." in response.text
    assert SavedView.objects.count() == 50


# --- whose ----------------------------------------------------------------------


def test_a_private_view_is_its_owners_alone(alice, dora):
    view = save(alice, "orders=0")

    missing = dora.get(f"{LIST}views/{view.pk}/")

    assert "Mine" in chips(alice)
    assert "Mine" not in chips(dora)
    assert missing.status_code == 404
    assert "This view is not here for you" in missing.text
    assert "Mine" not in missing.text
    # Nor by the address of the list that somebody sent.
    link = dora.get(f"{LIST}?orders=0&view={view.pk}")
    assert link.status_code == 404
    assert "This view is not here for you" in link.text
    for page in ("edit", "archive"):
        response = dora.post(f"{LIST}views/{view.pk}/{page}/", {"name": "Theirs"})
        assert response.status_code == 404
    view.refresh_from_db()
    assert (view.name, view.archived_at) == ("Mine", None)


def test_a_shared_view_is_for_everybody_of_the_business(alice, bob, charlie, dora):
    view = save(alice, "orders=0", is_shared="on")

    assert "Mine" in chips(bob)
    assert "Mine" in chips(dora)
    assert bob.get(f"{LIST}views/{view.pk}/").status_code == 302
    # Of another business it is as missing as any.
    assert "Mine" not in chips(charlie)
    foreign = charlie.get(f"{LIST}views/{view.pk}/")
    nowhere = charlie.get(f"{LIST}views/{alice.user.pk}/")
    assert foreign.status_code == nowhere.status_code == 404
    assert "Mine" not in foreign.text


def test_only_the_owner_changes_a_view(alice, bob, dora):
    view = save(alice, "orders=0", is_shared="on")
    path = f"{LIST}views/{view.pk}/edit/"

    assert bob.get(path).status_code == 403
    assert bob.post(path, {"name": "Bob's"}).status_code == 403
    assert 'name="name"' not in dora.get(path).text
    dora.post(path, {"name": "Dora's"})
    view.refresh_from_db()
    assert view.name == "Mine"

    assert alice.post(path, {"name": "Few orders"})["Location"] == (
        f"{LIST}views/{view.pk}/"
    )
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("Few orders", False)
    assert Event.objects.filter(action="savedview.changed").count() == 1


def test_a_view_is_put_away_by_its_owner_and_by_an_admin(alice, bob, dora):
    view = save(alice, "orders=0", is_shared="on")
    path = f"{LIST}views/{view.pk}/archive/"

    assert bob.post(path).status_code == 403
    assert dora.get(path).status_code == 405
    assert dora.post(path)["Location"] == LIST

    assert "Mine" not in chips(alice)
    assert alice.get(f"{LIST}views/{view.pk}/").status_code == 404
    assert SavedView.objects.get().archived_at is not None
    # The name is free again.
    alice.post(f"{ADD}?orders=1", {"name": "Mine"})
    assert "Mine" in chips(alice)


def test_who_works_for_two_businesses_says_of_which_it_is(alice, bakery, rival):
    MembershipFactory(user=alice.user, business=rival, role="admin")
    client = signed_in(alice.user)
    client.user = alice.user

    assert client.post(f"{ADD}?orders=0", {"name": "x"}).status_code == 200
    view = save(client, "orders=0", business=str(rival.pk))

    assert view.business == rival


def test_nobody_saves_a_view_in_another_business(alice, bakery, rival):
    view = save(alice, "orders=0", business=str(rival.pk))

    assert view.business == bakery


def test_a_view_of_a_column_that_is_not_for_everybody_leaves_it_out(alice, bakery):
    view = save(alice, "orders=0", is_shared="on")
    marketing = signed_in(staff(bakery, "marketing", is_staff=True))

    page = marketing.get(f"{LIST}views/{view.pk}/", follow=True)

    assert page.status_code == 200
    assert "open_tickets" not in page.context["cl"].list_display


def test_ready_views_are_there_for_everybody(alice, bob):
    assert chips(alice) == dict.fromkeys(
        ("VIP", "New this week", "Silent for 30 days", "Open tickets", "Archived"),
        False,
    )
    assert chips(bob, "?archived=yes")["Archived"]
    for view in alice.get(LIST).context["views"]:
        assert alice.get(LIST + view.url).status_code == 200


def test_nobody_without_a_role_reaches_the_pages(client, db):
    client.force_login(UserFactory())

    for page in ("columns/", "views/add/"):
        assert client.get(LIST + page).status_code == 403


# --- columns --------------------------------------------------------------------


def test_columns_are_chosen_and_ordered_by_each_person(alice, dora, bakery):
    page = alice.get(f"{LIST}columns/")
    order = [name for name, _, _ in page.context["columns"]]
    assert order[:3] == ["contact", "state", "orders"]

    moved = alice.post(
        f"{LIST}columns/",
        {"order": order, "columns": ["contact", "orders"], "move": "up:orders"},
    )
    rows = moved.context["columns"]
    assert [name for name, _, _ in rows][:3] == ["contact", "orders", "state"]
    assert [name for name, _, is_on in rows if is_on] == ["contact", "orders"]
    # Moving alone stores nothing.
    assert not ListLayout.objects.exists()

    done = alice.post(
        f"{LIST}columns/?status__exact=active&o=-3&view=x",
        {"order": ["orders", "contact"], "columns": ["contact", "orders"],
         "page_size": "25"},
    )  # fmt: skip
    assert done["Location"] == f"{LIST}?status__exact=active"
    shown = alice.get(LIST).context["cl"]
    assert shown.list_display[1:] == ["who", "orders", "contact", "quick_links"]
    assert shown.list_per_page == 25
    assert "spent" in dora.get(LIST).context["cl"].list_display


def test_the_usual_columns_come_back(alice):
    usual = alice.get(LIST).context["cl"].list_display
    alice.post(f"{LIST}columns/", {"columns": ["tier"], "order": ["tier"]})
    assert alice.get(LIST).context["cl"].list_display != usual

    alice.post(f"{LIST}columns/", {"reset": "1", "columns": ["tier"]})

    assert alice.get(LIST).context["cl"].list_display == usual


def test_a_forged_column_is_none(alice, bakery):
    CustomerFactory(business=bakery, email="ana@example.org")
    names = ["email", "email_key", "pk", "figures", "business", "tier"]

    alice.post(
        f"{LIST}columns/", {"columns": names, "order": names, "page_size": "9999"}
    )

    layout = ListLayout.objects.get()
    assert (layout.columns, layout.page_size) == (["tier"], 50)
    assert "ana@example.org" not in alice.get(LIST).text
