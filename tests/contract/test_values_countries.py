"""Countries at every entrance: stored as alpha-2, refused without a repetition.

Exceptions: endpoints have codes of their own for what no text column takes. Captures
hold no country.
"""

from __future__ import annotations

import json

from customers.models import Address
from tests.conftest import actor_of, form_data, staff
from tests.contract.entrances import load_file, written
from tests.customers.values.tables import table_of
from tests.factories import CustomerFactory

LINES = [
    (n, json.loads(line["raw"]), line["country"])
    for n, line in enumerate(table_of("countries"))
]
SOME = [line for line in LINES if not isinstance(line[1], str)] + LINES[::8]
OTHERWISE = {
    "incorrect_type",
    "max_length",
    "null_characters_not_allowed",
    "surrogate_characters_not_allowed",
}


def test_endpoints_of_staff(alice, bakery):
    owner = CustomerFactory(business=bakery)
    for _, raw, country in SOME:
        path = f"/api/v1/customers/{owner.pk}/addresses"
        answer = alice.post(path, {"raw": "x", "country": raw}, "application/json")
        if country.startswith("!"):
            assert answer.status_code == 400, raw
            [error] = answer.json()["errors"]
            assert error["code"] in {country[1:], *OTHERWISE}, raw
            assert not isinstance(raw, str) or len(raw) < 4 or raw not in answer.text
        elif raw is None or raw.strip():
            assert answer.json()["country"] == (country or None), raw


def test_the_document_of_the_hub_and_the_business(alice, bakery):
    body = {"name": "Bo", "email": "bo@example.org", "addresses": [{"country": "nor"}]}
    made = alice.post("/api/admin/customers", body, "application/json")
    bakery.country = "gbr"
    bakery.clean_fields()

    assert made.status_code == 201, made.content
    assert Address.objects.get().country == "NO"
    assert bakery.country == "GB"


def test_forms(alice, bakery):
    owner = CustomerFactory(business=bakery)
    page = "/admin/customers/address/add/"
    base = form_data(alice, page, customer=str(owner.pk), raw="x")
    for _, raw, country in LINES[::6]:
        if not isinstance(raw, str):
            continue
        answer = alice.post(page, base | {"country": raw})
        if country.startswith("!"):
            assert "country" in answer.context["adminform"].form.errors, raw
        else:
            assert answer.status_code == 302, raw
            assert (Address.objects.latest("pk").country or "") == country, raw


def test_files(bakery):
    actor = actor_of(staff(bakery, "admin"))
    owner = CustomerFactory(business=bakery)
    good = [
        line
        for line in LINES
        if isinstance(line[1], str) and not {"\0", "\ud800"} & set(line[1])
    ]
    cells = [[owner.unique_id, f"L{n}", raw] for n, raw, _ in good]

    rejected = load_file(
        written(["customer", "label", "country"], *cells),
        table="address",
        business=bakery,
        actor=actor,
    )

    stored = {row.label: row for row in Address.objects.all()}
    for number, (n, raw, country) in enumerate(good, start=2):
        if country.startswith("!"):
            assert [name for name, _ in rejected.pop(number)] == ["country"], raw
        else:
            assert (stored[f"L{n}"].country or "") == country, raw
    assert not rejected
