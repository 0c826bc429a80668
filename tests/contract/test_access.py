"""Who gets what at every address: the committed matrix, and the trail of each answer.

After a change that is meant, write the matrix anew and read its difference:
`HOLDFAST_WRITE_MATRIX=1 python -m pytest -n 0 tests/contract/test_access.py`
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client

from audit.models import Event, User
from audit.rest.throttling import consume_user_budget
from capture.models import ApiKey
from customers.choices import Role
from customers.models import Business
from tests.conftest import signed_in
from tests.contract.doors import Asked, Door, ask_for, doors, path_of
from tests.factories import (
    ApiKeyFactory,
    BusinessFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    SourceFactory,
    UserFactory,
)
from tests.long import IS_LONG

MATRIX = Path(__file__).with_name("access_matrix.txt")
WRITES = bool(os.environ.get("HOLDFAST_WRITE_MATRIX"))
OLD = (
    "access_matrix.txt says something else. If the change is meant, write it anew:\n"
    "HOLDFAST_WRITE_MATRIX=1 python -m pytest -n 0 tests/contract/test_access.py"
)
DOORS = doors()
# Pages know two methods; the admin treats the others like GET.
PAGE_METHODS, API_METHODS = ("GET", "POST"), ("GET", "POST", "PUT", "PATCH", "DELETE")
# Of another business: who may do most, and who sees most; in the long form everybody.
ABROAD = Role.values if IS_LONG or WRITES else [Role.ADMIN, Role.AUDITOR]
SCOPES = ["write", "read:captures", "read:customers", "export"]
# Stands in what the other business has: in no answer to who works in this one alone.
FOREIGN_MARK = "of-the-other-business"
# The head of each page names the caller's own businesses, whatever the page shows.
SWITCH = re.compile(rb'<details[^>]* id="business-switch">.*?</details>', re.DOTALL)


def groups() -> dict[str, list[Door]]:
    """Return the doors by what they are about: one test makes their people once."""
    found: dict[str, list[Door]] = {}
    for door in DOORS:
        name = door.model._meta.label if door.model else door.route.split("/")[0]
        found.setdefault(name, []).append(door)
    return found


GROUPS = groups()


def read_matrix() -> dict[str, str]:
    """Return the committed cells by method and route."""
    if not MATRIX.exists():
        return {}
    lines = MATRIX.read_text().splitlines()
    rows = (line.split(" | ", 1) for line in lines if line and not line.startswith("#"))
    # The route of the bare address is empty, and a blank stands before it.
    return {key: cells.strip() for key, cells in rows}


class Cast:
    """Everybody who may come to a row of a business, signed in: by name."""

    def __init__(self, own: Business) -> None:
        self.own = own
        self.foreign = BusinessFactory(slug=FOREIGN_MARK, name=FOREIGN_MARK)
        self._fill_foreign()
        self.people = {
            "owner": self._owner(),
            **{f"{role} own": self._member(own, role) for role in Role.values},
            **{f"{role} foreign": self._member(self.foreign, role) for role in ABROAD},
            "both": self._works_in_both(),
            "anonymous": Client(),
        }
        self.keys = {
            "key own": self._key(own, "secret"),
            "key foreign": self._key(self.foreign, "secret"),
            "page key own": self._key(own, "publishable"),
        }

    def callers(self, door: Door) -> dict[str, Client]:
        """Return who comes to this door."""
        return self.people if door.is_admin else self.people | self.keys

    def _fill_foreign(self) -> None:
        """Make rows of the other business that are recognised wherever they show."""
        customer = CustomerFactory(
            business=self.foreign,
            name=FOREIGN_MARK,
            email=f"{FOREIGN_MARK}@example.org",
            source=FOREIGN_MARK,
        )
        FlagFactory(customer=customer, code=FOREIGN_MARK)
        SourceFactory(business=self.foreign, name=FOREIGN_MARK, slug=FOREIGN_MARK)

    def _owner(self) -> Client:
        return self._signed_in(UserFactory(is_superuser=True))

    def _member(self, business: Business, role: str) -> Client:
        user = UserFactory()
        MembershipFactory(user=user, business=business, role=role)
        return self._signed_in(user)

    def _works_in_both(self) -> Client:
        """Return an admin elsewhere who is marketing here: no right crosses over."""
        user = UserFactory()
        MembershipFactory(user=user, business=self.foreign, role=Role.ADMIN)
        MembershipFactory(user=user, business=self.own, role=Role.MARKETING)
        return self._signed_in(user)

    def _signed_in(self, user: User) -> Client:
        # Each request is undone: what the first one of somebody writes, the budget and
        # the age of the session, would be written again by all of them.
        consume_user_budget(user.pk)
        client = signed_in(user)
        session = client.session
        session["started_at"] = session["seen_at"] = int(time.time())
        session.save()
        return client

    def _key(self, business: Business, kind: str) -> Client:
        source = SourceFactory(business=business)
        scopes = SCOPES if kind == "secret" else ["write"]
        key: ApiKey = ApiKeyFactory(source=source, kind=kind, scopes=scopes)
        return Client(headers={"Authorization": f"Bearer {key.prefix}"})


def try_door(
    door: Door, asked: Asked, callers: dict[str, Client], who: str, method: str
) -> str:
    """Ask once, undo what it did, and return the cell: status, and * if shown.

    `login` and `confirm` are the pages that ask for a password, or a PIN, first.
    """
    caller = callers[who]
    path = path_of(door.route, asked.values)
    cookies = dict(caller.cookies)
    with transaction.atomic():
        before = Event.objects.count()
        response: Any = caller.generic(method, path, **body_for(method, door))
        text = b"".join(response) if response.streaming else response.content
        # A page that asks for a PIN leads back to what the caller named himself.
        text = text.replace(urlencode({"next": path}).encode(), b"")
        is_shown = any(mark.encode() in SWITCH.sub(b"", text) for mark in asked.marks)
        assert not (works_only_here(who) and FOREIGN_MARK.encode() in text), (
            f"{method} {path} shows '{who}' rows of another business. Its selector "
            "takes no `business_id`, or starts from another query than `list_visible`."
        )
        if is_shown and response.status_code == 200 and is_personal(door):
            seen = Event.objects.count() - before
            assert seen, f"{method} {path} showed a person and left no event."
        transaction.set_rollback(True)
    caller.cookies.clear()
    caller.cookies.update(cookies)
    status = str(response.status_code)
    if response.status_code == 302 and "/login/" in response["Location"]:
        status = "login"
    if "carried" in (getattr(response, "context", None) or {}):
        status = "confirm"
    return status + ("*" if is_shown and response.status_code == 200 else "")


def works_only_here(who: str) -> bool:
    """Tell whether the other business is nothing to this caller."""
    return who == "anonymous" or who.endswith(" own")


def cells(
    door: Door, asked: Asked, callers: dict[str, Client], method: str
) -> list[str]:
    """Return what each caller gets; of a method that is not there, only two are asked.

    `test_schema` knows which methods there are.
    """
    owner = try_door(door, asked, callers, "owner", method)
    others = ["anonymous"] if owner == "405" else [w for w in callers if w != "owner"]
    tried = [f"{who} {try_door(door, asked, callers, who, method)}" for who in others]
    return [f"owner {owner}", *tried]


def body_for(method: str, door: Door) -> dict[str, Any]:
    """Return what is sent: a form to pages, an empty object to the API."""
    if method == "GET":
        return {}
    if door.is_admin:
        return {"content_type": "application/x-www-form-urlencoded"}
    return {"content_type": "application/json", "data": b"{}"}


def is_personal(door: Door) -> bool:
    """Tell whether rows of this door are about people."""
    model = door.model
    return model is not None and (
        hasattr(model, "subject_id") or hasattr(model, "customer_id")
    )


@pytest.fixture
def quiet() -> Iterator[None]:
    """Write no lines of the log: thousands are refused, and no line is looked at."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_everybody_gets_what_the_matrix_says(db, quiet, name):
    committed = read_matrix()
    # What is done at one door is undone: the row and the people are there for all.
    asked = ask_for(GROUPS[name][0])
    cast = Cast(asked.business)
    found: dict[str, str] = {}
    for door in GROUPS[name]:
        callers = cast.callers(door)
        methods = PAGE_METHODS if door.is_admin else API_METHODS
        for method in methods:
            tried = cells(door, asked, callers, method)
            found[f"{method} {door.route}"] = ", ".join(tried)
    if WRITES:
        write_rows(found)
        return
    wrong = {
        key: (cells, committed.get(key, "no row"))
        for key, cells in found.items()
        if asked_of(committed.get(key, "no row")) != cells
    }
    assert wrong == {}, OLD


def asked_of(cells: str) -> str:
    """Return the committed cells of those who are asked."""
    left_out = tuple(f"{role} foreign " for role in Role.values if role not in ABROAD)
    return ", ".join(c for c in cells.split(", ") if not c.startswith(left_out))


def test_the_matrix_has_no_row_of_a_door_that_is_gone():
    keys = {key.split(" ", 1)[1] for key in read_matrix()}

    assert keys == {door.route for door in DOORS}, OLD


def write_rows(rows: dict[str, str]) -> None:
    """Put rows into the committed file, in the order of the resolver."""
    known = {**read_matrix(), **rows}
    routes = {door.route for door in DOORS}
    lines = [
        f"{key} | {cells}"
        for key, cells in sorted(known.items(), key=lambda kv: kv[0].split(" ", 1)[1])
        if key.split(" ", 1)[1] in routes
    ]
    head = "# method route | who status (* the row was in the answer)\n"
    MATRIX.write_text(head + "\n".join(lines) + "\n")
