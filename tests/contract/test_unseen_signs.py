"""Signs that nobody sees, at every entrance: refused in addresses and in names."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from audit.privacy.invisible import name_of
from capture.models import Capture, Quarantine
from customers import services
from customers.models import Contact, Customer
from tests.conftest import actor_of, form_data, signed_in, staff
from tests.factories import (
    AddressFactory,
    ApiKeyFactory,
    ContactFactory,
    CustomerFactory,
    NoteFactory,
    SourceFactory,
    TicketFactory,
)

# Of each kind that another rule might take; all are in
# tests/audit/privacy/test_invisible.py.
SIGNS = "\x07\u200b\u202e"
ENDS = ["\ufeff{}", "{}\u200b", "\u202a{}\u202c", "\u00a0 {}\u2060"]
UNSEEN = ["\u200b", "\u3164", "\u2800", "\u202e\u2066", "\ufe0f", " \u0301", "\u115f"]
NAMES = [
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u0d28\u0d4d\u200d",
    "\U0001f469\u200d\U0001f4bb Ada",
    "Ada \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "Ada \u2764\ufe0f",
]
ADD = "/admin/customers/customer/add/"


@dataclass
class Door:
    """An entrance: sends a person, and returns what it says, empty when taken."""

    send: Callable[..., str]
    # What it takes of a person.
    takes: tuple[str, ...] = ("name", "email", "phone", "external_id")


class Desk:
    """Everything that the entrances need, and a way in through each."""

    def __init__(self, client: Client, business: Any, folder: Any) -> None:
        self.client, self.business, self.folder = client, business, folder
        self.actor = actor_of(client.user)  # type: ignore[attr-defined]

    def _api(self, method: str, path: str, body: dict[str, Any]) -> str:
        answer = getattr(self.client, method)(path, body, "application/json")
        if answer.status_code < 300:
            return ""
        assert answer.status_code == 400, answer.content
        return json.dumps(answer.json()["errors"], ensure_ascii=False)

    def v1(self, **person: str) -> str:
        return self._api("post", "/api/v1/customers", person)

    def v1_change(self, **person: str) -> str:
        row = CustomerFactory(business=self.business, email=None, phone=None)
        return self._api("patch", f"/api/v1/customers/{row.pk}", person)

    def v1_contact(self, **person: str) -> str:
        row = CustomerFactory(business=self.business, email=None, phone=None)
        body = {"kind": "alternative", **person}
        return self._api("post", f"/api/v1/customers/{row.pk}/contacts", body)

    def hub(self, **person: str) -> str:
        return self._api("post", "/api/admin/customers", person)

    def by_business(self, **person: str) -> str:
        return self._api("post", f"/api/customers/{self.business.slug}", person)

    def form(self, **person: str) -> str:
        data = form_data(self.client, ADD, business=str(self.business.pk), **person)
        # Whoever looks like another one is asked about first.
        data["create_anyway"] = "on"
        answer = self.client.post(ADD, data)
        if answer.status_code == 302:
            return ""
        errors = answer.context["adminform"].form.errors
        return " ".join(text for texts in errors.values() for text in texts)

    def file(self, **person: str) -> str:
        text = "\n".join(
            ",".join(f'"{v}"' for v in row) for row in zip(*person.items(), strict=True)
        )
        upload = services.keep_upload(
            text.encode(),
            name="list.csv",
            kind="csv",
            table=services.IMPORT_TABLES["customer"],
            business=self.business,
            actor=self.actor,
        )
        services.preview_import(upload, actor=self.actor)
        rows = services.import_findings(upload)["shown"]["rejected"]
        if not rows:
            services.confirm_import(upload, actor=self.actor, update_existing=True)
            services.load_import(upload, actor=self.actor)
        return json.dumps(rows, ensure_ascii=False)[1:-1]

    def purchases(self, external_id: str, **_: str) -> str:
        path = self.folder / "log.csv"
        line = f"{external_id},2026-01-02,1,10.00"
        path.write_text(f"customer,date,quantity,amount\n{line}\n", encoding="utf-8")
        out = StringIO()
        try:
            call_command(
                "import_purchases",
                str(path),
                business=self.business.slug,
                stdout=out,
                stderr=out,
            )
        except SystemExit:
            return out.getvalue()
        return ""

    def capture(self, **person: str) -> str:
        return self._sent("/api/v1/captures", {"type": "signup", **person})

    def signup(self, **person: str) -> str:
        return self._sent("/api/customer-data/capture-signup", person)

    def _sent(self, path: str, person: dict[str, str]) -> str:
        key = ApiKeyFactory(source=SourceFactory(business=self.business))
        person = {_SENT_AS.get(name, name): value for name, value in person.items()}
        answer = Client().post(
            path,
            person,
            "application/json",
            headers={"Authorization": f"Bearer {key.prefix}"},
        )
        if answer.status_code == 200:
            return ""
        # Refused, and nothing is lost.
        assert answer.status_code == 422, answer.content
        kept = Quarantine.objects.get()
        assert json.loads(kept.item).items() >= person.items()
        return str(kept.message)

    def legacy(self, **person: str) -> str:
        path = self.folder / "old.db"
        columns = {_LEGACY.get(name, name): value for name, value in person.items()}
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as old, old:
            old.execute("CREATE TABLE users (id TEXT, email TEXT, username TEXT)")
            names = ", ".join(columns)
            marks = ", ".join("?" * len(columns))
            old.execute(
                f"INSERT INTO users ({names}) VALUES ({marks})",
                list(columns.values()),
            )
        out = StringIO()
        call_command(
            "import_legacy",
            str(path),
            business=self.business.slug,
            stdout=out,
            stderr=out,
        )
        kept = Quarantine.objects.first()
        return str(kept.message) if kept else ""


_SENT_AS = {"phone": "mobile_number", "external_id": "user_id", "name": "full_name"}
_LEGACY = {"external_id": "id", "name": "username"}
_MACHINES = ("name", "email", "external_id")
DOORS = {
    "v1": Door(Desk.v1),
    "v1_change": Door(Desk.v1_change),
    "v1_contact": Door(Desk.v1_contact, ("email", "phone")),
    "hub": Door(Desk.hub, ("name", "email", "phone")),
    "by_business": Door(Desk.by_business, ("name", "email", "phone")),
    "form": Door(Desk.form),
    "file": Door(Desk.file),
    "purchases": Door(Desk.purchases, ("external_id",)),
    "capture": Door(Desk.capture, _MACHINES),
    "signup": Door(Desk.signup, _MACHINES),
    "legacy": Door(Desk.legacy, _MACHINES),
}
FROM_MACHINES = ("capture", "signup", "legacy")
GOOD = {
    "name": "Anna Berg",
    "email": "anna@example.org",
    "phone": "+49 30 1234567",
    "external_id": "E-4711",
}


@pytest.fixture
def desk(alice, bakery, tmp_path) -> Desk:
    return Desk(alice, bakery, tmp_path)


def places(*columns: str) -> list[Any]:
    return [
        pytest.param(door, column, id=f"{door}-{column}")
        for door, made in DOORS.items()
        for column in columns
        if column in made.takes
    ]


def person(door: str, **values: str) -> dict[str, str]:
    """Return a person as a door takes one, with other values in some columns."""
    least = {"name", "external_id"} if door == "purchases" else {"name", "email"}
    if door == "purchases":
        return values
    base = {k: v for k, v in GOOD.items() if k in least and k in DOORS[door].takes}
    return base | values


def hide(value: str, sign: str) -> str:
    return (
        f"{value[:8]}{sign}{value[8:]}"
        if "@" in value
        else f"{value[:3]}{sign}{value[3:]}"
    )


@pytest.mark.parametrize("sign", SIGNS, ids=[name_of(sign) for sign in SIGNS])
@pytest.mark.parametrize(("door", "column"), places("email", "phone", "external_id"))
def test_an_address_with_an_unseen_sign_is_refused_by_its_name(
    desk, door, column, sign
):
    said = DOORS[door].send(desk, **person(door, **{column: hide(GOOD[column], sign)}))

    assert name_of(sign) in said
    assert "Type it anew." in said


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize(("door", "column"), places("email", "phone", "external_id"))
def test_what_copying_leaves_around_an_address_is_no_part_of_it(
    desk, door, column, ends
):
    sent = person(door, **{column: ends.format(GOOD[column])})

    assert DOORS[door].send(desk, **sent) == ""

    model: Any = Contact if door == "v1_contact" else Customer
    assert model.objects.filter(**{column: GOOD[column]}).count() == 1


@pytest.mark.parametrize("name", UNSEEN, ids=ascii)
@pytest.mark.parametrize(("door", "column"), places("name"))
def test_a_name_in_which_nothing_is_seen_is_none(desk, door, column, name):
    said = DOORS[door].send(desk, **person(door, name=name))

    if door in FROM_MACHINES:
        # As without a name: the person is called by the address.
        assert said == ""
        assert Customer.objects.get().name == GOOD["email"]
        warnings = Capture.objects.get().warnings or []
        assert [code for code, _ in warnings] == ["invisible_name"]
    else:
        assert "A name" in said or "Give a name" in said or "required" in said
        assert not Customer.objects.filter(email=GOOD["email"]).exists()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize(("door", "column"), places("name"))
def test_joiners_tags_and_selectors_stay_in_names(desk, door, column, name):
    assert DOORS[door].send(desk, **person(door, name=name)) == ""

    assert Customer.objects.filter(name=name).count() == 1


@pytest.mark.parametrize(("door", "column"), places("name"))
def test_a_name_is_one_line(desk, door, column):
    said = DOORS[door].send(desk, **person(door, name="Anna\u2028\x1bBerg"))

    if door in FROM_MACHINES:
        assert Customer.objects.get().name == "Anna Berg"
    else:
        assert "U+2028 LINE SEPARATOR" in said


def test_what_was_let_in_before_keeps_nobody_from_another_change(desk):
    row = CustomerFactory(business=desk.business, email="anna@exam\u200bple.org")
    page = f"/api/v1/customers/{row.pk}"

    assert (
        desk.client.patch(page, {"phone": "+49 30 1"}, "application/json").status_code
        == 200
    )
    row.refresh_from_db()
    assert row.email == "anna@exam\u200bple.org"


TURNED = "Anna\u202egpj.exe"
SEEN = "Anna⟦U+202E⟧gpj.exe"


@pytest.fixture
def turned(desk) -> Customer:
    """Somebody whose texts all turn their direction; the values get in one by one."""
    row = CustomerFactory(business=desk.business, name=TURNED, location=TURNED)
    for made in (NoteFactory, AddressFactory, ContactFactory, TicketFactory):
        texts = [f.name for f in made._meta.model._meta.fields if f.name in _TEXTS]
        made(
            customer=row,
            business=desk.business,
            **dict.fromkeys(texts, TURNED),
        )
    return row


_TEXTS = ("content", "title", "line1", "recipient", "name", "subject", "description")


@pytest.mark.parametrize("role", ["admin", "support"])
@pytest.mark.parametrize(
    "page",
    [
        "/admin/customers/customer/",
        "/admin/customers/customer/{}/change/",
        "/admin/customers/customer/{}/history/",
        "/admin/customers/note/",
        "/admin/customers/address/",
        "/admin/customers/contact/",
        "/admin/customers/ticket/",
    ],
)
def test_signs_that_turn_the_direction_are_seen_by_staff(desk, turned, page, role):
    client = signed_in(staff(desk.business, role))
    answer = client.get(page.format(turned.pk))
    if answer.status_code == 403:
        pytest.skip("not a page of theirs")

    shown = re.sub(r"<(input|textarea)\b[^>]*>[^<]*", "", answer.text)
    assert answer.status_code == 200
    assert "\u202e" not in shown
    if "address" not in page and "note" not in page:
        assert SEEN in answer.text


def test_the_version_of_a_row_shows_them_too(desk, turned):
    version = turned.history.first().history_id
    page = f"/admin/customers/customer/{turned.pk}/history/{version}/"

    assert SEEN in desk.client.get(page).text


def test_an_endpoint_answers_what_is_stored(desk, turned):
    answer = desk.client.get(f"/api/v1/customers/{turned.pk}").json()

    assert answer["name"] == TURNED


def test_what_was_not_edited_is_saved_as_it_was(desk, turned):
    page = f"/admin/customers/customer/{turned.pk}/change/"

    data = form_data(desk.client, page, source="shop")
    assert desk.client.post(page, data).status_code == 302

    turned.refresh_from_db()
    assert (turned.name, turned.source) == (TURNED, "shop")


def test_a_preview_shows_them(desk):
    person = {"name": TURNED, "email": "anna@example.org"}
    rows = "\n".join(",".join(row) for row in zip(*person.items(), strict=True))
    upload = services.keep_upload(
        rows.encode(),
        name="list.csv",
        kind="csv",
        table=services.IMPORT_TABLES["customer"],
        business=desk.business,
        actor=desk.actor,
    )
    services.preview_import(upload, actor=desk.actor)

    page = reverse("admin:customers_customer_import_file", args=[upload.pk])
    assert SEEN in desk.client.get(page).text
