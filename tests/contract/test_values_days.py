"""A day means the same at every entrance: one table is sent through those with days.

A form reads a day as the language of the person writes it, besides as the table has it:
its browser sends what it shows.
"""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from customers.admin.acts.forms import DayField
from tests.customers.values.tables import table_of
from tests.factories import CustomerFactory

LINES = table_of("days")
# What German and English inputs of a day hold.
LOCAL = {"20/11/2026", "11/20/2026", "05/06/2026", "20.11.2026"}

# What no body of the API may hold, whatever its key.
UNSENT = ("NaN", "1e400", "\\ud800", "\\u0000")


def test_the_api_of_staff(alice, bakery):
    customer = CustomerFactory(business=bakery)
    path = f"/api/v1/customers/{customer.pk}/credits"
    for line in LINES:
        if any(unsent in line["raw"] for unsent in UNSENT):
            continue
        # Refused in any case, so that no credit is issued.
        body = f'{{"amount": "-1", "currency": "EUR", "expires_on": {line["raw"]}}}'
        answer = alice.post(path, body, content_type="application/json").json()
        codes = {e["code"] for e in answer["errors"] if e["pointer"] == "/expires_on"}
        raw = json.loads(line["raw"])
        if not isinstance(raw, str):
            expected = {"null"} if raw is None else {"incorrect_type"}
        elif not raw.strip():
            expected = {"day_invalid"}
        else:
            expected = {line["day"][1:]} if line["day"].startswith("!") else set()
        assert codes == expected, (line, answer)


@pytest.mark.django_db
def test_forms():
    field = DayField(required=False)
    for line in LINES:
        raw = json.loads(line["raw"])
        if not isinstance(raw, str) or raw in LOCAL:
            continue
        try:
            day = field.clean(raw)
            outcome = day.isoformat() if day else ""
        except ValidationError as error:
            outcome = f"!{error.error_list[0].code}"
        assert outcome == line["day"], raw
