"""Phone numbers at every entrance: what is stored, warned of or refused.

People and files may store what cannot be called, as it is typed, and are warned: staff
write down what they are told. What a spreadsheet has damaged is refused there. Programs
are warned of both, and the capture keeps what came.

Exceptions, each with its reason:

- Endpoints have codes of their own for what no text column takes: another type, too
  many characters, a NUL, half a character.
- A file has no NUL and no half a character: it is UTF-8.
- Captures cut signs that nobody sees out of a number: nobody is found by it.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib.messages import get_messages

from capture.models import Capture
from customers import services
from customers.models import Address, Contact, Customer
from customers.values.phone_number import is_damaged
from tests.conftest import actor_of, form_data, staff
from tests.contract.entrances import load_file, send_captures, written
from tests.customers.values.tables import table_of
from tests.factories import CustomerFactory

LINES = [
    (n, json.loads(line["raw"]), line["country"], line["number"])
    for n, line in enumerate(table_of("phones"))
]
COUNTRIES = sorted({country for _, _, country, _ in LINES} - {""})
# One of each kind, where an entrance takes one at a time.
SOME = [line for line in LINES if line[2] == "NO"][::4] + [
    line for line in LINES if line[2] == "DE" and line[3].startswith("!")
]
OTHERWISE = {
    "incorrect_type",
    "max_length",
    "null_characters_not_allowed",
    "surrogate_characters_not_allowed",
}


def is_refused(raw: Any, number: str) -> bool:
    """Tell whether people and files cannot store a value."""
    if not isinstance(raw, str):
        return raw is not None
    is_unusable = is_damaged(raw) or len(raw.strip()) > 50 or "\0" in raw
    return number == "!invisible_character" or is_unusable


def key_of(number: str) -> str:
    return "" if number.startswith("!") else number


def test_endpoints_of_staff(alice, bakery):
    owner = CustomerFactory(business=bakery)
    for _, raw, country, number in SOME:
        # The number of an address is of the country of that address.
        body = {"country": country, "raw": "x", "phone": raw}
        path = f"/api/v1/customers/{owner.pk}/addresses"
        answer = alice.post(path, body, "application/json")
        if is_refused(raw, number):
            assert answer.status_code == 400, raw
            codes = {error["code"] for error in answer.json()["errors"]}
            assert codes <= {number[1:], *OTHERWISE}, raw
        elif raw is not None and not raw.strip():
            assert answer.status_code == 400
        else:
            assert answer.status_code == 201, raw
            row = Address.objects.get(pk=answer.json()["id"])
            assert (row.phone_e164 or "") == key_of(number), raw


def test_forms_warn_of_what_nobody_can_call(alice, bakery):
    owner = CustomerFactory(business=bakery)
    page = "/admin/customers/address/add/"
    base = form_data(alice, page, customer=str(owner.pk), raw="x")
    for _, raw, country, number in SOME:
        if not isinstance(raw, str):
            continue
        answer = alice.post(page, base | {"phone": raw, "country": country})
        if is_refused(raw, number):
            assert "phone" in answer.context["adminform"].form.errors, raw
            continue
        assert answer.status_code == 302, raw
        said = [str(message) for message in get_messages(answer.wsgi_request)]
        is_warned = any("no number" in text for text in said)
        assert is_warned == (number == "!phone_invalid"), raw
        if is_warned:
            # Reads it, or it would still be there.
            alice.get(page)
        row = Address.objects.latest("pk")
        assert (row.phone_e164 or "") == key_of(number), raw


def test_files(bakery):
    actor = actor_of(staff(bakery, "admin"))
    owner = CustomerFactory(business=bakery)
    good = [
        line
        for line in LINES
        if isinstance(line[1], str) and not {"\0", "\ud800"} & set(line[1]) and line[2]
    ]
    head = ["customer", "label", "country", "phone"]
    cells = [[owner.unique_id, f"L{n}", where, raw] for n, raw, where, _ in good]

    rejected = load_file(
        written(head, *cells), table="address", business=bakery, actor=actor
    )

    stored = {row.label: row for row in Address.objects.all()}
    for number, (n, raw, _, outcome) in enumerate(good, start=2):
        if is_refused(raw, outcome):
            assert [name for name, _ in rejected.pop(number)] == ["phone"], raw
        else:
            assert (stored[f"L{n}"].phone_e164 or "") == key_of(outcome), raw
    assert not rejected


def test_captures(bakery):
    bakery.country = "NO"
    bakery.as_actor(actor_of(staff(bakery, "admin"))).save()
    lines = [line for line in LINES if line[2] == "NO" and len(str(line[1])) < 1000]

    results = send_captures(
        [
            {"type": "signup", "email": f"m{n}@example.org", "phone": raw}
            for n, raw, *_ in lines
        ],
        bakery,
    )

    stored = {row.email: row for row in Customer.objects.all()}
    warnings = dict(Capture.objects.values_list("email", "warnings"))
    for (n, raw, _, number), result in zip(lines, results, strict=True):
        assert result["status"] == "accepted", raw
        if number == "!invisible_character" or (isinstance(raw, str) and "\0" in raw):
            continue
        row = stored[f"m{n}@example.org"]
        codes = [code for code, _ in warnings[row.email] or ()]
        is_warned = "phone_invalid" in codes
        assert is_warned == number.startswith("!"), (raw, codes)
        assert (row.phone_e164 or "") == key_of(number), raw
        if is_damaged(str(raw)):
            assert not row.phone or row.phone_e164, raw
    assert Capture.objects.count() == len(lines)


def test_a_contact_and_a_customer_are_called_from_the_country_of_the_business(
    alice, bakery
):
    bakery.country = "DE"
    bakery.as_actor(actor_of(alice.user)).save()
    typed = "+49 (0) 171 1234567 ext. 5"

    made = alice.post(
        "/api/v1/customers", {"name": "Bo", "phone": typed}, "application/json"
    ).json()
    owner = Customer.objects.get(pk=made["id"])
    alice.post(
        f"/api/v1/customers/{owner.pk}/contacts",
        {"kind": "phone", "phone": "0171/1234567"},
        "application/json",
    )

    assert (owner.phone, owner.phone_e164) == (typed, "+491711234567")
    assert Contact.objects.get().phone_e164 == owner.phone_e164
    for text in (
        typed,
        "0171 1234567",
        "٠١٧١١٢٣٤٥٦٧",
        "00491711234567",
        "491711234567",
    ):
        found = services.search_customers(text, actor=actor_of(alice.user))
        assert found == [owner], text
