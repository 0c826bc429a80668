"""Import and export in the admin."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import Event
from customers.choices import Role
from customers.models import Address, Booking, Customer, Ticket
from customers.roles import RIGHTS
from tests.conftest import post_confirmed, signed_in, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    TicketFactory,
)

CUSTOMERS = "/admin/customers/customer/"
KEYS = {"format", "resource", "export_items"}
HEADER = "business,reference,name,email,status,phone\n"


def export(client: Client, path: str) -> Any:
    page = client.get(f"{path}export/")
    assert page.status_code == 200
    form = page.context["form"]
    fields = {name: "on" for name in form.fields if name not in KEYS}
    data = {"format": "0", "resource": "0", **fields}
    return post_confirmed(client, f"{path}export/", data)


def upload(client: Client, path: str, text: str) -> Any:
    file = SimpleUploadedFile("list.csv", text.encode("utf-8-sig"), "text/csv")
    data = {"format": "0", "resource": "0", "import_file": file}
    return client.post(f"{path}import/", data)


def confirm(client: Client, path: str, preview: Any) -> Any:
    form = preview.context["confirm_form"]
    data = {name: form[name].value() for name in form.fields}
    return client.post(f"{path}process_import/", data, follow=True)


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
    assert finished.data == {"format": "csv", "rows": 1, "table": "customers.customer"}
    assert finished.actor_id == alice.user.pk


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

    result = preview.context["result"]
    assert not result.has_errors(), [
        str(e.error) for _, r in result.row_errors() for e in r
    ]
    assert not result.has_validation_errors()
    assert result.totals["skip"] == 1
    assert type(row).objects.values().get(pk=row.pk) == before


def test_only_chosen_rows_within_reach_are_exported(alice, bakery, rival):
    chosen, other = (
        CustomerFactory(business=bakery, name=n) for n in ("Chosen", "Other")
    )
    stranger = CustomerFactory(business=rival)
    form = alice.get(f"{CUSTOMERS}export/").context["form"]
    fields = {name: "on" for name in form.fields if name not in KEYS}
    data = {"format": "0", "resource": "0", **fields}

    response = post_confirmed(
        alice, f"{CUSTOMERS}export/", data | {"export_items": [str(chosen.pk)]}
    )
    forged = post_confirmed(
        alice, f"{CUSTOMERS}export/", data | {"export_items": [str(stranger.pk), "x"]}
    )

    assert [row["name"] for row in rows_of(response)] == ["Chosen"]
    assert other.name not in response.content.decode()
    assert forged["Content-Type"].startswith("text/html")


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
    assert len(preview.context["result"].invalid_rows) == 4
    done = confirm(alice, CUSTOMERS, preview)

    names = set(Customer.objects.values_list("name", flat=True))
    assert names == {"Ana Silva", "Eva"}
    messages = " ".join(map(str, done.context["messages"]))
    for line in (3, 4, 5, 7):
        assert f"Line {line} was left out" in messages
    history = Customer.objects.get(name="Eva").history.get()
    assert history.history_change_reason == "imported"
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
        assert len(preview.context["result"].invalid_rows) == 1
        assert "confirm_form" not in preview.context
    header = "id,business,customer,kind,city\n"
    for text in (
        header + f"{foreign.pk},bakery,{own.unique_id},home,Mine\n",
        header + f",bakery,{stranger.unique_id},home,Mine\n",
        header + ",bakery,s@example.org,home,Mine\n",
    ):
        preview = upload(alice, "/admin/customers/address/", text)
        assert len(preview.context["result"].invalid_rows) == 1

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
    confirm(alice, path, upload(alice, path, text))

    assert Booking.objects.filter(customer=customer).count() == 2
    customer.stats.refresh_from_db()
    assert (customer.stats.total_purchases, customer.stats.total_spent) == (2, 15)


def test_tickets_get_numbers(alice, bakery):
    customer = CustomerFactory(business=bakery)
    path = "/admin/customers/ticket/"
    text = (
        f"customer,subject\n{customer.unique_id},First\n{customer.unique_id},Second\n"
    )

    confirm(alice, path, upload(alice, path, text))

    assert sorted(Ticket.objects.values_list("number", flat=True)) == [1, 2]


@pytest.mark.parametrize("act", ["import", "export"])
def test_without_the_right_there_is_no_button_and_no_way(bob, bakery, act):
    CustomerFactory(business=bakery)

    page = bob.get(CUSTOMERS).content.decode()

    assert f"{act}/" not in page
    assert bob.get(f"{CUSTOMERS}{act}/").status_code == 403
    assert bob.post(f"{CUSTOMERS}{act}/", {}).status_code == 403
    assert bob.post(f"{CUSTOMERS}process_import/", {}).status_code == 403


def test_each_right_stands_alone(bakery, monkeypatch):
    rights = frozenset({"customers.view_customer", "customers.import_customer"})
    monkeypatch.setitem(RIGHTS, Role.MARKETING, rights)
    importer = signed_in(staff(bakery, "marketing"))

    assert importer.get(f"{CUSTOMERS}import/").status_code == 200
    assert importer.get(f"{CUSTOMERS}export/").status_code == 403


def test_a_preview_is_an_access_event_of_whom_it_shows(alice, bakery):
    row = CustomerFactory(business=bakery, email="secret@example.org")

    line = f"business,reference,name\nbakery,{row.unique_id},Probe\n"
    preview = upload(alice, CUSTOMERS, line)

    assert "secret@example.org" in preview.text
    event = Event.objects.get(action="customer.previewed")
    assert event.subjects == [str(row.pk)]
    assert event.business_id == bakery.pk
    assert preview["Cache-Control"] == "no-store"
