"""Amounts at every entrance: one table, and what each entrance makes of it.

Differing on purpose:

- The API refuses a number that is none, or that no computer holds, and a text with NUL,
  before it looks at keys (`invalid_number`, `invalid_text`); what is no number and no
  text is `incorrect_type`, as for all its keys; and a column that must have an amount
  takes no blank (`null`).
- Files hold texts. One with NUL is refused as a whole. An empty cell of a new booking
  is the default of the column.
- A refund and credit that is given are more than zero, which the body is refused for
  before the currency is known (`min_value`, `amount_negative`).
- A form in the language of its reader takes numbers as the reader writes them.
- Stripe sends whole numbers of its smallest units.
- PayPal, Stripe: an event may tell of money that another event has told the amount of.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from audit.tenancy.actors import Actor
from capture import services as captures
from capture.models import Capture, Payment, Quarantine
from capture.parsing import parse_body
from customers import services
from customers.admin.acts.forms import AmountField
from customers.models import Booking, Credit, Customer, Refund
from customers.models.fields import AmountFormField
from customers.money import amount_text
from tests.conftest import actor_of, confirm, drawn_data, signed_in, staff
from tests.contract.entrances import load_file, written
from tests.customers.api.sending import send
from tests.customers.values.tables import table_of
from tests.factories import (
    ApiKeyFactory,
    BookingFactory,
    BusinessFactory,
    CustomerFactory,
    PreferencesFactory,
    SourceFactory,
)

pytestmark = pytest.mark.django_db
TABLE = table_of("amounts")
# What the sentences of a refusal are about, where an entrance has no codes.
SENTENCES = {
    "plain number": "!amount_invalid",
    "at most 12 digits": "!amount_too_large",
    "decimals": "!too_many_decimals",
    "zero or more": "!amount_negative",
}


def code_in(sentence: str) -> str:
    return next(code for part, code in SENTENCES.items() if part in sentence)


def text_of(amount: Decimal | None, currency: str) -> str:
    """Return what is stored, or where it is finer than the currency, all of it."""
    if amount is None:
        return ""
    text = amount_text(amount, currency)
    return text if Decimal(text) == amount else str(amount)


# --- the API of staff -----------------------------------------------------------------

# Refused by the parser of bodies, whatever the key.
BY_THE_PARSER = {
    "1E400", "1e-400", "NaN", "Infinity", "100000000000000000000", '"5\\u0000"',
}  # fmt: skip
WRONG_TYPES = {"true", "false", "[]", "[5]", "{}", '{"amount": "5"}'}
# An answer that is taken costs a booking; these few stand for the others.
TAKEN_BY_API = {
    '"10.5000000"', '".5"', '"+5"', '" 5.00 "', "89.99", "1e2", '"-0"', '"1.234"',
    '"500.0"', '"999999999999.99"', '""', "null", '"   "',
}  # fmt: skip


def posted(
    client: Client, customer: Customer, line: dict[str, str], column: str
) -> str:
    more = "" if column == "total_amount" else '"total_amount": "9000", '
    body = f'{{{more}"{column}": {line["raw"]}, "currency": "{line["currency"]}"}}'
    path = f"/api/v1/customers/{customer.pk}/bookings"
    answer = client.post(path, body, "application/json")
    if answer.status_code == 201:
        booking = Booking.objects.get(pk=answer.json()["id"])
        return text_of(getattr(booking, column), booking.currency)
    assert answer.status_code == 400, answer.content
    if not answer.json()["errors"]:
        return f"!{answer.json()['code']}"
    [error] = answer.json()["errors"]
    assert error["pointer"] == f"/{column}"
    return f"!{error['code']}"


def test_a_booking_through_the_api(alice, bakery):
    customer = CustomerFactory(business=bakery)
    expected, got = {}, {}
    for line in TABLE:
        raw, wanted = line["raw"], line["strict"]
        if wanted[:1] != "!" and raw not in TAKEN_BY_API:
            continue
        if raw in BY_THE_PARSER:
            wanted = "!invalid_text" if "u0000" in raw else "!invalid_number"
        elif raw in WRONG_TYPES:
            wanted = "!incorrect_type"
        expected[raw, line["currency"]] = wanted
        got[raw, line["currency"]] = posted(alice, customer, line, "original_amount")

    assert got == expected
    assert (
        posted(alice, customer, {"raw": '" "', "currency": "EUR"}, "total_amount")
        == "!null"
    )


@pytest.mark.parametrize("column", ["total_amount", "paid_amount", "discount_amount"])
def test_each_column_of_a_booking_is_judged(alice, bakery, column):
    customer = CustomerFactory(business=bakery)

    def judged(raw: str, currency: str) -> str:
        return posted(alice, customer, {"raw": raw, "currency": currency}, column)

    assert judged('"500.5"', "JPY") == "!too_many_decimals"
    assert judged("10.005", "EUR") == "!too_many_decimals"
    assert judged('"1_000"', "EUR") == "!amount_invalid"
    assert judged('"\u0665"', "EUR") == "!amount_invalid"
    assert judged('"-5"', "EUR") == "!amount_negative"
    assert judged('"1000000000000"', "EUR") == "!amount_too_large"
    assert judged('"1.234"', "BHD") == "1.234"


def test_refunds_through_the_api(alice, bakery):
    paid = {"status": "completed", "total_amount": 900, "paid_amount": 900}
    yen = BookingFactory(customer__business=bakery, currency="JPY", **paid)
    euro = BookingFactory(customer=yen.customer, currency="EUR", **paid)

    def sent(booking: Booking, raw: str) -> str:
        path = f"/api/v1/bookings/{booking.pk}/refunds"
        body = f'{{"amount": {raw}, "reason_code": "other"}}'
        answer = alice.post(path, body, "application/json")
        if answer.status_code in (201, 202):
            return str(Refund.objects.get(pk=answer.json()["id"]).amount)
        return f"!{answer.json()['errors'][0]['code']}"

    assert sent(yen, '"0.5"') == "!too_many_decimals"
    assert sent(euro, '"1.0049"') == "!too_many_decimals"
    assert sent(euro, '"1_0"') == "!amount_invalid"
    assert sent(euro, '"1e1"') == "!amount_invalid"
    assert sent(euro, '"\u0665"') == "!amount_invalid"
    assert sent(euro, '"-5"') == "!amount_negative"
    assert sent(euro, '"0"') == "!min_value"
    assert sent(euro, '"1000000000000"') == "!amount_too_large"
    assert sent(yen, '"5.0"') == "5.000"
    assert sent(euro, "0.1") == "0.100"


def test_credit_through_the_api(alice, bakery):
    customer = CustomerFactory(business=bakery)

    def sent(path: str, raw: str, currency: str = "EUR") -> str:
        more = "" if path else ', "reason_code": "other"'
        body = f'{{"amount": {raw}, "currency": "{currency}"{more}}}'
        url = f"/api/v1/customers/{customer.pk}/credits{path}"
        answer = alice.post(url, body, "application/json")
        if answer.status_code == 201:
            return str(Credit.objects.get(pk=answer.json()["id"]).amount)
        return f"!{answer.json()['errors'][0]['code']}"

    assert sent("", '"10.005"') == "!too_many_decimals"
    assert sent("", '"0.5"', "JPY") == "!too_many_decimals"
    assert sent("", '"1_000"') == "!amount_invalid"
    assert sent("", '"-5"') == "!amount_negative"
    assert sent("", '"10.5000"') == "10.500"
    assert sent("/spend", '"0.005"') == "!too_many_decimals"
    assert sent("/spend", '"1,5"') == "!amount_invalid"
    assert sent("/spend", '".5"') == "-0.500"


def test_limits_of_a_business_are_in_its_currency(db):
    business = BusinessFactory(currency="JPY", refund_limit=100)
    client = signed_in(staff(business))
    path = f"/api/v1/businesses/{business.pk}"

    def sent(column: str, value: object) -> str:
        confirm(client, "manage_roles")
        answer = send(client, "PATCH", path, {column: value})
        if answer.status_code == 200:
            return str(answer.json()[column])
        return f"!{answer.json()['errors'][0]['code']}"

    for column in ("refund_limit", "high_value_spent"):
        assert sent(column, "500.5") == "!too_many_decimals"
        assert sent(column, "5_0") == "!amount_invalid"
        assert sent(column, -1) == "!amount_negative"
        assert sent(column, "500.0") == "500"
    assert sent("refund_limit", None) == "None"


def test_what_is_spent_on_average_is_in_the_currency_of_the_business(db):
    business = BusinessFactory(currency="JPY")
    customer = CustomerFactory(business=business)
    actor = actor_of(staff(business))

    def stored(amount: object) -> str:
        try:
            row = services.update_preferences(
                customer, actor=actor, average_spend=amount
            )
        except ValidationError as error:
            return f"!{error.error_dict['average_spend'][0].code}"
        return str(row.average_spend)

    PreferencesFactory(customer=customer)
    assert stored("500.5") == "!too_many_decimals"
    assert stored("1_0") == "!amount_invalid"
    assert stored("500") == "500.000"


# --- what was stored before the rule --------------------------------------------------


def test_an_older_amount_keeps_nobody_from_another_change(alice, bakery):
    booking = BookingFactory(
        customer__business=bakery,
        currency="JPY",
        status="completed",
        completed_at=datetime(2026, 1, 1, tzinfo=UTC),
        total_amount=Decimal("500.5"),
        paid_amount=Decimal("500.5"),
        original_amount=Decimal(-1),
    )
    path = f"/api/v1/bookings/{booking.pk}"

    def change(**values: Any) -> Any:
        return send(alice, "PATCH", path, values)

    assert change(payment_method="card").status_code == 200
    assert change(total_amount="500.5", kind="sale").status_code == 200
    [error] = change(total_amount="500.6").json()["errors"]
    assert error["code"] == "too_many_decimals"
    # A file that says the same again, and something else.
    text = f"id,total_amount,payment_method\n{booking.pk},500.500,cash\n"
    assert load(text, bakery, alice) == {}
    form = sent(form_of(alice, booking), payment_method="bill")
    assert form.is_valid(), form.errors
    booking.refresh_from_db()
    assert (booking.payment_method, booking.total_amount) == ("cash", Decimal("500.5"))
    # What is left of it goes back whole, and in no other part of a coin.
    refunds = f"{path}/refunds"
    part = send(alice, "POST", refunds, {"amount": "0.25", "reason_code": "other"})
    whole = send(alice, "POST", refunds, {"reason_code": "other"})
    assert part.json()["code"] == "too_many_decimals"
    assert whole.status_code == 201
    booking.refresh_from_db()
    assert booking.status == "refunded"


def test_a_currency_with_fewer_decimals_does_not_fit_what_is_stored(alice, bakery):
    booking = BookingFactory(
        customer__business=bakery, currency="EUR", total_amount=Decimal("10.50")
    )

    drawn = form_of(alice, booking)
    form = sent(drawn, currency="JPY")
    [error] = form.errors.as_data()["currency"]
    assert error.code == "too_many_decimals"
    both = sent(drawn, currency="JPY", total_amount="1050")
    assert both.is_valid(), both.errors


# --- files ----------------------------------------------------------------------------


def load(text: str, business: Any, client: Any) -> dict[int, Any]:
    """Load a file of bookings; return the refusal of each line that has one."""
    actor = actor_of(client.user)
    return load_file(text, table="booking", business=business, actor=actor)


def texts() -> list[tuple[int, str, dict[str, str]]]:
    """Return the lines whose value is a text, and what a file can hold of it."""
    lines = [(n, json.loads(line["raw"]), line) for n, line in enumerate(TABLE)]
    return [
        (n, raw, line)
        for n, raw, line in lines
        if isinstance(raw, str) and "\0" not in raw
    ]


def test_a_file_of_bookings(alice, bakery):
    customer = CustomerFactory(business=bakery)
    lines = texts()
    header = "customer,external_id,currency,total_amount"
    cells = [
        [customer.unique_id, f"L{n}", line["currency"], raw] for n, raw, line in lines
    ]

    # One of several lines in a cell has several lines in the file.
    wrong = load(written(header.split(","), *cells), bakery, alice)

    stored = {row.external_id: row for row in Booking.objects.all()}
    got = {n: "" for n, _, _ in lines}
    for name, booking in stored.items():
        got[int(name[1:])] = text_of(booking.total_amount, booking.currency)
    numbers = [n for n, _, _ in lines if f"L{n}" not in stored]
    for n, (_, errors) in zip(numbers, sorted(wrong.items()), strict=True):
        [[column, sentence]] = errors
        assert column == "total_amount"
        got[n] = code_in(sentence)
    # An empty cell is the default.
    assert got == {n: line["strict"] or "0.00" for n, _, line in lines}


def test_a_log_of_purchases(bakery, tmp_path):
    # Cells of a log are trimmed lines of their own.
    lines = [one for one in texts() if "\n" not in one[1]]
    got = {}
    for currency in ("EUR", "JPY", "BHD"):
        few = [one for one in lines if one[2]["currency"] == currency]
        path = tmp_path / f"{currency}.csv"
        cells = [[f"c{n}", "2026-01-02", "1", raw] for n, raw, _ in few]
        path.write_text(
            written(["customer", "date", "quantity", "amount"], *cells),
            encoding="utf-8",
        )
        err = StringIO()
        with pytest.raises(SystemExit):
            call_command(
                "import_purchases",
                str(path),
                business=bakery.slug,
                currency=currency,
                stdout=StringIO(),
                stderr=err,
            )
        for said in err.getvalue().splitlines():
            number, _, sentence = said.removeprefix("line ").partition(":")
            if number.isdigit():
                got[few[int(number) - 2][0]] = code_in(sentence)
    for booking in Booking.objects.select_related("customer"):
        n = int(str(booking.customer.external_id)[1:])
        got[n] = text_of(booking.total_amount, booking.currency)
    currencies = ("EUR", "JPY", "BHD")
    assert got == {
        # A purchase has an amount.
        n: line["strict"] or "!amount_invalid"
        for n, _, line in lines
        if line["currency"] in currencies
    }


# --- forms ----------------------------------------------------------------------------


def form_of(client: Any, booking: Booking) -> Any:
    """Return the form of a booking, as its page has drawn it."""
    page = client.get(f"/admin/customers/booking/{booking.pk}/change/")
    return page.context["adminform"].form


def sent(drawn: Any, **changes: str) -> Any:
    """Return the form that comes of a drawn one with changes."""
    stored = Booking.objects.get(pk=drawn.instance.pk)
    return type(drawn)({**drawn_data(drawn), **changes}, instance=stored)


def test_the_form_of_a_booking(alice, bakery):
    booking = BookingFactory(customer__business=bakery, total_amount=Decimal(7))
    drawn = form_of(alice, booking)
    got, expected = {}, {}
    # Of all of them the field is asked below; a form takes its time.
    for n, raw, line in texts()[::4]:
        form = sent(drawn, total_amount=raw, currency=line["currency"])
        assert set(form.errors) <= {"total_amount"}
        expected[n] = line["strict"] or "!required"
        if form.is_valid():
            got[n] = text_of(form.instance.total_amount, line["currency"])
        else:
            got[n] = f"!{form.errors.as_data()['total_amount'][0].code}"

    assert got == expected


def test_the_input_of_an_amount():
    field, column = (
        AmountFormField(required=False),
        Booking._meta.get_field("total_amount"),
    )
    got = {}
    for n, raw, line in texts():
        booking = Booking(currency=line["currency"])
        try:
            amount = field.clean(raw)
            amount = amount and column.clean(amount, booking)
        except ValidationError as error:
            got[n] = f"!{error.code}"
        else:
            got[n] = text_of(amount, line["currency"])

    assert got == {n: line["strict"] for n, _, line in texts()}


@pytest.mark.parametrize(
    ("language", "typed", "read"),
    [
        ("de", "10,50", "10.50"),
        ("de", "1.500", "1500"),
        ("de", "1.234,5", "1234.5"),
        ("de", "-5", "-5"),
        ("en", "10.50", "10.50"),
        ("en", "1,500", "1500"),
        ("de", "1_000", ""),
        ("de", "\u0665", ""),
        ("de", "1e5", ""),
        ("en", "5 €", ""),
    ],
)
def test_who_types_an_amount_writes_numbers_as_usual(language, typed, read):
    field = AmountField(localize=True)
    with translation.override(language):
        if read:
            assert field.clean(typed) == Decimal(read)
            return
        with pytest.raises(ValidationError) as refused:
            field.clean(typed)

    assert refused.value.code == "amount_invalid"
    assert ("1234,50" if language == "de" else "1234.50") in refused.value.messages[0]


# --- programs -------------------------------------------------------------------------


def batched(lines: list[dict[str, str]], item: str, key: Any, path: str, name: str):
    """Send a batch of items, each a line of the table; return what became of each."""
    parts = [
        item % {"n": n, "raw": line["raw"], "currency": line["currency"]}
        for n, line in enumerate(lines)
    ]
    answer = Client().post(
        path,
        f'{{"{name}": [{",".join(parts)}]}}',
        "application/json",
        headers={"Authorization": f"Bearer {key.prefix}"},
    )
    assert answer.status_code == 200, answer.content
    return [r.get("code") for r in answer.json()["results"]]


def outcomes(lines: list[dict[str, str]], codes: list[str | None], key: str) -> list:
    """Return what is stored of each line, and check what is warned of."""
    payments = {row.transaction_id: row for row in Payment.objects.all()}
    kept = list(Quarantine.objects.filter(code="amount_invalid"))
    assert len(kept) == len([code for code in codes if code])
    assert {row.pointer for row in kept} <= {f"/{key}"}
    got = []
    for n, code in enumerate(codes):
        if code:
            got.append(f"!{code}")
            continue
        payment = payments[f"T{n}"]
        capture = Capture.objects.get(pk=payment.first_capture_id)
        notes = dict(capture.warnings or [])
        # The payload has what came.
        sent = json.loads(lines[n]["raw"], parse_float=Decimal)
        assert sent is None or payload_value(capture, key) == sent
        mark = "~" if notes.get("amount_rounded") == f"/{key}" else ""
        got.append(mark + text_of(payment.final_price, payment.currency))
    return got


def payload_value(capture: Capture, key: str) -> object:
    value = json.loads(capture.payload, parse_float=Decimal)
    for name in key.split("/"):
        value = value[name]
    return value


@pytest.fixture
def key(bakery):
    return ApiKeyFactory(source=SourceFactory(business=bakery))


NATIVE = (
    '{"type": "payment", "email": "a@b.org", "transaction_id": "T%(n)s", '
    '"final_price": %(raw)s, "currency": "%(currency)s"}'
)
CLOUDEVENT = (
    '{"specversion": "1.0", "id": "%(n)s", "source": "/s", "type": "x.payment", '
    '"data": {"email": "a@b.org", "transaction_id": "T%(n)s", "amount": %(raw)s, '
    '"currency": "%(currency)s"}}'
)
TRACK = (
    '{"type": "track", "event": "Payment Pending", "messageId": "%(n)s", '
    '"userId": "u1", "properties": {"order_id": "T%(n)s", "revenue": %(raw)s, '
    '"currency": "%(currency)s"}}'
)


@pytest.mark.parametrize(
    ("item", "path", "name", "pointer"),
    [
        (NATIVE, "/api/v1/captures/batch", "captures", "final_price"),
        (CLOUDEVENT, "/api/v1/captures/batch", "captures", "data/amount"),
        (TRACK, "/v1/batch", "batch", "properties/revenue"),
    ],
    ids=["native", "cloudevents", "segment"],
)
def test_a_batch_of_a_program(key, item, path, name, pointer):
    codes = batched(TABLE, item, key, path, name)

    assert outcomes(TABLE, codes, pointer) == [line["captured"] for line in TABLE]


def test_a_file_of_an_older_system(bakery, tmp_path):
    path = tmp_path / "old.db"
    lines = texts()
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "CREATE TABLE payment_data (id INTEGER, user_email TEXT, "
            "transaction_id TEXT, final_price TEXT, currency TEXT)"
        )
        old.executemany(
            "INSERT INTO payment_data VALUES (?, 'a@b.org', ?, ?, ?)",
            [(n, f"T{n}", raw, line["currency"]) for n, raw, line in lines],
        )
    call_command(
        "import_legacy",
        str(path),
        business=bakery.slug,
        stdout=StringIO(),
        stderr=StringIO(),
    )

    payments = {row.transaction_id: row for row in Payment.objects.all()}
    assert Quarantine.objects.exclude(code="amount_invalid").count() == 0
    for n, _, line in lines:
        expected = line["captured"].removeprefix("~")
        payment = payments.get(f"T{n}")
        if payment is None:
            assert expected == "!amount_invalid"
        else:
            assert text_of(payment.final_price, payment.currency) == expected


def paypal(n: int, raw: str, currency: str) -> str:
    amount = f'{{"value": {raw}, "currency_code": "{currency}"}}'
    return (
        f'{{"id": "WH-{n}", "event_type": "PAYMENT.CAPTURE.PENDING", '
        f'"resource": {{"id": "T{n}", "amount": {amount}}}}}'
    )


def standard(n: int, raw: str, currency: str) -> str:
    return (
        f'{{"type": "payment.pending", "data": {{"email": "a@b.org", '
        f'"transaction_id": "T{n}", "amount": {raw}, "currency": "{currency}"}}}}'
    )


@pytest.mark.parametrize(
    ("provider", "event"), [("paypal", paypal), ("standard", standard)]
)
def test_events_of_providers(bakery, provider, event):
    envelopes = []
    for n, line in enumerate(TABLE):
        text = event(n, line["raw"], line["currency"])
        body = parse_body(text.encode())
        envelopes += captures.build_webhook(
            provider, body.value, webhook_id=f"e{n}", trust="webhook"
        )
    captures.ingest(
        envelopes, source=SourceFactory(business=bakery), actor=Actor.system("test")
    )

    payments = {row.transaction_id: row for row in Payment.objects.all()}
    got = []
    for n in range(len(TABLE)):
        payment = payments.get(f"T{n}")
        got.append(
            "!amount_invalid"
            if payment is None
            else text_of(payment.final_price, payment.currency)
        )
    # An event of PayPal is about money, so it has an amount.
    nothing = "!amount_invalid" if provider == "paypal" else ""
    assert got == [line["captured"].removeprefix("~") or nothing for line in TABLE]


ROUTES = [
    ("/api/data-capture/payment", {"user_email": "a@b.org"}, "final_price"),
    ("/api/customer-data/capture-payment", {"email": "a@b.org"}, "payment_amount"),
    ("/api/v1/captures", {"email": "a@b.org", "type": "payment"}, "finalPrice"),
]


@pytest.mark.parametrize(("path", "body", "name"), ROUTES)
def test_a_message_of_each_route(bakery, key, path, body, name):
    def sent(**values: Any) -> Any:
        return Client().post(
            path,
            {**body, **values},
            "application/json",
            headers={"Authorization": f"Bearer {key.prefix}"},
        )

    paid = {"payment_status": "completed"}
    rounded = sent(**paid, **{name: "9.99499"}, transaction_id="T1").json()
    assert rounded["warnings"] == ["amount_rounded", "coerced"]
    assert Booking.objects.get().paid_amount == Decimal("9.99")
    yen = sent(**paid, **{name: "500.5"}, currency="JPY", transaction_id="T2")
    assert yen.json()["warnings"] == ["amount_rounded", "coerced"]

    # What is paid without an amount is no purchase of nothing.
    wrong = [{}, {name: None}, {name: ""}, {name: "0.004"}, {name: "NaN"}, {name: -1}]
    for values in wrong:
        answer = sent(**paid, **values)
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error["code"] == "amount_invalid"
    assert Booking.objects.count() == 2
    assert Quarantine.objects.count() == len(wrong)
    # What is not paid yet may have none, and what costs nothing says so.
    assert sent(payment_status="pending").status_code == 200
    assert sent(**paid, **{name: 0}, transaction_id="T3").status_code == 200


def test_without_a_currency_an_amount_is_in_that_of_the_business():
    source = SourceFactory(business=BusinessFactory(currency="JPY"))
    bodies = [{"final_price": raw} for raw in ("500.5", "0.5", "0.51")]
    envelopes = [
        captures.build_envelopes(
            "payment",
            {"email": "a@b.org", "payment_status": "paid", **body},
            trust="server",
        )[0]
        for body in bodies
    ]

    verdicts = captures.ingest(envelopes, source=source, actor=Actor.system("test"))

    assert [verdict.code for verdict in verdicts] == [None, "amount_invalid", None]
    paid = Booking.objects.order_by("paid_amount").values_list("paid_amount", flat=True)
    assert list(paid) == [1, 500]


def test_a_refund_before_its_payment_is_no_purchase(bakery):
    source = SourceFactory(business=bakery)

    def sent(**body: Any) -> None:
        known = {"email": "a@b.org", "transaction_id": "T1"}
        envelopes = captures.build_envelopes(
            "payment", {**known, **body}, trust="server"
        )
        captures.ingest(envelopes, source=source, actor=Actor.system("test"))

    sent(payment_status="refunded", amount_refunded="5.00")
    assert not Booking.objects.exists()
    sent(payment_status="completed", final_price="12.00")
    assert Booking.objects.get().paid_amount == 12
    assert Refund.objects.get().amount == 5
