"""A time means the same at every entrance: one table is sent through them all.

Those of the table that lie ahead of its day are left out: they depend on the day of the
test. Three things differ, on purpose. The API of staff takes texts alone, and says null
for no time, which has no second spelling. A cell of a file is a text, too. And messages
of programs are never refused for a time: what cannot be read is that of the arrival,
with the warning `unreadable_timestamp`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from capture.models import Capture
from customers import services
from customers.models import Booking, Customer
from tests.conftest import actor_of
from tests.contract.entrances import loaded_file, written
from tests.customers.api.sending import send
from tests.customers.values.tables import table_of
from tests.factories import ApiKeyFactory, CustomerFactory, SourceFactory

NOON = "2026-11-30T12"
LINES = [
    line
    for line in table_of("moments")
    if "!in_future" not in line.values() and line["captured"].removeprefix("n:") < NOON
]
SENTENCES = {
    "!moment_invalid": "Write a time like",
    "!out_of_range": "Send a time from 1900 on",
    "!hour_missing": "The clocks were put forward",
    "!hour_twice": "The clocks were put back",
}


def drawn(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def is_refused_whole(raw: str) -> bool:
    """Tell whether no body of the API may hold this, whatever its key."""
    return raw in ("NaN", "1e400") or any(end in raw for end in ("\\ud800", "\\u0000"))


def test_the_api_of_staff(alice, bakery):
    lines = [n for n in LINES if n["strict"] and not is_refused_whole(n["raw"])]
    items = [
        f'{{"name": "{n}", "joined_at": {line["raw"]}}}' for n, line in enumerate(lines)
    ]
    results = []
    for start in range(0, len(items), 100):
        body = f'{{"items": [{", ".join(items[start : start + 100])}]}}'
        answer = alice.post(
            "/api/v1/customers/bulk", body, content_type="application/json"
        )
        results += answer.json()["results"]

    stored = dict(Customer.objects.values_list("name", "joined_at"))
    for line, item, result in zip(lines, items, results, strict=True):
        if line["strict"].startswith("!"):
            [error] = result["errors"]
            is_text = line["raw"].startswith('"')
            code = line["strict"][1:] if is_text else "incorrect_type"
            assert (error["pointer"], error["code"]) == ("/joined_at", code), item
        else:
            assert result["status"] == 201, item
            assert drawn(stored[json.loads(item)["name"]]) == line["strict"], item


def test_the_filters_of_a_list(alice):
    for line in LINES[::4]:
        raw = json.loads(line["raw"])
        if isinstance(raw, str) and raw.strip() and "\ud800" not in raw:
            answer = alice.get("/api/v1/bookings", {"placed_at__gte": raw})
            taken = not line["strict"].startswith("!")
            assert (answer.status_code == 200) == taken, raw
            if not taken:
                [error] = answer.json()["errors"]
                assert error["code"] == line["strict"][1:], raw


def test_files(alice, bakery):
    bakery.timezone = "Europe/Oslo"
    services.save_record(bakery, actor=actor_of(alice.user))
    customer = CustomerFactory(business=bakery)
    cells = []
    for line in LINES:
        raw = json.loads(line["raw"])
        text = raw if isinstance(raw, str) else line["raw"]
        # Neither is in a text of UTF-8 that a spreadsheet writes.
        if raw is not None and "\0" not in text and "\ud800" not in text:
            cells.append((text, line["in_oslo"]))
    rows = [[customer.unique_id, f"B{n}", text] for n, (text, _) in enumerate(cells)]
    text = written(["customer", "external_id", "starts_at"], *rows)
    upload, _findings = loaded_file(
        text, table="booking", business=bakery, actor=actor_of(alice.user)
    )
    shown = services.import_findings(upload)["shown"]["rejected"]
    refused = {row["line"]: dict(row["errors"])["starts_at"] for row in shown}

    stored = dict(Booking.objects.values_list("external_id", "starts_at"))
    for number, (text, outcome) in enumerate(cells):
        if outcome.startswith("!"):
            assert f"B{number}" not in stored, text
            if number + 2 in refused:
                sentence = refused[number + 2]
                assert sentence.startswith(SENTENCES[outcome]), text
        else:
            moment = stored[f"B{number}"]
            assert (drawn(moment) if moment else "") == outcome, text


@pytest.mark.parametrize("key", ["timestamp"])
def test_messages_of_programs(bakery, key):
    source = SourceFactory(business=bakery, slug="shop")
    token = ApiKeyFactory(source=source)
    lines = [line for line in LINES if line["raw"] not in ("NaN", "1e400")]
    items = [
        f'{{"type": "event", "name": "looked", "user_id": "u1", '
        f'"message_id": "m{n}", "{key}": {line["raw"]}}}'
        for n, line in enumerate(lines)
    ]
    for start in range(0, len(items), 100):
        answer = Client().post(
            "/api/v1/captures/batch",
            f'{{"captures": [{", ".join(items[start : start + 100])}]}}',
            content_type="application/json",
            headers={"Authorization": f"Bearer {token.prefix}"},
        )
        assert answer.status_code == 200, answer.content

    stored = {capture.message_id: capture for capture in Capture.objects.all()}
    for number, line in enumerate(lines):
        capture = stored[f"m{number}"]
        outcome = line["captured"]
        codes = {code for code, _pointer in capture.warnings or ()}
        if outcome.startswith("!"):
            assert "unreadable_timestamp" in codes, line["raw"]
            assert capture.original_timestamp is None, line["raw"]
        elif outcome:
            assert drawn(capture.original_timestamp) == outcome.removeprefix("n:")
            assert ("naive_timestamp" in codes) == outcome.startswith("n:"), line["raw"]


def test_null_and_blank_are_no_time(alice, bakery):
    customer = CustomerFactory(business=bakery)
    path = f"/api/v1/customers/{customer.pk}/contacts"
    body = {"name": "Ana", "kind": "emergency"}

    none = send(alice, "POST", path, {**body, "valid_from": None})
    blank = send(alice, "POST", path, {**body, "valid_from": " "})

    assert (none.status_code, none.json()["valid_from"]) == (201, None)
    assert blank.json()["errors"][0]["code"] == "moment_invalid"
