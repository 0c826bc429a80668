"""E-mail addresses at every entrance: what is stored, and who is the same person.

Exceptions, each with its reason:

- Captures answer `schema_violation` for what is no address: the contract of the
  documents names it. They cut a NUL from the ends, as programs leave it there.
- Endpoints answer `incorrect_type` for a value that is no text, as for every column.
- A file holds text alone, and no NUL; half a character is no UTF-8.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from audit.ids import uuid7
from audit.models import User
from capture.models import Capture, CaptureLink, Quarantine, Signup
from customers import services
from customers.models import Booking, Contact, Customer
from tests.conftest import actor_of, form_data, staff
from tests.contract.entrances import load_file, send_captures, written
from tests.customers.values.tables import table_of
from tests.factories import (
    ApiKeyFactory,
    CaptureFactory,
    ContactFactory,
    CustomerFactory,
    SourceFactory,
    UserFactory,
)

LINES = [
    (json.loads(line["raw"]), line["stored"], line["key"])
    for line in table_of("emails")
]
TEXTS = [line for line in LINES if isinstance(line[0], str)]
# One of each kind, where an entrance takes one at a time.
SOME = [*LINES[::9], *[line for line in LINES if line[2].count("xn--")][:6]]
LETTERS, ENCODED = "Ana@BÜCHER.example", "ana@xn--bcher-kva.example"


def test_endpoints_of_staff(alice, bakery):
    owner = CustomerFactory(business=bakery)
    for raw, stored, key in SOME:
        body = {"kind": "email", "email": raw}
        path = f"/api/v1/customers/{owner.pk}/contacts"
        answer = alice.post(path, body, "application/json")
        if not stored.startswith("!"):
            assert answer.status_code == (201 if stored else 400) or raw is None, raw
            if stored:
                row = Contact.objects.get(pk=answer.json()["id"])
                assert (row.email, row.email_key) == (stored, key)
            continue
        assert answer.status_code == 400, raw
        codes = {error["code"] for error in answer.json()["errors"]}
        assert codes <= {stored[1:], "incorrect_type"}, raw


def test_forms(alice, bakery):
    owner = CustomerFactory(business=bakery)
    page = "/admin/customers/contact/add/"
    base = form_data(alice, page, customer=str(owner.pk), kind="email")
    for raw, stored, key in SOME:
        if not isinstance(raw, str):
            continue
        answer = alice.post(page, base | {"email": raw})
        if stored.startswith("!"):
            assert "email" in answer.context["adminform"].form.errors, raw
        else:
            assert answer.status_code == 302, raw
            row = Contact.objects.latest("pk")
            assert (row.email or "", row.email_key or "") == (stored, key), raw


def test_files(bakery):
    actor = actor_of(staff(bakery, "admin"))
    owner = CustomerFactory(business=bakery)
    good = [
        (n, *line)
        for n, line in enumerate(TEXTS)
        if not {"\0", "\ud800"} & set(line[0]) and len(line[0]) < 1000
    ]
    head = ["customer", "kind", "name", "email"]
    rows = [[owner.unique_id, "email", f"N{n}", raw] for n, raw, *_ in good]

    rejected = load_file(
        written(head, *rows), table="contact", business=bakery, actor=actor
    )

    kept = {row.name: row for row in Contact.objects.all()}
    for line, (n, raw, stored, key) in enumerate(good, start=2):
        if stored.startswith("!"):
            assert [name for name, _ in rejected.pop(line)] == ["email"], raw
        else:
            row = kept[f"N{n}"]
            assert (row.email or "", row.email_key or "") == (stored, key), raw
    assert not rejected


def test_captures(bakery):
    messages = [
        {"type": "event", "name": "x", "anonymous_id": "v", "message_id": f"m-{n}"}
        | {"email": raw}
        for n, (raw, _, _) in enumerate(LINES)
        if len(str(raw)) < 1000
    ]

    send_captures(messages, bakery)

    captured = dict(Capture.objects.values_list("message_id", "email"))
    refused = dict(Quarantine.objects.values_list("message_id", "code"))
    for message in messages:
        raw = message["email"]
        n = int(message["message_id"][2:])
        _, stored, key = LINES[n]
        if raw == "ana@example.org\0":
            stored = key = "ana@example.org"
        if isinstance(raw, str) and stored.startswith("!"):
            assert refused[f"m-{n}"] in {
                "schema_violation",
                "invisible_character",
                "illegal_identity",
            }, raw
        elif isinstance(raw, str):
            assert (captured[f"m-{n}"] or "") == key, raw


class Entrances:
    """Each sends a purchase, a signup or a change of one address, as it is spelled."""

    def __init__(self, client: Client, business: Any, folder: Any) -> None:
        self.client, self.business, self.folder = client, business, folder
        self.actor = actor_of(client.user)  # type: ignore[attr-defined]

    def file(self, email: str) -> None:
        text = written(["name", "email"], ["Ana", f" {email} "])
        assert not load_file(
            text, table="customer", business=self.business, actor=self.actor
        )

    def file_of_bookings(self, email: str) -> None:
        text = written(["customer", "kind"], [email, "order"])
        assert not load_file(
            text, table="booking", business=self.business, actor=self.actor
        )

    def purchases(self, email: str) -> None:
        path = self.folder / "log.csv"
        path.write_text(
            f"customer,date,quantity,amount\n{email},2026-01-02,1,10.00\n", "utf-8"
        )
        call_command(
            "import_purchases",
            str(path),
            business=self.business.slug,
            stdout=StringIO(),
        )

    def captures(self, email: str) -> None:
        [result] = send_captures([{"type": "signup", "email": email}], self.business)
        assert result["status"] == "accepted"

    def document(self, email: str) -> None:
        key = ApiKeyFactory(source=SourceFactory(business=self.business))
        answer = Client().post(
            "/api/customer-data/capture-signup",
            {"email": email, "full_name": "Ana"},
            "application/json",
            headers={"Authorization": f"Bearer {key.prefix}"},
        )
        assert answer.status_code == 200

    def legacy(self, email: str) -> None:
        path = self.folder / "old.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as old, old:
            old.execute("CREATE TABLE users (id TEXT, email TEXT, username TEXT)")
            old.execute("INSERT INTO users VALUES ('7', ?, 'Ana')", [email])
        call_command(
            "import_legacy",
            str(path),
            business=self.business.slug,
            stdout=StringIO(),
        )


TAKING = ["file", "file_of_bookings", "purchases", "captures", "document", "legacy"]


@pytest.mark.parametrize("entrance", TAKING)
@pytest.mark.parametrize("stored", [LETTERS, ENCODED])
def test_two_spellings_are_one_customer(alice, bakery, tmp_path, entrance, stored):
    CustomerFactory(business=bakery, name="Ana", email=stored)
    entrances = Entrances(alice, bakery, tmp_path)

    for email in (ENCODED, LETTERS, LETTERS.lower()):
        getattr(entrances, entrance)(email)

    assert Customer.objects.get().email_key == ENCODED
    assert not Contact.objects.exists()


# Files match current addresses alone.
@pytest.mark.parametrize("entrance", [e for e in TAKING if not e.startswith("file")])
def test_a_former_address_is_found_in_both_spellings(alice, bakery, tmp_path, entrance):
    ana = CustomerFactory(business=bakery, email="new@example.org")
    ContactFactory(customer=ana, business=bakery, kind="email", email=LETTERS)

    getattr(Entrances(alice, bakery, tmp_path), entrance)(ENCODED)

    assert Customer.objects.get() == ana


def test_a_purchase_log_makes_one_customer_of_two_spellings(alice, bakery, tmp_path):
    entrances = Entrances(alice, bakery, tmp_path)

    entrances.purchases(LETTERS)
    entrances.purchases(f"{ENCODED},2026-01-01,1,1\n{LETTERS.upper()}")

    ana = Customer.objects.get()
    assert (ana.email, ana.external_id, ana.name) == (LETTERS, None, LETTERS)
    assert Booking.objects.count() == 3


@pytest.mark.parametrize("spelling", [LETTERS, ENCODED, f" {LETTERS.lower()} "])
def test_a_second_one_is_refused_and_found_in_any_spelling(alice, bakery, spelling):
    ana = CustomerFactory(business=bakery, email=LETTERS)
    body = {"name": "Ana", "email": spelling}

    answers = [
        alice.post(path, body, "application/json")
        for path in ("/api/v1/customers", f"/api/customers/{bakery.slug}")
    ]
    page = "/admin/customers/customer/add/"
    form = form_data(alice, page, business=str(bakery.pk), **body)
    shown = alice.post(page, form | {"create_anyway": "on"})

    assert [answer.status_code for answer in answers] == [400, 400]
    assert "email" in shown.context["adminform"].form.errors
    actor = actor_of(alice.user)
    assert services.search_customers(spelling, actor=actor) == [ana]
    for text in (spelling.strip(), spelling.strip().split("@")[1]):
        assert services.list_customers(actor=actor, search=text).get() == ana


def test_what_was_captured_before_domains_were_encoded_is_found(alice, bakery):
    # A capture is never written anew: it has the key of its time.
    new = CaptureFactory(source__business=bakery)
    columns = {f.attname: getattr(new, f.attname) for f in Capture._meta.fields}
    columns |= {"id": uuid7(), "salt": None, "message_id": "old"}
    old = Capture.objects.create(**columns | {"email": "ana@bücher.example"})
    CaptureLink.objects.create(business=bakery, capture=old)

    send_captures([{"type": "signup", "email": ENCODED}], bakery)

    ana = Customer.objects.get(email_key=ENCODED)
    assert CaptureLink.objects.get(capture=old).customer == ana


@pytest.mark.parametrize("spelling", [LETTERS, ENCODED, LETTERS.upper()])
def test_lists_of_the_admin_are_searched_in_any_spelling(alice, bakery, spelling):
    send_captures([{"type": "signup", "email": LETTERS}], bakery)
    ana = Customer.objects.get()
    ContactFactory(customer=ana, business=bakery, kind="email", email=LETTERS)
    pages = {
        "/admin/customers/contact/": Contact.objects.get().pk,
        "/admin/capture/capture/": Capture.objects.get().pk,
        "/admin/capture/signup/": Signup.objects.get().pk,
        "/admin/customers/customer/": ana.pk,
    }

    for page, pk in pages.items():
        shown = alice.post(page, {"q": spelling}, follow=True)
        assert f"{page}{pk}/" in shown.text, page


def test_accounts_have_the_same_key(db):
    assert UserFactory(email=LETTERS).email_key == ENCODED

    with pytest.raises(ValidationError, match="Another account"):
        User(username="other", email=ENCODED).clean()
