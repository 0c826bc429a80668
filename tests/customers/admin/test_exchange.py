"""Import and export in the admin."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.ids import uuid7
from audit.models import Event
from customers import services
from customers.choices import Role
from customers.models import Address, Booking, Customer, Ticket
from customers.roles import PERMISSIONS
from tests.conftest import actor_of, post_confirmed, signed_in, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    TicketFactory,
)

CUSTOMERS = "/admin/customers/customer/"
KEYS = {
    "format",
    "resource",
    "export_items",
    "contact_data",
    "purpose",
    "reason",
    "recipient",
}
DECLARED = {"contact_data": "clear", "purpose": "a test", "reason": "to look at it"}
MOMENT = datetime(2026, 3, 27, 14, 5, tzinfo=UTC)
HEADER = "business,reference,name,email,status,phone\n"


def export_data(
    client: Client, path: str, kind: str = "csv", **changes: Any
) -> dict[str, Any]:
    """Return what the form of an export sends, with all columns."""
    page = client.get(f"{path}export/")
    assert page.status_code == 200
    form = page.context["form"]
    fields = {name: "on" for name in form.fields if name not in KEYS}
    number = str(["csv", "xlsx", "json"].index(kind))
    return {"format": number, "resource": "0", **DECLARED, **fields, **changes}


def export(client: Client, path: str, kind: str = "csv", **changes: Any) -> Any:
    """Export a list, confirm it, and return the file."""
    data = export_data(client, path, kind, **changes)
    return take(client, post_confirmed(client, f"{path}export/", data))


def take(client: Client, confirmed: Any) -> Any:
    """Download the file to which the answer to a confirmation leads."""
    assert confirmed.status_code == 302, confirmed.text
    return client.post(confirmed["Location"])


def upload(client: Client, path: str, text: str, **more: Any) -> Any:
    """Send a file and return the page with what it would do."""
    file = SimpleUploadedFile("list.csv", text.encode("utf-8-sig"), "text/csv")
    return client.post(f"{path}import/", {"import_file": file, **more}, follow=True)


def confirm(client: Client, preview: Any, **more: Any) -> Any:
    """Load a previewed file, existing rows included, and return the report."""
    page = preview.redirect_chain[-1][0]
    return client.post(page, {"update_existing": "on", **more}, follow=True)


def counts(preview: Any) -> dict[str, int]:
    """Return how many rows a preview found of each outcome, of those there are."""
    return {
        group["name"]: group["count"]
        for group in preview.context["groups"]
        if group["count"]
    }


def rows_of(response: Any) -> list[dict[str, str]]:
    text = response.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_export_is_utf8_with_mark_scoped_and_on_record(alice, bakery, rival):
    CustomerFactory(business=bakery, name="=HYPERLINK(1)", phone="+47 22 00 00 00")
    CustomerFactory(business=rival, name="Stranger")

    response = export(alice, CUSTOMERS)

    assert response.content.startswith(b"\xef\xbb\xbf")
    (row,) = rows_of(response)
    assert (row["name"], row["phone"]) == ("'=HYPERLINK(1)", "'+47 22 00 00 00")
    finished = Event.objects.get(action="export.finished")
    assert finished.actor_id == alice.user.pk
    assert {name: finished.data[name] for name in ("format", "rows", "table")} == {
        "format": "csv",
        "rows": 1,
        "table": "customers.customer",
    }


@pytest.mark.parametrize(
    ("factory", "path"),
    [
        (CustomerFactory, CUSTOMERS),
        (AddressFactory, "/admin/customers/address/"),
        (ContactFactory, "/admin/customers/contact/"),
        (BookingFactory, "/admin/customers/booking/"),
        (TicketFactory, "/admin/customers/ticket/"),
    ],
)
def test_what_was_exported_imports_again_without_a_change(alice, bakery, factory, path):
    if factory is CustomerFactory:
        row = factory(business=bakery, email="A@example.org", phone="+47 22 00 00 00")
    else:
        row = factory(customer__business=bakery)
    before = type(row).objects.values().get(pk=row.pk)
    text = export(alice, path).content.decode("utf-8-sig")

    preview = upload(alice, path, text)

    assert counts(preview) == {"unchanged": 1}, preview.text
    assert type(row).objects.values().get(pk=row.pk) == before


@pytest.mark.parametrize(
    ("factory", "path", "values"),
    [
        (CustomerFactory, CUSTOMERS, {"is_email_verified": True}),
        (AddressFactory, "/admin/customers/address/", {"is_primary": True}),
        (ContactFactory, "/admin/customers/contact/", {"valid_from": MOMENT}),
        (
            BookingFactory,
            "/admin/customers/booking/",
            {"total_amount": Decimal("1234.50"), "placed_at": MOMENT},
        ),
        (TicketFactory, "/admin/customers/ticket/", {"opened_at": MOMENT}),
    ],
)
def test_a_file_is_the_same_in_every_language(alice, bakery, factory, path, values):
    owner = {} if factory is CustomerFactory else {"customer__business": bakery}
    factory(**owner or {"business": bakery}, **values)
    files = {}
    for language in ("en", "de"):
        alice.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        assert alice.get(f"{path}export/")["Content-Language"] == language
        workbook = export(alice, path, "xlsx").content
        texts = [export(alice, path, kind).content for kind in ("csv", "json")]
        files[language] = [*texts, parts_of(workbook)]

    assert files["de"] == files["en"]


def test_rejected_rows_are_the_same_file_in_every_language(alice, bakery):
    files = []
    for language in ("en", "de"):
        alice.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        line = "bakery,,Dea,no address,nope,12\n"
        preview = upload(alice, CUSTOMERS, HEADER + line)
        assert counts(preview) == {"rejected": 1}
        page = preview.redirect_chain[-1][0]
        files.append(alice.get(f"{page}rejected/").content)

    english, german = files
    assert german == english
    assert b"Write one of active" in german


def parts_of(workbook: bytes) -> dict[str, bytes]:
    """Return the parts of a workbook, but for when it was made."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        names = set(archive.namelist()) - {"docProps/core.xml"}
        return {name: archive.read(name) for name in names}


def test_a_page_writes_a_value_as_the_api_does(alice, bakery):
    """One description of a column reads and writes it for both."""
    CustomerFactory(
        business=bakery,
        email="mia@example.org",
        name="=1+1",
        external_id="-7",
        phone="+47 22 00 00 00",
        is_email_verified=True,
    )
    names = {
        "reference": "unique_id",
        "is_email_verified": "email_verified",
        "joined_at": "join_date",
    } | {n: n for n in ("name", "email", "phone", "external_id", "source")}

    (on_page,) = rows_of(export(alice, CUSTOMERS))
    plan = services.plan_export(
        bakery,
        actor=actor_of(alice.user),
        profile="full",
        unmasked=True,
        purpose="a test",
        reason="to compare",
    )
    file = b"".join(services.start_export(plan, actor=actor_of(alice.user)))
    (of_api,) = csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""))

    assert {n: on_page[n] for n in names} == {n: of_api[m] for n, m in names.items()}
    assert on_page["is_email_verified"] == "yes"


def test_only_chosen_rows_within_reach_are_exported(alice, bakery, rival):
    chosen, other = (
        CustomerFactory(business=bakery, name=n) for n in ("Chosen", "Other")
    )
    stranger = CustomerFactory(business=rival)
    data = export_data(alice, CUSTOMERS)

    response = export(alice, CUSTOMERS, export_items=[str(chosen.pk)])
    forged = post_confirmed(
        alice, f"{CUSTOMERS}export/", data | {"export_items": [str(stranger.pk), "x"]}
    )

    assert [row["name"] for row in rows_of(response)] == ["Chosen"]
    assert other.name not in response.content.decode()
    assert forged["Content-Type"].startswith("text/html")


def test_the_rows_that_are_ticked_are_exported(alice, bakery):
    one, two, _ = CustomerFactory.create_batch(3, business=bakery)
    chosen = [str(one.pk), str(two.pk)]

    asked = alice.post(
        CUSTOMERS, {"action": "export_admin_action", "_selected_action": chosen}
    )
    data = export_data(alice, CUSTOMERS, export_items=chosen)
    file = take(alice, post_confirmed(alice, asked.context["export_url"], data))

    assert "Export 2 selected items." in asked.text
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert {row["reference"] for row in rows} == {one.unique_id, two.unique_id}


def test_all_that_match_are_what_the_page_of_the_list_exports(alice, bakery):
    customer = CustomerFactory(business=bakery)

    answer = alice.post(
        f"{CUSTOMERS}?status__exact=active",
        {
            "action": "export_admin_action",
            "_selected_action": str(customer.pk),
            "select_across": "1",
        },
    )

    assert answer["Location"] == f"{CUSTOMERS}export/?status__exact=active"


def test_who_may_not_export_has_no_such_action(bob, bakery):
    customer = CustomerFactory(business=bakery)

    answer = bob.post(
        CUSTOMERS,
        {"action": "export_admin_action", "_selected_action": str(customer.pk)},
        follow=True,
    )

    assert "export_admin_action" not in bob.get(CUSTOMERS).text
    assert "Export 1 selected" not in answer.text


def test_a_constant_number_of_queries(alice, bakery, assert_flat):
    CustomerFactory(business=bakery)
    assert_flat(
        call=lambda: export(alice, CUSTOMERS),
        grow=lambda: CustomerFactory.create_batch(20, business=bakery),
    )


def test_good_rows_load_and_bad_ones_are_named(alice, bakery):
    CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    text = HEADER + (
        "bakery,,Ana Silva,ANA@example.org,,\n"
        "bakery,,Bea,bea@example.org,nope,\n"
        "bakery,,,cia@example.org,active,\n"
        "bakery,,Dea,no address,active,\n"
        "bakery,,Eva,eva@example.org,active,+47 22 00 00 00\n"
        "nowhere,,Fia,fia@example.org,active,\n"
    )

    preview = upload(alice, CUSTOMERS, text)
    assert Customer.objects.count() == 1
    assert counts(preview) == {"new": 1, "changed": 1, "rejected": 4}
    done = confirm(alice, preview, reason="Spring fair")

    names = set(Customer.objects.values_list("name", flat=True))
    assert names == {"Ana Silva", "Eva"}
    assert [row["line"] for row in done.context["report"]["rejected"]] == [3, 4, 5, 7]
    assert "Write one of active, inactive, blocked." in done.text
    history = Customer.objects.get(name="Eva").history.get()
    assert history.history_change_reason == "imported: Spring fair"
    assert history.history_user_id == alice.user.pk
    assert Customer.objects.get(name="Eva").stats.total_orders == 0


def test_nothing_of_another_business_is_reached(alice, bakery, rival):
    stranger = CustomerFactory(business=rival, name="Stranger", email="s@example.org")
    foreign = AddressFactory(customer=stranger, city="Oslo")
    own = CustomerFactory(business=bakery)

    for text in (
        HEADER + f"bakery,{stranger.unique_id},Mine,,,\n",
        HEADER + f"rival,{stranger.unique_id},Mine,,,\n",
        HEADER + "rival,,New,,,\n",
    ):
        preview = upload(alice, CUSTOMERS, text)
        assert counts(preview) == {"rejected": 1}
        assert "There is nothing to load" in preview.text
    header = "id,business,customer,kind,city\n"
    for text in (
        header + f"{foreign.pk},bakery,{own.unique_id},home,Mine\n",
        header + f",bakery,{stranger.unique_id},home,Mine\n",
        header + ",bakery,s@example.org,home,Mine\n",
    ):
        preview = upload(alice, "/admin/customers/address/", text)
        assert counts(preview) == {"rejected": 1}

    assert Address.objects.get().city == "Oslo"
    assert Customer.objects.count() == 2


def test_children_are_added_to_the_customer_they_name(alice, bakery):
    customer = CustomerFactory(business=bakery, email="ana@example.org")
    text = (
        "customer,status,total_amount,paid_amount,completed_at,external_id\n"
        f"{customer.unique_id},completed,12.50,12.50,2026-01-02,S-1\n"
        "ana@example.org,completed,2.50,2.50,2026-01-03T10:00:00Z,S-2\n"
    )

    path = "/admin/customers/booking/"
    confirm(alice, upload(alice, path, text))

    assert Booking.objects.filter(customer=customer).count() == 2
    customer.stats.refresh_from_db()
    assert (customer.stats.total_purchases, customer.stats.total_spent) == (2, 15)


def test_tickets_get_numbers(alice, bakery):
    customer = CustomerFactory(business=bakery)
    path = "/admin/customers/ticket/"
    text = (
        f"customer,subject\n{customer.unique_id},First\n{customer.unique_id},Second\n"
    )

    confirm(alice, upload(alice, path, text))

    assert sorted(Ticket.objects.values_list("number", flat=True)) == [1, 2]


@pytest.mark.parametrize("act", ["import", "export"])
def test_without_the_right_there_is_no_button_and_no_way(bob, bakery, act):
    CustomerFactory(business=bakery)

    page = bob.get(CUSTOMERS).content.decode()

    assert f"{act}/" not in page
    assert bob.get(f"{CUSTOMERS}{act}/").status_code == 403
    assert bob.post(f"{CUSTOMERS}{act}/", {}).status_code == 403
    assert bob.post(f"{CUSTOMERS}import/{uuid7()}/", {}).status_code == 403


def test_each_right_stands_alone(bakery, monkeypatch):
    rights = frozenset({"customers.view_customer", "customers.import_customer"})
    monkeypatch.setitem(PERMISSIONS, Role.MARKETING, rights)
    importer = signed_in(staff(bakery, "marketing"))

    assert importer.get(f"{CUSTOMERS}import/").status_code == 200
    assert importer.get(f"{CUSTOMERS}export/").status_code == 403


def test_a_preview_is_an_access_event_of_whom_it_shows(alice, bakery):
    row = CustomerFactory(business=bakery, email="secret@example.org")

    line = f"business,reference,name\nbakery,{row.unique_id},Probe\n"
    preview = upload(alice, CUSTOMERS, line)

    assert counts(preview) == {"changed": 1}
    assert "Probe" in preview.text
    assert row.name in preview.text
    # Only what the file would change is shown.
    assert "secret@example.org" not in preview.text
    event = Event.objects.get(action="customer.previewed")
    assert event.subjects == [str(row.pk)]
    assert event.business_id == bakery.pk
    assert preview["Cache-Control"] == "no-store"


def test_stored_values_are_masked_for_who_does_not_see_them(bakery, monkeypatch):
    rights = {"view_customer", "import_customer", "change_customer"}
    named = frozenset(f"customers.{right}" for right in rights)
    monkeypatch.setitem(PERMISSIONS, Role.MARKETING, named)
    importer = signed_in(staff(bakery, "marketing"))
    row = CustomerFactory(business=bakery, phone="+49 170 5550199")

    line = f"reference,phone\n{row.unique_id},+49 170 5550200\n"
    preview = upload(importer, CUSTOMERS, line)

    assert counts(preview) == {"changed": 1}
    assert "5550200" in preview.text
    assert "5550199" not in preview.text


def test_what_exists_is_left_alone_without_the_tick(alice, bakery):
    row = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    preview = upload(alice, CUSTOMERS, "name,email\nEve,ana@example.org\n")
    page = preview.redirect_chain[-1][0]

    done = alice.post(page, {}, follow=True)

    row.refresh_from_db()
    assert row.name == "Ana"
    assert "left alone" in done.text


def test_a_preview_and_a_load_take_as_many_statements_for_more_rows(
    alice, bakery, assert_flat
):
    """Up to one batch; each further batch takes as many again."""
    size, rounds = [5], itertools.count()

    def both() -> None:
        turn = next(rounds)
        lines = [f"P{turn},p{turn}-{n}@example.org" for n in range(size[0])]
        confirm(alice, upload(alice, CUSTOMERS, "\n".join(["name,email", *lines])))

    assert_flat(call=both, grow=lambda: size.append(size.pop() * 10))


def test_whoever_works_in_two_businesses_names_one(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    browser = signed_in(user)

    asked = upload(browser, CUSTOMERS, "name\nAna\n")
    assert "Choose the business" in asked.text
    confirm(browser, upload(browser, CUSTOMERS, "name\nAna\n", business="rival"))

    assert Customer.objects.get().business == rival


def test_rejected_rows_come_back_with_their_reasons(alice, bakery):
    text = 'name,email,Shoe\nAna,ana@example.org,43\n=1+1,no address,"44, or 45"\n'
    preview = upload(alice, CUSTOMERS, text)
    page = preview.redirect_chain[-1][0]

    before = rows_of(alice.get(f"{page}rejected/"))
    confirm(alice, preview)
    after = rows_of(alice.get(f"{page}rejected/"))

    [row] = before
    assert row["email"] == "no address"
    assert (row["name"], row["Shoe"], row["row"]) == ("'=1+1", "44, or 45", "3")
    assert row["reason"].startswith("email: ")
    assert after == before


def test_two_headers_that_mean_one_column_are_refused(alice, bakery):
    page = upload(alice, CUSTOMERS, "name,E-Mail,email\nAna,a@example.org,b@x.org\n")

    assert "Columns 2 and 3 both mean email. Remove one." in page.text
    assert not Customer.objects.exists()


def test_letters_of_an_assumed_encoding_are_to_be_looked_at(alice, bakery):
    data = "name,email\nZoë,z@example.org\n".encode("cp1252")
    file = SimpleUploadedFile("list.csv", data, "text/csv")

    page = alice.post(f"{CUSTOMERS}import/", {"import_file": file}, follow=True)

    assert "it is read as Windows-1252" in page.text
    assert "Zoë" in page.text


def test_an_archived_customer_is_named_however_far_down(alice, bakery):
    archived = CustomerFactory(
        business=bakery, email="gone@example.org", archived_at=MOMENT
    )
    lines = [f"P{n},p{n}@example.org\n" for n in range(60)]
    text = "".join(["name,email\n", *lines, "Gone,GONE@example.org\n"])

    preview = upload(alice, CUSTOMERS, text)

    assert counts(preview) == {"new": 61}
    assert "1 row has a note; see below." in preview.text
    assert "51 of 61" in preview.text
    [row] = [
        row
        for group in preview.context["groups"]
        for row in group["rows"]
        if row["notes"]
    ]
    assert (row["line"], row["who"]) == (62, "Gone")
    assert "An archived customer has this e-mail. Restore that one?" in preview.text
    assert archived.name not in preview.text


def test_columns_that_are_not_used_are_named(alice, bakery):
    preview = upload(alice, CUSTOMERS, "name,height,Shoe\nAna,1,43\n")

    assert "Not known, and left out: height, Shoe." in preview.text
