"""Canonical values of columns, and what sealed rows refuse to hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from django import forms
from django.db import models
from django.db.models import F

from audit import canonical
from audit.fields import (
    NullCharField,
    SealedJSONField,
    canonical_value,
    personal_values,
    public_values,
)
from audit.log import record
from audit.models import Event
from audit.privacy.confusables import skeleton
from tests.factories import CreditFactory, CustomerFactory

MONEY = models.DecimalField(name="amount", max_digits=15, decimal_places=2)
MONEY.name = "amount"
MOMENT = models.DateTimeField()
JSON = SealedJSONField()
JSON.name = "data"


@pytest.mark.parametrize("value", [7, "7.00", Decimal("7.0"), Decimal(7)])
def test_one_amount_has_one_form(value):
    assert canonical_value(MONEY, value) == "7.00"


@pytest.mark.parametrize(
    ("value", "form"),
    [("-0.05", "-0.05"), ("-0", "0.00"), ("12.5", "12.50"), ("1E+2", "100.00")],
)
def test_amounts_have_exactly_their_decimals(value, form):
    assert canonical_value(MONEY, Decimal(value)) == form


@pytest.mark.parametrize("value", ["1.005", "1E+20", "NaN", "1234567890123456"])
def test_amounts_that_a_database_would_round_are_refused(value):
    with pytest.raises(ValueError, match="amount"):
        canonical_value(MONEY, Decimal(value))


def test_times_are_utc_with_six_digits():
    east = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 21, 6, 0, 0, 250001, tzinfo=east)

    assert canonical_value(MOMENT, moment) == "2026-11-21T04:00:00.250001Z"


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        canonical_value(MOMENT, datetime(2026, 11, 21))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        (models.BooleanField(), True, True),
        (models.IntegerField(), 7, 7),
        (models.BigIntegerField(), 7, "7"),
        (models.DateField(), date(2026, 11, 21), "2026-11-21"),
        (models.TimeField(), time(4), "04:00:00.000000"),
        (models.BinaryField(), memoryview(b"\x00\xff"), "00ff"),
        (models.CharField(), "é", "é"),
        (models.CharField(), "", ""),
        (NullCharField(), "", None),
        (models.UUIDField(), UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_each_type_has_its_form(field, value, form):
    assert canonical_value(field, value) == form


def test_expressions_cannot_be_sealed():
    with pytest.raises(ValueError, match="expression"):
        canonical_value(models.CharField(), F("name"))


@pytest.mark.parametrize(
    "value", [1.5, Decimal("1.5"), {"é": 1}, {"a": "\0"}, ["\ud800"], 2**53]
)
def test_json_outside_the_profile_is_refused(value):
    with pytest.raises(ValueError, match="data"):
        canonical_value(JSON, value)


def test_a_written_row_holds_the_commitment_of_what_comes_back(actor, db):
    record("test.done", actor=actor, reason="because", data={"n": 1})

    row = Event.objects.get(action="test.done")

    assert bytes(row.commitment) == canonical.commitment(
        "audit.event", str(row.pk), {"reason": "because"}, bytes(row.salt)
    )


def test_history_rows_commit_to_their_personal_columns(db):
    customer = CustomerFactory(name="Zoë", email="zoe@example.org", phone="")

    row = customer.history.get()

    personal = personal_values(row)
    assert personal == {
        "name": "Zoë",
        "name_skeleton": skeleton("Zoë"),
        "email": "zoe@example.org",
        "email_key": "zoe@example.org",
        "email_skeleton": skeleton("zoe@example.org"),
    }
    assert bytes(row.commitment) == canonical.commitment(
        "customers.historicalcustomer", str(row.pk), personal, bytes(row.salt)
    )


def test_public_columns_read_back_in_the_form_they_were_written_in(db):
    credit = CreditFactory(amount=Decimal("12.5"))

    fresh = type(credit).objects.get(pk=credit.pk)

    assert public_values(fresh) == public_values(credit)
    assert public_values(fresh)["amount"] == "12.500"


def test_two_rows_never_share_a_salt(db):
    first, second = CreditFactory(), CreditFactory()

    assert bytes(first.salt) != bytes(second.salt)
    assert first.created_at.tzinfo == UTC


@pytest.mark.parametrize("typed", ["7" * 5000, "[" * 900 + "]" * 900, "{"])
def test_what_nobody_can_read_is_refused_as_no_json(typed):
    class Form(forms.Form):
        data = JSON.formfield()

    form = Form({"data": typed})

    assert form.errors == {"data": ["Enter a valid JSON."]}
    assert "textarea" in form.as_p()
