"""Names at every entrance: refused where somebody can type them anew, else cleaned.

Exceptions, each with its reason:

- Endpoints have codes of their own for what no text column takes, and for no name.
- A file has no NUL and no half a character. An empty cell names nobody.
"""

from __future__ import annotations

import json

from capture.models import Capture
from customers.models import Customer
from tests.conftest import actor_of, form_data, staff
from tests.contract.entrances import load_file, send_captures, written
from tests.customers.values.tables import table_of
from tests.factories import CustomerFactory

LINES = [
    (n, json.loads(line["raw"]), line["name"], line["captured"])
    for n, line in enumerate(table_of("names"))
]
SOME = LINES[::7]
OTHERWISE = {
    "incorrect_type",
    "max_length",
    "blank",
    "null",
    "null_characters_not_allowed",
    "surrogate_characters_not_allowed",
}


def test_endpoints_of_staff(alice, bakery):
    ana = CustomerFactory(business=bakery)
    for _, raw, name, _ in SOME:
        path = f"/api/v1/customers/{ana.pk}"
        answer = alice.patch(path, {"name": raw}, "application/json")
        if not name or name.startswith("!"):
            assert answer.status_code == 400, raw
            codes = {error["code"] for error in answer.json()["errors"]}
            assert codes <= {name[1:], *OTHERWISE}, raw
        else:
            ana.refresh_from_db()
            assert ana.name == name, raw


def test_forms(alice, bakery):
    page = "/admin/customers/customer/add/"
    base = form_data(alice, page, business=str(bakery.pk))
    for n, raw, name, _ in SOME:
        if not isinstance(raw, str) or "\ud800" in raw:
            continue
        sent = {"name": raw, "email": f"n{n}@example.org", "create_anyway": "on"}
        answer = alice.post(page, base | sent)
        if not name or name.startswith("!"):
            assert "name" in answer.context["adminform"].form.errors, raw
        else:
            assert answer.status_code == 302, raw
            assert Customer.objects.get(email=sent["email"]).name == name, raw


def test_files(bakery):
    actor = actor_of(staff(bakery, "admin"))
    good = [
        line
        for line in LINES
        if isinstance(line[1], str) and not {"\0", "\ud800", "\r"} & set(line[1])
    ]
    cells = [[f"n{n}", raw] for n, raw, *_ in good]

    rejected = load_file(
        written(["external_id", "name"], *cells),
        table="customer",
        business=bakery,
        actor=actor,
    )

    stored = {row.external_id: row.name for row in Customer.objects.all()}
    for number, (n, raw, name, _) in enumerate(good, start=2):
        if not name or name.startswith("!"):
            assert "name" in [where for where, _ in rejected.pop(number)], raw
        else:
            assert stored[f"n{n}"] == name, raw
    assert not rejected


def test_captures(bakery):
    lines = [line for line in LINES if len(str(line[1])) < 1000]
    messages = [
        {"type": "signup", "email": f"n{n}@example.org", "full_name": raw}
        for n, raw, *_ in lines
    ]

    results = send_captures(messages, bakery)

    stored = {row.email: row.name for row in Customer.objects.all()}
    warnings = dict(Capture.objects.values_list("email", "warnings"))
    for (n, raw, _, captured), result in zip(lines, results, strict=True):
        email = f"n{n}@example.org"
        assert result["status"] == "accepted", raw
        is_warned = "invisible_name" in [code for code, _ in warnings[email] or ()]
        assert is_warned == captured.startswith("~"), (raw, result)
        assert stored[email] == (captured.lstrip("~") or email), raw
