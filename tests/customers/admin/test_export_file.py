"""Exports of lists: asked for, confirmed, taken once, on record as those of the API."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from audit.admin import step_up
from audit.models import Event
from audit.privacy.masking import mask
from customers import services
from customers.roles import PERMISSIONS
from tests.conftest import actor_of, confirm, post_confirmed, search, signed_in, staff
from tests.customers.admin.test_exchange import (
    CUSTOMERS,
    counts,
    export,
    export_data,
    rows_of,
    upload,
)
from tests.factories import (
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    FlagFactory,
)

PATH = f"{CUSTOMERS}export/"
BOOKINGS, CONTACTS = "/admin/customers/booking/", "/admin/customers/contact/"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery,
        name="Ana Silva",
        email="ana.silva@example.org",
        phone="+351 912 000 421",
        status="active",
    )


def confirmed(client: Any, path: str = PATH, **changes: Any) -> str:
    """Ask for an export and confirm it; return the address of the file."""
    data = export_data(client, CUSTOMERS, **changes)
    answer = post_confirmed(client, path, data)
    assert answer.status_code == 302, answer.text
    return str(answer["Location"])


def digest_in(page: Any) -> str:
    """Return the digest inside of what the page carries, as the server reads it."""
    asked = step_up._unsealed(page.wsgi_request, page.context["carried"])
    assert asked is not None
    return str(asked.digest)


def actions() -> list[str]:
    events = Event.objects.filter(action__startswith="export.").order_by("pk")
    return list(events.values_list("action", flat=True))


# --- the form -----------------------------------------------------------------------


def test_the_form_says_what_is_exported_and_what_is_recorded(alice, bakery, ana):
    CustomerFactory(business=bakery, status="inactive")

    page = alice.get(f"{PATH}?status__exact=active")

    assert "1 row of the list" in page.text
    assert "Active" in page.text
    assert "stands on the page of everybody in it" in page.text


@pytest.mark.parametrize("missing", ["purpose", "reason", "contact_data"])
def test_purpose_reason_and_masking_are_said_before_anything_happens(
    alice, ana, missing
):
    data = export_data(alice, CUSTOMERS)
    del data[missing]

    page = alice.post(PATH, data)

    assert page.status_code == 200
    assert "This field is required." in page.text
    assert actions() == []


def test_blanks_are_no_reason(alice, ana):
    page = alice.post(PATH, export_data(alice, CUSTOMERS, reason="   "))

    assert page.status_code == 200
    assert actions() == []


def test_an_empty_list_makes_no_file(alice, bakery):
    page = post_confirmed(alice, PATH, export_data(alice, CUSTOMERS))

    assert "The list has no row that you may export." in page.text
    assert actions() == []


def test_what_holds_no_contact_data_asks_nothing_about_it(alice, ana):
    page = alice.get("/admin/customers/ticket/export/")

    assert "contact_data" not in page.context["form"].fields


# --- the file -----------------------------------------------------------------------


def test_nothing_leaves_until_the_file_is_taken(alice, ana):
    url = confirmed(alice)

    page = alice.get(url)

    assert "nothing has left the hub yet" in page.text
    assert actions() == ["export.requested"]
    assert not Event.objects.filter(action="customer.exported").exists()


def test_after_the_download_the_page_says_what_happened(alice, ana):
    url = confirmed(alice, recipient="Tax office")

    file = alice.post(url)
    page = alice.get(url)

    assert "The file was handed out at" in page.text
    assert "with 1 row." in page.text
    assert hashlib.sha256(file.content).hexdigest() in page.text
    assert "Tax office" in page.text
    assert "data-one-file" not in page.text


def test_a_file_is_handed_out_once(alice, ana):
    url = confirmed(alice)
    assert alice.post(url)["Content-Type"] == "text/csv"

    again = alice.post(url)

    assert "The file was handed out at" in again.text
    assert actions().count("export.started") == 1


def test_a_file_is_taken_within_ten_minutes(alice, ana, clock):
    url = confirmed(alice)
    clock(minutes=11)

    late = alice.post(url, follow=True)

    assert "The time to take this file is over" in late.text
    assert "export.started" not in actions()


def test_a_file_is_for_whoever_confirmed_it(alice, bakery, ana):
    url = confirmed(alice)

    other = signed_in(staff(bakery)).post(url, follow=True)
    auditor = signed_in(staff(bakery, "auditor")).post(url)

    assert "or it was confirmed elsewhere" in other.text
    assert auditor.status_code == 403
    assert "export.started" not in actions()


def test_whoever_lost_the_right_meanwhile_gets_no_file(alice, ana, monkeypatch):
    url = confirmed(alice)
    monkeypatch.setitem(
        PERMISSIONS, "admin", PERMISSIONS["admin"] - {"customers.export_customer"}
    )

    assert alice.post(url).status_code == 403
    assert "export.started" not in actions()


def test_what_was_confirmed_is_what_is_taken(alice, bakery, ana):
    url = confirmed(alice, f"{PATH}?status__exact=active")
    CustomerFactory(business=bakery, status="inactive")

    other = alice.post(url.replace("=active", "=inactive"), follow=True)

    assert "The list is another one by now. Export again." in other.text
    assert [row["name"] for row in rows_of(alice.post(url))] == ["Ana Silva"]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_contact_data_is_masked_unless_it_is_asked_for_in_clear(alice, ana, kind):
    masked = export(alice, CUSTOMERS, kind, contact_data="masked")
    clear = export(alice, CUSTOMERS, "csv", contact_data="clear")

    assert b"ana.silva@example.org" not in masked.content
    assert b"ana.silva@example.org" in clear.content
    if kind == "csv":
        [row] = rows_of(masked)
        assert row["email"] == mask("ana.silva@example.org")
        assert row["name"] == "Ana Silva"


def test_a_masked_file_imports_again_without_a_change(alice, ana):
    text = export(alice, CUSTOMERS, contact_data="masked").content.decode("utf-8-sig")

    assert counts(upload(alice, CUSTOMERS, text)) == {"unchanged": 1}


def test_a_masked_file_makes_nobody(alice, bakery):
    line = f"Ana,{mask('ana@example.org')},{mask('+351 912 000 421')}\n"

    preview = upload(alice, CUSTOMERS, f"name,email,phone\n{line}")

    assert counts(preview) == {"rejected": 1}
    assert "This is masked" in preview.text


def test_no_role_gets_in_clear_what_it_sees_masked(bakery, ana, monkeypatch):
    rights = {"customers.view_customer", "customers.export_customer"}
    monkeypatch.setitem(PERMISSIONS, "marketing", frozenset(rights))
    exporter = signed_in(staff(bakery, "marketing"))

    clear = post_confirmed(exporter, PATH, export_data(exporter, CUSTOMERS))
    masked = export(exporter, CUSTOMERS, contact_data="masked")

    assert clear.status_code == 403
    assert rows_of(masked)[0]["email"] == mask("ana.silva@example.org")


# --- on record ----------------------------------------------------------------------


def test_the_manifest_is_that_of_the_other_exports(alice, bakery, ana):
    url = confirmed(alice, f"{PATH}?status__exact=active", recipient="Tax office")
    file = alice.post(url)

    [manifest] = alice.get("/api/v1/exports").json()["exports"]

    assert {name: manifest[name] for name in manifest if name != "columns"} == {
        "id": str(Event.objects.get(action="export.started").pk),
        "status": "finished",
        "profile": "table",
        "table": "customers.customer",
        "format": "csv",
        "started_at": manifest["started_at"],
        "finished_at": manifest["finished_at"],
        "exported_by": {"id": str(alice.user.pk), "name": "alice"},
        "filters": {"status__exact": "active"},
        "search": None,
        "in_clear": True,
        "purpose": "a test",
        "reason": "to look at it",
        "recipient": "Tax office",
        "rows": 1,
        "left_out": {},
        "sha256": hashlib.sha256(file.content).hexdigest(),
    }
    assert manifest["columns"] == list(rows_of(file)[0])


def test_everybody_in_a_file_reads_of_it(alice, bakery, ana):
    others = CustomerFactory.create_batch(230, business=bakery)
    spared = CustomerFactory(business=bakery, status="inactive")

    alice.post(confirmed(alice, f"{PATH}?status__exact=active"))

    exported = Event.objects.filter(action="customer.exported")
    assert {event.subject_id for event in exported} == {
        ana.pk,
        *(other.pk for other in others),
    }
    for customer, count in ((ana, 1), (others[-1], 1), (spared, 0)):
        page = alice.get(f"{CUSTOMERS}{customer.pk}/?tab=access")
        assert page.text.count("customer.exported") == count
        assert page.text.count("to look at it") == count
        path = f"/api/v1/customers/{customer.pk}/timeline?kinds=access"
        titles = [each["title"] for each in alice.get(path).json()["results"]]
        assert titles == ["Data of this person exported in a file."] * count


@pytest.mark.parametrize(
    ("factory", "path"), [(BookingFactory, BOOKINGS), (ContactFactory, CONTACTS)]
)
def test_whose_rows_a_file_holds_read_of_it_once(alice, ana, factory, path):
    factory.create_batch(3, customer=ana)

    export(alice, path)

    assert Event.objects.get(action="customer.exported").subject_id == ana.pk
    assert Event.objects.get(action="export.finished").data["rows"] == 3


def test_the_api_names_everybody_as_well(alice, bakery, ana):
    CustomerFactory.create_batch(230, business=bakery)
    plan = services.plan_export(
        bakery,
        actor=actor_of(alice.user),
        profile="list",
        purpose="a test",
        reason="to count",
    )

    stream = iter(services.start_export(plan, actor=actor_of(alice.user)))
    head, _ = next(stream), next(stream)

    assert head.startswith(b"\xef\xbb\xbf")
    # Before the stream has ended, or if it never does.
    events = Event.objects.filter(action="customer.exported", reason="to count")
    assert events.count() == 231
    assert "export.finished" not in actions()


def test_what_was_searched_for_is_in_no_filter(alice, ana):
    key = search(alice, CUSTOMERS, "ana.silva@example.org").request["QUERY_STRING"]

    alice.post(confirmed(alice, f"{PATH}?{key}"))

    started = Event.objects.get(action="export.started")
    assert started.query == "ana.silva@example.org"
    assert started.data["filters"] == {}
    [manifest] = alice.get("/api/v1/exports").json()["exports"]
    assert manifest["search"] == mask("ana.silva@example.org")


def test_rows_that_were_ticked_are_counted_in_the_manifest(alice, bakery, ana):
    CustomerFactory(business=bakery)

    export(alice, CUSTOMERS, export_items=[str(ana.pk)])

    finished = Event.objects.get(action="export.finished")
    assert finished.data["filters"] == {"chosen": 1}
    assert finished.data["rows"] == 1


def test_a_confirmation_is_for_the_rows_that_were_ticked(alice, bakery, ana):
    other = CustomerFactory(business=bakery)
    data = export_data(alice, CUSTOMERS, export_items=[str(ana.pk)])
    asked = alice.post(PATH, data)
    assert "This will happen" in asked.text
    confirm(alice, "export", digest_in(asked))

    other_rows = data | {"export_items": [str(other.pk)]}
    assert "This will happen" in alice.post(PATH, other_rows).text
    assert actions() == []


def test_the_file_takes_as_many_statements_for_more_rows(alice, bakery, assert_flat):
    CustomerFactory(business=bakery)

    def grow() -> None:
        for customer in CustomerFactory.create_batch(20, business=bakery):
            FlagFactory(customer=customer)

    assert_flat(call=lambda: export(alice, CUSTOMERS), grow=grow)
