"""A right in one business is none in another: people who have a role in both."""

from __future__ import annotations

import pytest

from audit.models import Event
from customers.models import Business, Customer, Membership
from tests.conftest import post_confirmed, signed_in, staff
from tests.customers.admin.test_exchange import (
    CUSTOMERS,
    HEADER,
    confirm,
    counts,
    export,
    export_data,
    rows_of,
    upload,
)
from tests.factories import (
    CaptureFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    QuarantineFactory,
    SourceFactory,
)


def works_in_both(rival: Business, bakery: Business, there: str, here: str):
    """Return the browser of somebody with one role at the rival's, one here."""
    user = staff(rival, there, username="mixed")
    MembershipFactory(user=user, business=bakery, role=here)
    return signed_in(user)


@pytest.mark.parametrize("here", ["marketing", "auditor", "support"])
def test_an_export_holds_the_rows_of_the_right_alone(bakery, rival, here):
    browser = works_in_both(rival, bakery, "admin", here)
    CustomerFactory(business=rival, email="own@example.org")
    row = CustomerFactory(business=bakery, email="secret@example.org")
    ContactFactory(customer=row, email="secret@example.org")

    assert [r["email"] for r in rows_of(export(browser, CUSTOMERS))] == [
        "own@example.org"
    ]
    contacts = "/admin/customers/contact/"
    answer = post_confirmed(
        browser, f"{contacts}export/", export_data(browser, contacts)
    )
    assert "no row that you may export" in answer.text


def test_an_import_neither_shows_nor_changes_rows_elsewhere(bakery, rival):
    browser = works_in_both(rival, bakery, "admin", "support")
    row = CustomerFactory(business=bakery, email="secret@example.org")
    line = f"business,reference,name,email\nbakery,{row.unique_id},P,evil@example.org\n"

    for text in (line, HEADER + "bakery,,Planted,planted@example.org,active,\n"):
        preview = upload(browser, CUSTOMERS, text)
        assert "secret@example.org" not in preview.text
        assert "Name one of your businesses" in preview.text
        assert counts(preview) == {"rejected": 1}

    row.refresh_from_db()
    assert row.email == "secret@example.org"
    assert not Customer.objects.filter(name="Planted").exists()


def test_an_import_into_the_own_business_goes_on(bakery, rival):
    browser = works_in_both(rival, bakery, "admin", "support")
    preview = upload(browser, CUSTOMERS, HEADER + "rival,,Zed,z@example.org,active,\n")
    confirm(browser, preview)

    assert Customer.objects.get(name="Zed").business == rival
    event = Event.objects.get(action="import.finished")
    assert (event.business_id, event.data["rows"]) == (rival.pk, 1)


@pytest.mark.parametrize("there", ["support", "auditor"])
def test_who_looked_opens_by_the_right_here(bakery, rival, there):
    browser = works_in_both(rival, bakery, there, "marketing")

    assert browser.get(_access(CustomerFactory(business=rival))).status_code == 200
    assert browser.get(_access(CustomerFactory(business=bakery))).status_code == 403


def _access(row: Customer) -> str:
    return f"{CUSTOMERS}{row.pk}/access/"


def test_accounts_are_listed_by_the_right_there(bakery, rival):
    browser = works_in_both(rival, bakery, "admin", "marketing")
    staff(bakery, "support", username="colleague")

    page = browser.get("/admin/audit/user/")

    assert [user.username for user in page.context["cl"].result_list] == ["mixed"]


def test_what_was_refused_stands_in_both(bakery, rival, bob):
    browser = works_in_both(rival, bakery, "support", "marketing")
    row = CustomerFactory(business=bakery)

    refused = browser.post(f"{CUSTOMERS}{row.pk}/reveal/", {"reason": "x"})

    assert refused.status_code == 403
    denied = Event.objects.filter(action="access.denied")
    assert {e.business_id for e in denied} == {bakery.pk, rival.pk}
    assert denied.count() == 2
    page = bob.get("/admin/audit/event/?action=access.denied")
    assert len(page.context["cl"].result_list) == 1


def test_an_export_of_two_businesses_is_an_event_of_each(owner, bakery, rival):
    here = CustomerFactory(business=bakery)
    CustomerFactory.create_batch(2, business=rival)

    export(owner, CUSTOMERS)

    started = Event.objects.filter(action="export.started")
    assert {event.business_id for event in started} == {bakery.pk, rival.pk}
    finished = Event.objects.filter(action="export.finished")
    rows = {event.business_id: event.data["rows"] for event in finished}
    assert rows == {bakery.pk: 1, rival.pk: 2}
    own = Event.objects.get(action="customer.exported", business_id=bakery.pk)
    assert own.subject_id == here.pk


def test_bulk_acts_need_the_right_where_the_rows_are(bakery, rival):
    browser = works_in_both(rival, bakery, "admin", "support")
    rows = CustomerFactory.create_batch(2, business=bakery)
    fields = {"action": "archive", "_selected_action": [str(r.pk) for r in rows]}

    page = browser.post(CUSTOMERS, fields | {"reason": "x"}, follow=True)

    assert "one customer at a time" in page.text
    assert not Customer.objects.exclude(archived_at=None).exists()


def test_a_foreign_admin_puts_nobody_out(charlie, alice, rival):
    add = "/admin/customers/membership/add/"
    fields = {"user": "alice", "business": str(rival.pk), "role": "marketing"}
    post_confirmed(charlie, add, fields)
    row = Membership.objects.get(user__username="alice", business=rival)
    path = f"/admin/customers/membership/{row.pk}/change/"

    post_confirmed(charlie, path, {"role": "auditor"})

    row.refresh_from_db()
    assert row.role == "auditor"
    assert alice.get(CUSTOMERS).status_code == 200


def test_whoever_has_one_role_is_out_when_it_changes(alice, bakery):
    victim = signed_in(staff(bakery, "support", username="sue"))
    row = Membership.objects.get(user__username="sue")

    post_confirmed(
        alice, f"/admin/customers/membership/{row.pk}/change/", {"role": "marketing"}
    )

    assert "/login/" in victim.get(CUSTOMERS)["Location"]


def test_a_missing_right_here_is_403_and_an_event(bakery, rival):
    browser = works_in_both(rival, bakery, "admin", "auditor")
    row = QuarantineFactory(source=SourceFactory(business=bakery))

    refused = browser.post(
        f"/api/v1/quarantine/{row.pk}/discard",
        '{"reason": "x"}',
        content_type="application/json",
    )

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert Event.objects.filter(action="access.denied").exists()


@pytest.mark.parametrize("who", ["owner", "both"])
def test_a_look_by_address_is_an_event_of_the_business(owner, bakery, rival, who):
    browser = owner
    if who == "both":
        browser = works_in_both(rival, bakery, "support", "support")
    CaptureFactory(
        source=SourceFactory(business=bakery), body={"email": "mia@example.org"}
    )

    found = browser.get("/api/data-capture/stats/mia@example.org")

    assert found.json()["data_counts"]["audit_records"] == 1
    events = Event.objects.filter(action="customer.searched")
    named = {event.business_id: len(event.subjects) for event in events}
    assert named == {bakery.pk: 1, rival.pk: 0}


def test_a_reveal_ends_with_the_right_to_it(bakery, rival):
    browser = works_in_both(rival, bakery, "support", "support")
    row = CustomerFactory(business=bakery, email="secret@example.org")
    page = f"{CUSTOMERS}{row.pk}/"
    post_confirmed(browser, f"{page}reveal/", {"reason": "x"})
    assert "secret@example.org" in browser.get(f"{page}change/").text
    place = Membership.objects.get(user=browser.user, business=bakery)
    path = f"/admin/customers/membership/{place.pk}/change/"

    post_confirmed(signed_in(staff(bakery)), path, {"role": "marketing"})

    assert "secret@example.org" not in browser.get(f"{page}change/").text
