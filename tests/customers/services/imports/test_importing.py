"""Importing: what a file would do, loading it in batches, going on after a stop."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from audit import canonical, log
from audit.fields import personal_values
from audit.history.writing import history_model
from audit.log.recording import MAX_SUBJECTS
from audit.models import Event
from customers import services
from customers.choices import Role
from customers.models import (
    Address,
    Booking,
    BookingPayment,
    Contact,
    Customer,
    CustomerStats,
    ImportContent,
    ImportFile,
    Preferences,
    Ticket,
)
from customers.readers import SheetError
from customers.roles import PERMISSIONS
from customers.services.imports import importing, loading, uploads
from customers.services.imports.checking import RowChecker
from customers.services.imports.loading import load_batch
from customers.services.imports.uploads import INLINE_LIMIT
from tests.conftest import actor_of, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    ContactFactory,
    CustomerFactory,
    TicketFactory,
)


@pytest.fixture
def alice(bakery) -> Any:
    return actor_of(staff(bakery, "admin"))


def keep(
    text: str | bytes, *, actor: Any, business: Any, table: str = "customer", **more
):
    data = text if isinstance(text, bytes) else text.encode()
    return services.keep_upload(
        data,
        name="list.csv",
        kind="csv",
        table=services.IMPORT_TABLES[table],
        business=business,
        actor=actor,
        **more,
    )


def previewed(text: str, *, actor: Any, business: Any, **more: Any) -> Any:
    upload = keep(text, actor=actor, business=business, **more)
    services.preview_import(upload, actor=actor)
    return upload


def load(text: str, *, actor: Any, business: Any, update: bool = True, **more: Any):
    upload = previewed(text, actor=actor, business=business, **more)
    services.confirm_import(upload, actor=actor, update_existing=update)
    return services.load_import(upload, actor=actor)


def shown(upload: ImportFile, outcome: str) -> dict[int, Any]:
    rows = services.import_findings(upload)["shown"][outcome]
    return {row["line"]: row for row in rows}


def people(count: int, *, start: int = 0) -> str:
    lines = [
        f"Person {n},person{n}@example.org,+49 30 {1000000 + n},E{n}"
        for n in range(start, start + count)
    ]
    return "\n".join(["name,email,phone,external_id", *lines]) + "\n"


# --- what a file would do ---------------------------------------------------------


def test_each_row_is_new_changed_unchanged_or_rejected(alice, bakery):
    ana = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    CustomerFactory(business=bakery, name="Bea", email="bea@example.org")
    named = CustomerFactory(business=bakery, name="Cia", external_id="X-3")
    text = (
        "Name,E-Mail,External ID,status,shoe size\n"
        "Ana Silva,ANA@example.org,,,43\n"
        "Bea,bea@example.org,,,\n"
        "Dea,dea@example.org,,,\n"
        "Eva,dea@example.org,,,\n"
        "Fia,no address,,,\n"
        "Gia,gia@example.org,,activ,\n"
        "Cia New,,X-3,,\n"
        "Ana Two,ana@example.org,,,\n"
        ",nobody@example.org,,,\n"
        "Hia,hia@example.org,,,,,surplus\n"
    )

    upload = previewed(text, actor=alice, business=bakery)

    found = services.import_findings(upload)
    assert found["total"] == 10
    assert found["counts"] == {"new": 1, "changed": 2, "unchanged": 1, "rejected": 6}
    assert found["unknown"] == ["shoe size"]
    assert found["used"] == ["name", "email", "external_id", "status"]
    changed = shown(upload, "changed")
    assert changed[2]["label"] == str(ana)
    assert changed[2]["changes"] == [
        ["name", "Ana", "Ana Silva"],
        ["email", "ana@example.org", "ANA@example.org"],
    ]
    assert changed[8]["key"] == str(named.pk)
    assert shown(upload, "new")[4]["changes"][0] == ["name", "", "Dea"]
    errors = {line: row["errors"] for line, row in shown(upload, "rejected").items()}
    assert errors[5] == [["email", "Stands twice in this file, first in row 4."]]
    assert errors[6][0][0] == "email"
    assert errors[7][0][0] == "status"
    assert errors[9] == [["row", "The same as in row 2 of this file."]]
    assert errors[10][0][0] == "name"
    assert "more cells" in errors[11][0][1]
    assert Customer.objects.count() == 3


def test_what_is_stored_of_rows_is_english_whoever_reads_it(alice, bakery):
    # A text of Django's own, which has a German catalogue.
    text = "name,email,joined_at\nFia,no address,\nGia,gia@example.org,soon\n"

    with translation.override("de"):
        upload = load(text, actor=alice, business=bakery)

        assert translation.get_language() == "de"
    told = {line: row["errors"] for line, row in shown(upload, "rejected").items()}
    assert told[2] == [["email", "Enter one e-mail address like name@example.org."]]
    rejected = services.import_report(upload)["rejected"]
    assert {row["line"]: row["errors"] for row in rejected} == told


def test_an_empty_cell_keeps_the_value_unless_it_is_to_clear_it(alice, bakery):
    row = CustomerFactory(
        business=bakery, email="ana@example.org", phone="030 1234567", location="Oslo"
    )
    text = f"reference,name,phone,location,status\n{row.unique_id},{row.name},,,\n"

    kept = previewed(text, actor=alice, business=bakery)
    cleared = previewed(text, actor=alice, business=bakery, clear_empty=True)

    assert services.import_findings(kept)["counts"]["unchanged"] == 1
    assert shown(cleared, "changed")[2]["changes"] == [
        ["phone", "030 1234567", ""],
        ["location", "Oslo", ""],
    ]


def test_two_keys_of_two_people_are_rejected(alice, bakery):
    CustomerFactory(business=bakery, email="a@example.org")
    CustomerFactory(business=bakery, external_id="X")
    text = "name,email,external_id\nZ,a@example.org,X\n"

    upload = previewed(text, actor=alice, business=bakery)

    assert (
        "another one this external id" in shown(upload, "rejected")[2]["errors"][0][1]
    )


def test_a_former_e_mail_is_that_customer_s_and_makes_no_second_one(alice, bakery):
    ana = CustomerFactory(business=bakery, email="old@example.org")
    services.update_customer(ana, email="new@example.org", actor=alice, reason="asked")

    text = "name,email\nAna,OLD@example.org\n"
    rejected = shown(previewed(text, actor=alice, business=bakery), "rejected")[2]
    text = "customer,status,total_amount\nold@example.org,pending,5\n"
    load(text, actor=alice, business=bakery, table="booking")

    assert "had this e-mail before" in str(rejected)
    assert Booking.objects.get().customer == ana


def test_an_archived_namesake_is_noted_and_stops_nobody(alice, bakery):
    old = CustomerFactory(business=bakery, email="a@example.org")
    services.archive_customer(old, actor=alice, reason="left")

    upload = previewed("name,email\nA,a@example.org\n", actor=alice, business=bakery)

    assert "archived customer" in shown(upload, "new")[2]["notes"][0]


def test_the_number_of_somebody_archived_is_no_second_one_s(alice, bakery):
    old = CustomerFactory(business=bakery, email=None, external_id="C-1")
    services.archive_customer(old, actor=alice, reason="left")
    text = "name,external_id\nA,C-1\nB,C-2\n"

    load(text, actor=alice, business=bakery)

    assert list(Customer.objects.exclude(pk=old.pk).values_list("name")) == [("B",)]
    rejected = str(shown(previewed(text, actor=alice, business=bakery), "rejected")[2])
    assert "Restore that one, or give another id." in rejected


def test_an_address_that_looks_like_another_is_noted_and_stops_nobody(
    alice, bakery, rival
):
    ana = CustomerFactory(business=bakery, email="ana@example.org")
    CustomerFactory(business=rival, email="bea@example.org")
    upload = previewed(
        "name,email\nA,ana@ex\u0430mple.org\nB,bea@ex\u0430mple.org\n",
        actor=alice,
        business=bakery,
    )

    assert [row["notes"] for row in shown(upload, "new").values()] == [
        [f"The e-mail looks like that of {ana}."],
        [],
    ]


def test_an_address_with_blanks_around_it_is_that_address(alice, bakery):
    load("name,email\nPat,pat@example.org \n", actor=alice, business=bakery)

    assert Customer.objects.get().email == "pat@example.org"


def test_a_day_is_a_day_of_the_business(alice):
    business = BusinessFactory(timezone="America/New_York")
    actor = actor_of(staff(business, "admin"))
    text = "name,joined_at\nNina,2026-11-21\nMax,2025-12-01 23:30\n"

    load(text, actor=actor, business=business)

    assert Customer.objects.get(name="Nina").joined_at == datetime(
        2026, 11, 21, 5, tzinfo=UTC
    )
    assert Customer.objects.get(name="Max").joined_at == datetime(
        2025, 12, 2, 4, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("500.5", "JPY", "JPY has no decimals"),
        ("10.005", "EUR", "EUR has 2 decimals"),
        ("1_000", "EUR", "Write a plain number"),
        ("-1", "EUR", "zero or more"),
    ],
)
def test_amounts_have_one_grammar(alice, bakery, amount, currency, said):
    CustomerFactory(business=bakery, email="a@example.org")
    text = (
        "customer,status,total_amount,paid_amount,currency\n"
        f"a@example.org,completed,{amount},{amount},{currency}\n"
    )

    upload = previewed(text, actor=alice, business=bakery, table="booking")

    assert said in str(shown(upload, "rejected")[2]["errors"])


def test_what_is_not_simply_written_of_a_booking_is_rejected(alice, bakery):
    customer = CustomerFactory(business=bakery)
    paid = {"customer": customer, "status": "completed", "currency": "EUR"}
    paid |= {"total_amount": 20, "paid_amount": 20, "completed_at": datetime.now(UTC)}
    invoiced = BookingFactory(**paid, invoice_number="I-1")
    refunded = BookingFactory(**paid)
    lowered = BookingFactory(**paid)
    text = (
        "id,total_amount,paid_amount,status\n"
        f"{invoiced.pk},10,,\n"
        f"{lowered.pk},,10,\n"
        f"{refunded.pk},,,refunded\n"
    )

    upload = previewed(text, actor=alice, business=bakery, table="booking")

    errors = {
        line: str(row["errors"]) for line, row in shown(upload, "rejected").items()
    }
    assert "invoiced" in errors[2]
    assert "What is paid follows from payments" in errors[3]
    assert "becomes refunded by its refunds" in errors[4]


def test_what_a_file_says_is_paid_is_recorded(alice, bakery):
    customer = CustomerFactory(business=bakery)
    stored = BookingFactory(customer=customer, total_amount=20, paid_amount=5)
    older = BookingFactory(customer=customer, total_amount=20, paid_amount=5)
    Booking.objects.filter(pk=older.pk).as_actor(alice).update(confirmed_amount=None)
    text = (
        "id,customer,status,total_amount,paid_amount,currency,payment_method\n"
        f",{customer.unique_id},completed,12.50,12.50,EUR,cash\n"
        f",{customer.unique_id},completed,8,0,EUR,\n"
        f"{stored.pk},,,20,15,,\n"
        f"{older.pk},,,20,7,,\n"
    )

    load(text, actor=alice, business=bakery, table="booking")

    entries = BookingPayment.objects.filter(reason__startswith="imported")
    found = {(entry.booking_id, entry.amount, entry.method) for entry in entries}
    [new] = Booking.objects.filter(total_amount=Decimal("12.5"))
    assert found == {
        (new.pk, Decimal("12.5"), "cash"),
        (stored.pk, 10, "imported"),
        (older.pk, 2, "imported"),
    }
    event = Event.objects.get(action="payment.recorded", data__has_key="payments")
    assert {one["amount"] for one in event.data["payments"]} >= {"12.50", "10.00"}
    assert event.subjects == [str(customer.pk)]


def test_rights_are_asked_for_each_row(bakery, rival, monkeypatch):
    rights = frozenset({"customers.view_customer", "customers.import_customer"})
    monkeypatch.setitem(PERMISSIONS, Role.MARKETING, rights)
    actor = actor_of(staff(bakery, "marketing"))
    row = CustomerFactory(business=bakery, email="a@example.org")
    stranger = CustomerFactory(business=rival, email="s@example.org")
    text = (
        "business,reference,name,email\n"
        "bakery,,New,n@example.org\n"
        f"bakery,{row.unique_id},Changed,\n"
        "rival,,New,x@example.org\n"
        f"bakery,{stranger.unique_id},Mine,\n"
    )

    upload = previewed(text, actor=actor, business=bakery)

    errors = {
        line: str(row["errors"]) for line, row in shown(upload, "rejected").items()
    }
    assert "may not add" in errors[2]
    assert "may not change" in errors[3]
    assert "one of your businesses" in errors[4]
    assert "No customer of yours" in errors[5]
    with pytest.raises(PermissionDenied):
        keep(text, actor=actor, business=rival)


def test_a_file_without_a_known_column_is_refused(alice, bakery):
    with pytest.raises(SheetError, match="No column"):
        keep("vorname,strasse\nA,B\n", actor=alice, business=bakery)


# --- what it costs ----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_preview_writes_nothing_but_its_own_row(bakery):
    alice = actor_of(staff(bakery, "admin"))
    CustomerFactory(business=bakery, name="Ana", email="person1@example.org")
    upload = keep(people(20), actor=alice, business=bakery)

    with CaptureQueriesContext(connection) as asked:
        services.preview_import(upload, actor=alice)

    others = [q["sql"] for q in asked if not q["sql"].startswith("SELECT")]
    assert len(others) == 1, others
    assert others[0].startswith('UPDATE "customers_importfile"')


def statements(call: Any) -> int:
    with CaptureQueriesContext(connection) as asked:
        call()
    return len(asked)


def test_a_preview_takes_the_same_statements_for_each_batch(alice, bakery):
    """2,000 rows are four batches: four times the statements of 200, plus two."""
    for n in range(0, 60, 3):
        CustomerFactory(business=bakery, email=f"person{n}@example.org")
    small = keep(people(200), actor=alice, business=bakery)
    large = keep(people(2000), actor=alice, business=bakery)
    services.preview_import(small, actor=alice)

    few = statements(lambda: services.preview_import(small, actor=alice))
    many = statements(lambda: services.preview_import(large, actor=alice))

    assert many - 2 == 4 * (few - 2)
    assert few <= 16


TABLES = {
    "customer": (
        CustomerFactory,
        lambda row, n: f"{row.unique_id},Other {n},n{n}@e.org",
    ),
    "address": (
        AddressFactory,
        lambda row, n: f"{row.pk},{row.customer.unique_id},Oslo {n}",
    ),
    "contact": (
        ContactFactory,
        lambda row, n: f"{row.pk},{row.customer.unique_id},Pat {n}",
    ),
    "booking": (
        BookingFactory,
        lambda row, n: f"{row.pk},{row.customer.unique_id},card {n}",
    ),
    "ticket": (
        TicketFactory,
        lambda row, n: f"{row.pk},{row.customer.unique_id},Why {n}",
    ),
}
HEADERS = {
    "customer": "reference,name,email",
    "address": "id,customer,city",
    "contact": "id,customer,name",
    "booking": "id,customer,payment_method",
    "ticket": "id,customer,subject",
}


@pytest.mark.parametrize("table", TABLES)
def test_a_batch_takes_the_same_statements_whatever_its_size(alice, bakery, table):
    factory, line = TABLES[table]
    log.ensure_operation(alice)
    counts = []
    for size in (10, 50):
        made = (
            factory.create_batch(size, business=bakery)
            if table == "customer"
            else [factory(customer__business=bakery) for _ in range(size)]
        )
        changed = [line(row, n) for n, row in enumerate(made, start=100 * size)]
        new = [
            f",{row.customer.unique_id},{n},{'phone' if table == 'contact' else ''}"
            if table != "customer"
            else f",New {n},new{n + 100 * size}@e.org,"
            for n, row in enumerate(made)
        ]
        kind = ",kind" if table == "contact" else ",source"
        text = "\n".join([HEADERS[table] + kind, *(f"{c}," for c in changed), *new])
        upload = previewed(text, actor=alice, business=bakery, table=table)
        found = services.import_findings(upload)
        assert found["counts"]["changed"] == found["counts"]["new"] == size, found
        services.confirm_import(upload, actor=alice, update_existing=True)
        counts.append(statements(partial(services.load_import, upload, actor=alice)))
        done = services.import_report(ImportFile.objects.get(pk=upload.pk))
        assert (done["counts"]["new"], done["counts"]["changed"]) == (size, size)

    assert counts[0] == counts[1]


# --- loading ----------------------------------------------------------------------


def test_customers_are_loaded_with_all_that_belongs_to_them(alice, bakery):
    ana = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    text = (
        "reference,name,email,phone\n"
        f"{ana.unique_id},Ana Silva,silva@example.org,\n"
        ",Bea,bea@example.org,030 1234567\n"
    )

    upload = load(text, actor=alice, business=bakery)

    ana.refresh_from_db()
    bea = Customer.objects.get(name="Bea")
    assert (ana.name, ana.email, ana.email_key, ana.rev) == (
        "Ana Silva",
        "silva@example.org",
        "silva@example.org",
        2,
    )
    former = Contact.objects.get(customer=ana)
    assert (former.kind, former.email) == ("email", "ana@example.org")
    assert Preferences.objects.filter(customer=bea).count() == 1
    assert CustomerStats.objects.filter(customer=bea).count() == 1
    for row, kind in ((ana, "~"), (bea, "+")):
        newest = row.history.order_by("-history_id").first()
        assert newest.history_type == kind
        assert newest.history_user_id == alice.user_id
        assert newest.operation_id == alice.operation.id
        assert newest.history_change_reason == "imported"
        assert newest.email == row.email
        assert newest.updated_at == row.updated_at
    events = Event.objects.filter(operation_id=alice.operation.id)
    created = events.get(action="customer.created")
    assert (created.subjects, created.data) == ([str(bea.pk)], {"batch": 1, "count": 1})
    assert events.get(action="customer.changed").subjects == [str(ana.pk)]
    finished = events.get(action="import.finished")
    assert finished.business_id == bakery.pk
    assert finished.data == {
        "table": "customers.customer",
        "file": upload.sha256,
        "rows": 2,
        "new": 1,
        "changed": 1,
    }
    assert not ImportContent.objects.exists()


def test_every_written_history_row_is_sealed(alice, bakery):
    ana = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")

    load("name,email\nAna S,ana@example.org\n", actor=alice, business=bakery)

    history = history_model(Customer)
    row = history.objects.filter(id=ana.pk).order_by("-history_id").first()
    assert bytes(row.commitment) == canonical.commitment(
        history._meta.label_lower, str(row.pk), personal_values(row), bytes(row.salt)
    )


def test_changes_of_what_exists_need_their_own_tick(alice, bakery):
    ana = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    text = "name,email\nOther,ana@example.org\nBea,bea@example.org\n"

    upload = load(text, actor=alice, business=bakery, update=False)

    ana.refresh_from_db()
    assert ana.name == "Ana"
    assert Customer.objects.filter(name="Bea").exists()
    counts = services.import_report(upload)["counts"]
    assert counts == {
        "new": 1, "changed": 0, "unchanged": 0, "rejected": 0, "left_alone": 1
    }  # fmt: skip


def test_children_move_figures_and_tickets_get_numbers(alice, bakery):
    customer = CustomerFactory(business=bakery, email="ana@example.org")
    TicketFactory(customer=customer)
    load(
        "customer,status,total_amount,paid_amount,placed_at\n"
        f"{customer.unique_id},completed,12.50,12.50,2026-01-02\n"
        "ana@example.org,completed,2.50,2.50,2026-01-03\n"
        f"{customer.pk},refunded,1,1,2026-01-03\n",
        actor=alice,
        business=bakery,
        table="booking",
    )
    load(
        "customer,subject,status\nana@example.org,A,\nana@example.org,B,closed\n",
        actor=alice,
        business=bakery,
        table="ticket",
    )

    stats = CustomerStats.objects.get(customer=customer)
    assert (stats.total_purchases, stats.total_spent) == (3, Decimal(16))
    assert stats.open_tickets == 2
    placed = Booking.objects.filter(status="completed").values_list(
        "placed_at", flat=True
    )
    done = Booking.objects.filter(status="completed").values_list(
        "completed_at", flat=True
    )
    assert set(placed) == set(done)
    assert sorted(Ticket.objects.values_list("number", flat=True)) == [1, 2, 3]
    assert Ticket.objects.get(subject="B").closed_at is not None


def test_one_primary_address_of_two_in_a_file_is_taken(alice, bakery):
    customer = CustomerFactory(business=bakery)
    text = (
        "customer,city,is_primary\n"
        f"{customer.unique_id},Oslo,yes\n{customer.unique_id},Bergen,yes\n"
    )

    upload = load(text, actor=alice, business=bakery, table="address")

    assert Address.objects.get().city == "Oslo"
    [left] = services.import_report(upload)["rejected"]
    assert left["errors"] == [
        ["is_primary", "Stands twice in this file, first in row 2."]
    ]


def test_a_load_that_was_stopped_goes_on_without_doubling(alice, bakery):
    upload = previewed(people(250), actor=alice, business=bakery)
    services.confirm_import(upload, actor=alice)
    steps = []

    class StoppedError(Exception):
        pass

    def step(done: int, total: int, cursor: int) -> None:
        steps.append((done, total, cursor))
        if len(steps) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        services.load_import(upload, actor=alice, step=step)
    assert Customer.objects.count() == 100
    again = ImportFile.objects.get(pk=upload.pk)
    assert (again.cursor, again.batch) == (101, 1)

    services.load_import(again, actor=alice, step=step)
    services.load_import(again, actor=alice, step=step)

    assert Customer.objects.count() == 250
    assert steps == [
        (100, 250, 101),
        (200, 250, 201),
        (200, 250, 201),
        (250, 250, 251),
    ]
    assert Event.objects.get(action="import.finished").data["rows"] == 250


@pytest.mark.parametrize("stops", [0, 1])
def test_who_stands_in_a_file_twice_is_rejected_wherever_it_stopped(
    stops, alice, bakery
):
    ana = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    bea = CustomerFactory(business=bakery, name="Bea", email="bea@example.org")
    lines = people(loading.BATCH).splitlines()
    head = "Ana,ana@example.org", f"{'B' * 300},bea@example.org", "Cia,cia@example.org"
    tail = "Ana Two,ana@example.org", "Bea Two,bea@example.org", "Cia,cia@example.org"
    text = "\n".join([lines[0], *head, *lines[1:], *tail])
    upload = previewed(text, actor=alice, business=bakery)
    services.confirm_import(upload, actor=alice, update_existing=True)

    def step(done: int, total: int, cursor: int) -> None:
        if stops and cursor > loading.BATCH + 1:
            raise InterruptedError

    with suppress(InterruptedError):
        services.load_import(upload, actor=alice, step=step)
    again = ImportFile.objects.get(pk=upload.pk)
    assert (again.loaded_at is None) == bool(stops)
    services.load_import(again, actor=alice)

    report = services.import_report(again)
    errors = {row["line"]: row["errors"] for row in report["rejected"]}
    assert errors.pop(3)[0][0] == "name"
    assert errors == {
        105: [["row", "The same as in row 2 of this file."]],
        106: [["row", "The same as in row 3 of this file."]],
        107: [["email", "Stands twice in this file, first in row 4."]],
    }
    assert report["counts"]["unchanged"] == 1
    for row, name in ((ana, "Ana"), (bea, "Bea")):
        row.refresh_from_db()
        assert row.name == name


@pytest.mark.django_db(transaction=True)
def test_two_loads_of_one_file_double_nothing(bakery, at_once):
    person = staff(bakery, "admin")
    alice = actor_of(person)
    upload = previewed(people(450), actor=alice, business=bakery)
    services.confirm_import(upload, actor=alice)

    def act() -> str:
        mine = ImportFile.objects.get(pk=upload.pk)
        try:
            services.load_import(mine, actor=actor_of(person))
        except ValidationError as error:
            return str(error.code)
        return "loaded"

    def written() -> tuple[int, int]:
        finished = Event.objects.filter(action="import.finished")
        return Customer.objects.count(), finished.count()

    told = at_once(act, times=2)

    assert set(told) <= {"loaded", "loaded_elsewhere"}
    assert "loaded" in told
    assert at_once(written, times=1) == [(450, 1)]


def test_a_load_that_was_ended_writes_nothing_more(alice, bakery, monkeypatch):
    upload = previewed(people(250), actor=alice, business=bakery)
    services.confirm_import(upload, actor=alice)

    def load_and_end(*args: Any, **kwargs: Any) -> Any:
        loaded = load_batch(*args, **kwargs)
        if loaded.number == 1:
            services.end_import(ImportFile.objects.get(pk=upload.pk), actor=alice)
        return loaded

    monkeypatch.setattr(importing, "load_batch", load_and_end)
    with pytest.raises(ValidationError) as refused:
        services.load_import(upload, actor=alice)

    assert refused.value.code == "import_ended"
    assert Customer.objects.count() == 100
    assert Event.objects.get(action="import.finished").data["rows"] == 100
    again = ImportFile.objects.get(pk=upload.pk)
    assert services.import_report(again)["counts"]["new"] == 100


def test_a_preview_of_a_file_that_is_gone_says_so(alice, bakery):
    upload = keep(people(3), actor=alice, business=bakery)

    def remove(done: int, total: int, line: int) -> None:
        services.discard_upload(ImportFile.objects.get(pk=upload.pk))

    with pytest.raises(SheetError, match="no longer there"):
        services.preview_import(upload, actor=alice, step=remove)


def test_a_file_that_is_confirmed_meanwhile_is_not_removed(alice, bakery):
    upload = previewed(people(3), actor=alice, business=bakery)
    services.confirm_import(ImportFile.objects.get(pk=upload.pk), actor=alice)

    with pytest.raises(ValidationError) as refused:
        services.discard_upload(upload)

    assert refused.value.code == "confirmed"
    services.load_import(upload, actor=alice)
    assert Customer.objects.count() == 3


def test_a_late_preview_leaves_what_was_confirmed(alice, bakery):
    """A worker that stood still is overtaken by another one, and by the uploader."""
    upload = keep(people(3), actor=alice, business=bakery)

    def overtaken(done: int, total: int, line: int) -> None:
        mine = ImportFile.objects.get(pk=upload.pk)
        services.preview_import(mine, actor=alice)
        services.confirm_import(mine, actor=alice)

    with pytest.raises(ValidationError) as refused:
        services.preview_import(upload, actor=alice, step=overtaken)

    assert refused.value.code == "confirmed"
    stored = ImportFile.objects.get(pk=upload.pk)
    assert stored.previewed_at < stored.confirmed_at
    assert upload.previewed_at is None


def test_what_somebody_changes_after_the_preview_is_not_overwritten(alice, bakery):
    ana = CustomerFactory(business=bakery, name="Ana", email="ana@example.org")
    text = "name,email\nFrom file,ana@example.org\nBea,bea@example.org\n"
    upload = previewed(text, actor=alice, business=bakery)
    services.update_customer(ana, actor=alice, phone="030 7654321")
    services.confirm_import(upload, actor=alice, update_existing=True)

    services.load_import(upload, actor=alice)

    ana.refresh_from_db()
    assert (ana.name, ana.phone) == ("Ana", "030 7654321")
    done = services.import_report(upload)
    assert (done["counts"]["new"], done["counts"]["rejected"]) == (1, 1)
    assert "after the preview" in str(done["rejected"])


class Racing(RowChecker):
    """Lets somebody else write right after the rows were checked, once."""

    others: Any = None

    def check(self, rows: Any) -> Any:
        found = super().check(rows)
        if self.others is not None:
            others, self.others = self.others, None
            others()
        return found


def batch_of(text: str, *, actor: Any, business: Any, others: Any, **more: Any) -> Any:
    upload = keep(text, actor=actor, business=business)
    headers, sheet = uploads.open_upload(upload)
    table = services.IMPORT_TABLES["customer"]
    checker = Racing(table, headers, actor=actor, business=business)
    checker.others = others
    return load_batch(
        list(sheet.rows),
        checker=checker,
        number=1,
        reason="imported",
        update_existing=True,
        **more,
    )


def test_who_lost_a_race_is_rejected_by_name_and_stops_nobody(alice, bakery):
    ana = CustomerFactory(business=bakery, email="ana@example.org")

    def others() -> None:
        services.update_customer(ana, actor=alice, phone="030 7654321")

    batch = batch_of(
        "name,email\nAna S,ana@example.org\nBea,bea@example.org\n",
        actor=alice,
        business=bakery,
        others=others,
    )

    assert [c.outcome for c in batch.checked] == ["rejected", "new"]
    ana.refresh_from_db()
    assert ana.name != "Ana S"


def test_an_address_that_somebody_takes_meanwhile_is_looked_at_again(alice, bakery):
    batch = batch_of(
        "name,email\nBea,bea@example.org\nCia,cia@example.org\n",
        actor=alice,
        business=bakery,
        others=lambda: CustomerFactory(business=bakery, email="bea@example.org"),
    )

    assert [c.outcome for c in batch.checked] == ["changed", "new"]
    assert Customer.objects.count() == 2


class Misplacing(RowChecker):
    """Puts each first row into a business that its customer does not belong to."""

    elsewhere: Any = None

    def check(self, rows: Any) -> Any:
        found = super().check(rows)
        found[0].instance.business = self.elsewhere
        return found


def test_a_row_that_the_database_refuses_stops_no_other(alice, bakery, rival):
    customer = CustomerFactory(business=bakery)
    text = "customer,city\n" + "".join(
        f"{customer.unique_id},{city}\n" for city in ("Oslo", "Bergen", "Tromsø")
    )
    upload = keep(text, actor=alice, business=bakery, table="address")
    headers, sheet = uploads.open_upload(upload)
    table = services.IMPORT_TABLES["address"]
    checker = Misplacing(table, headers, actor=alice, business=bakery)
    checker.elsewhere = rival

    batch = load_batch(
        list(sheet.rows),
        checker=checker,
        number=1,
        reason="imported",
        update_existing=False,
    )

    assert [c.outcome for c in batch.checked] == ["rejected", "new", "new"]
    assert {row.city for row in batch.instances} == {"Bergen", "Tromsø"}
    assert set(Address.objects.values_list("city", flat=True)) == {"Bergen", "Tromsø"}


def test_a_stored_row_that_stays_as_it_is_is_not_judged(alice, bakery):
    row = CustomerFactory(business=bakery, name="Ana")
    Customer.objects.as_actor(alice).filter(pk=row.pk).update(source="x" * 100)
    history = row.history.count()
    text = f"reference,name\n{row.unique_id},Ana\n"

    upload = load(text, actor=alice, business=bakery)

    assert services.import_report(upload)["counts"]["unchanged"] == 1
    assert row.history.count() == history


def test_long_cells_are_shown_in_part_and_given_back_whole(alice, bakery):
    name = "x" * 5000
    upload = previewed(f"name,{name}\n{name},\n", actor=alice, business=bakery)

    found = services.import_findings(upload)
    assert len(found["shown"]["rejected"][0]["who"]) == 200
    assert len(found["unknown"][0]) == 50
    assert name in "".join(services.export_rejects(upload))


def test_only_the_uploader_finds_confirms_and_loads_a_file(alice, bakery):
    other = actor_of(staff(bakery, "admin"))
    table = services.IMPORT_TABLES["customer"]
    upload = previewed(people(1), actor=alice, business=bakery)

    assert services.get_upload(upload.pk, table=table, actor=alice) == upload
    with pytest.raises(ImportFile.DoesNotExist):
        services.get_upload(upload.pk, table=table, actor=other)
    with pytest.raises(PermissionDenied):
        services.confirm_import(upload, actor=other)
    with pytest.raises(ValidationError, match="Confirm"):
        services.load_import(upload, actor=alice)
    services.confirm_import(upload, actor=alice)
    with pytest.raises(PermissionDenied):
        services.load_import(upload, actor=other)


def test_a_file_lies_encrypted_and_bound_to_its_row(alice, bakery):
    upload = keep("name\nSecret Person\n", actor=alice, business=bakery)
    other = keep("name\nEvil\n", actor=alice, business=bakery)

    assert "Secret" not in upload.stored.content
    other.stored.content = upload.stored.content
    other.stored.save()
    with pytest.raises(SheetError, match="no longer there"):
        services.preview_import(other, actor=alice)


@pytest.mark.django_db(transaction=True)
def test_of_several_uploads_at_once_the_last_place_is_for_one(
    bakery, at_once, monkeypatch
):
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    person = staff(bakery, "admin")
    keep(people(1), actor=actor_of(person), business=bakery)

    def act() -> str:
        try:
            keep(people(100), actor=actor_of(person), business=bakery)
        except ValidationError as error:
            return str(error.code)
        return "kept"

    told = at_once(act, times=6)

    assert sorted(told) == ["kept", *["too_many_files"] * 5]
    assert at_once(ImportFile.objects.count, times=1) == [2]
    assert at_once(ImportContent.objects.count, times=1) == [2]


def test_more_rows_than_a_request_waits_for_are_long(alice, bakery):
    limit = INLINE_LIMIT

    assert not services.is_long(keep(people(limit), actor=alice, business=bakery))
    assert services.is_long(keep(people(limit + 1), actor=alice, business=bakery))
    # Nor is a large file opened to count its rows.
    large = keep(people(2), actor=alice, business=bakery)
    large.size = uploads.INLINE_BYTES + 1
    ImportContent.objects.filter(file=large).delete()
    assert services.is_long(large)


def test_the_content_is_not_read_again_for_each_batch(alice, bakery):
    upload = previewed(people(300), actor=alice, business=bakery)
    services.confirm_import(upload, actor=alice)

    with CaptureQueriesContext(connection) as asked:
        services.load_import(upload, actor=alice)

    read = [q for q in asked if '"customers_importcontent"."content"' in q["sql"]]
    assert len([q for q in read if q["sql"].startswith("SELECT")]) == 1


def test_a_batch_is_no_larger_than_its_event_names():
    assert loading.BATCH <= MAX_SUBJECTS
