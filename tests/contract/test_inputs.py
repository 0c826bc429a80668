"""Files and messages from reports, each sent through the entrance that it is for.

They are in `tests/data/inputs/`, and each of them is sent here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture import services as captures
from capture.models import Capture, Payment
from customers.choices import ConsentAction
from customers.models import Booking, ConsentEvent, Customer, CustomerStats
from tests.capture.adapters import test_paypal_signatures as signatures
from tests.conftest import search, signed_in, staff
from tests.customers.admin.test_exchange import confirm, counts
from tests.customers.api.sending import post
from tests.factories import (
    ApiKeyFactory,
    BusinessFactory,
    ConsentEventFactory,
    CustomerFactory,
    PreferencesFactory,
    SourceFactory,
    WebhookEndpointFactory,
)

FOLDER = Path(__file__).parents[1] / "data" / "inputs"
THIS = Path(__file__).read_text()
CUSTOMERS, BOOKINGS = "/admin/customers/customer/", "/admin/customers/booking/"


def said(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def test_each_of_them_is_sent_here():
    names = {path.name for path in FOLDER.iterdir()} - {"README.md"}

    assert {name for name in names if f'"{name}"' not in THIS} == set()


def send_file(client: Client, name: str, path: str = CUSTOMERS) -> Any:
    """Send a file to the page of imports and return the page that answers."""
    data = (FOLDER / name).read_bytes()
    file = SimpleUploadedFile(name, data, "text/csv")
    return client.post(f"{path}import/", {"import_file": file}, follow=True)


# --- files, in the admin ------------------------------------------------------------


def test_opt_outs_of_a_file_take_effect_and_what_is_not_read_is_named(alice, bakery):
    preview = send_file(alice, "02-do-not-contact.csv")

    assert counts(preview) == {"new": 1}
    assert "Not known, and left out: unsubscribed." in preview.text
    confirm(alice, preview)
    nora = Customer.objects.get(email="nora@example.test")
    assert nora.preferences.do_not_contact
    event = ConsentEvent.objects.filter(customer=nora).latest("occurred_at")
    assert event.action in {ConsentAction.REFUSED, ConsentAction.WITHDRAWN}


def test_two_columns_of_one_name_are_refused(alice, bakery):
    page = send_file(alice, "02-duplicate-header.csv")

    assert "Columns 3 and 4 have one name. Rename one." in page.text
    assert not Customer.objects.exists()


def test_a_header_in_another_spelling_is_read_and_the_rest_is_named(alice, bakery):
    preview = send_file(alice, "02-header-other-spelling.csv")

    assert counts(preview) == {"new": 1}
    assert "Not known, and left out: Phone Number." in preview.text
    confirm(alice, preview)
    heidi = Customer.objects.get()
    assert (heidi.name, heidi.email) == ("Heidi Kopf", "heidi@example.test")


def test_a_file_of_a_shop_says_what_it_does_not_take_and_why(alice, bakery):
    preview = send_file(alice, "02-shopify-customers.csv")

    assert counts(preview) == {"rejected": 1}
    assert "Accepts Email Marketing" in preview.text
    assert "There is nothing to load." in preview.text


def test_a_row_with_more_cells_than_columns_is_rejected(alice, bakery):
    preview = send_file(alice, "02-unquoted-comma.csv")

    assert counts(preview) == {"rejected": 1}
    assert "Does a comma lack quotes?" in preview.text


@pytest.mark.parametrize(
    "name",
    [
        "02-excel-sep-line.csv",
        "12-excel-unicode-text-utf16.csv",
        "12-excel-windows-1252.csv",
    ],
)
def test_what_spreadsheets_save_is_read_to_the_letter(alice, bakery, name):
    preview = send_file(alice, name)

    assert counts(preview) == {"new": 2}, preview.text
    confirm(alice, preview)
    read = set(Customer.objects.values_list("name", "email", "location"))
    assert read == {
        ("Åsa Öberg", "asa.oberg@example.test", "Köln"),
        ("Zoë Brontë", "zoe@example.test", "Düren"),
    }


def test_amounts_finer_than_the_coin_are_rejected_rows(alice, bakery):
    CustomerFactory(business=bakery, email="somebody@example.test")

    preview = send_file(alice, "03-amounts.csv", BOOKINGS)

    assert counts(preview) == {"rejected": 3}
    assert not Booking.objects.exists()


def test_days_of_a_file_are_days_of_the_business(clock):
    clock.jump(hours=(datetime(2027, 1, 5, tzinfo=UTC) - clock.now).days * 24)
    business = BusinessFactory(timezone="America/New_York")
    browser = signed_in(staff(business))

    confirm(browser, send_file(browser, "06-day-only-new-york-customers.csv"))
    confirm(browser, send_file(browser, "06-day-only-new-york-bookings.csv", BOOKINGS))

    nina = Customer.objects.get()
    assert nina.joined_at == datetime(2026, 11, 21, 5, tzinfo=UTC)
    first, second = Booking.objects.order_by("external_id")
    assert first.completed_at == datetime(2026, 11, 21, 5, tzinfo=UTC)
    assert second.completed_at == datetime(2026, 12, 2, 4, 30, tzinfo=UTC)
    nina.stats.refresh_from_db()
    assert str(nina.stats.first_purchase_date) == "2026-11-21"
    assert str(nina.stats.last_purchase_date) == "2026-12-01"


def test_blank_cells_keep_what_is_stored(alice, bakery):
    blank = CustomerFactory(
        business=bakery,
        name="Blank Two",
        email="blank@example.test",
        phone="+47 22 00 00 00",
        location="Oslo",
        external_id="X-1",
        is_email_verified=True,
    )

    preview = send_file(alice, "09-empty-cells.csv")

    assert counts(preview) == {"unchanged": 1}
    blank.refresh_from_db()
    assert (blank.phone, blank.location) == ("+47 22 00 00 00", "Oslo")


def test_a_blank_after_an_address_makes_nobody_else(alice, bakery):
    CustomerFactory(business=bakery, name="Trail", email="pat.trail@example.test")

    preview = send_file(alice, "11-blank-after-address.csv")

    assert counts(preview) == {"unchanged": 1}


def test_a_log_knows_a_person_by_the_address_in_any_spelling(bakery):
    log = FOLDER / "05-purchases-by-email.csv"

    call_command("import_purchases", str(log), business=bakery.slug, stdout=StringIO())

    customer = Customer.objects.get()
    assert customer.email == "purch.a@example.test"
    assert Booking.objects.filter(customer=customer).count() == 2


def test_a_log_whose_quote_is_not_closed_is_one_sentence(bakery, tmp_path):
    text = (FOLDER / "05-unclosed-quote.md").read_text()
    assert "unclosed.csv" in text
    log = tmp_path / "unclosed.csv"
    head = 'customer,date,quantity,amount\nk4,2026-10-01,1,10.00\n"k5,2026-10-01,1,10'
    log.write_text(f"{head}.00\n{'x' * 200_000}\n")

    with pytest.raises(CommandError, match="In line 3 a quote is not closed") as caught:
        call_command("import_purchases", str(log), business=bakery.slug)
    assert caught.value.returncode == 1
    assert "Nothing was loaded." in str(caught.value)
    assert not Booking.objects.exists()


def test_a_return_in_a_log_is_listed_and_not_lost(bakery):
    log, err = FOLDER / "05-purchases-with-return.csv", StringIO()

    with pytest.raises(SystemExit) as stopped:
        call_command(
            "import_purchases", str(log), business=bakery.slug, stdout=err, stderr=err
        )

    assert stopped.value.code == 1
    assert "line 3: The quantity is wrong." in err.getvalue()
    assert "as a refund" in err.getvalue()
    assert Booking.objects.get().total_amount == 20


# --- messages -----------------------------------------------------------------------


@pytest.fixture
def source(bakery):
    return SourceFactory(business=bakery, slug="shop")


@pytest.mark.parametrize("body", said("01-consent-as-text.json")["bodies"], ids=str)
def test_a_no_in_any_spelling_is_a_no(bakery, source, body):
    customer = CustomerFactory(business=bakery, email="opt@example.test")
    PreferencesFactory(customer=customer)
    ConsentEventFactory(customer=customer, purpose="marketing", action="given")
    key = ApiKeyFactory(source=source)
    is_native = "type" in body
    path = "/api/v1/captures" if is_native else "/api/v1/tracking/profiles"
    headers = {"Authorization": f"Bearer {key.prefix}"}

    answer = post(Client(), path, body, **headers)

    assert answer.status_code == 200, answer.content
    newest = ConsentEvent.objects.filter(customer=customer).latest("created_at")
    assert newest.action == ConsentAction.WITHDRAWN


@pytest.mark.parametrize(
    "body", said("03-amounts-finer-than-the-coin.json")["bookings"], ids=str
)
def test_a_booking_finer_than_the_coin_is_refused(alice, bakery, body):
    customer = CustomerFactory(business=bakery)

    answer = post(alice, f"/api/v1/customers/{customer.pk}/bookings", body)

    assert answer.status_code == 400
    codes = {error["code"] for error in answer.json()["errors"]}
    assert codes <= {"too_many_decimals", "amount_invalid"}
    assert not Booking.objects.exists()


def times() -> list[tuple[str, Any, str]]:
    file = said("08-times-at-staff-doors.json")
    lying_ahead, without_zone = file["bookings"]
    return [
        ("bookings", lying_ahead, "in_future"),
        ("bookings", without_zone, "zone_missing"),
        ("customers", file["customers"][0], "in_future"),
    ]


@pytest.mark.parametrize(("kind", "body", "code"), times())
def test_a_time_that_cannot_be_is_refused(alice, bakery, kind, body, code):
    path = "/api/v1/customers"
    if kind == "bookings":
        path += f"/{CustomerFactory(business=bakery).pk}/bookings"

    answer = post(alice, path, body)

    assert answer.status_code == 400
    assert [error["code"] for error in answer.json()["errors"]] == [code]


def test_a_cloud_event_whose_data_is_base64_is_read(source):
    key = ApiKeyFactory(source=source)
    headers = {"Authorization": f"Bearer {key.prefix}"}
    event = (FOLDER / "10-segment-legal-cloudevent-base64.json").read_bytes()

    answer = Client().post(
        "/api/v1/captures", event, "application/cloudevents+json", headers=headers
    )

    assert answer.status_code == 200, answer.content
    payload = json.loads(str(Capture.objects.get().payload))
    assert payload["data"] == {"user_id": "ceu", "name": "z"}


def test_a_secret_in_base64_is_not_kept(source):
    key = ApiKeyFactory(source=source)
    event = said("10-segment-legal-cloudevent-base64.json")
    data = json.dumps({"user_id": "ceu", "password": "hunter2-hunter2"}).encode()
    event["data_base64"] = base64.b64encode(data).decode()

    answer = post(
        Client(), "/api/v1/captures", event, Authorization=f"Bearer {key.prefix}"
    )

    assert "secret_redacted" in answer.text
    payload = str(Capture.objects.get().payload)
    assert "hunter2" not in payload
    assert event["data_base64"] not in payload


def test_refunds_of_segment_without_an_amount_are_all_and_others_add_up(source):
    key = ApiKeyFactory(source=source)
    basic = base64.b64encode(f"{key.prefix}:".encode()).decode()

    for event in said("04-segment-order-refunded.json")["events"]:
        answer = post(Client(), "/v1/track", event, Authorization=f"Basic {basic}")
        assert answer.status_code == 200, answer.content

    whole, part = Payment.objects.order_by("final_price")
    assert (whole.state, whole.amount_refunded) == ("refunded", 50)
    assert (part.state, part.amount_refunded) == ("partially_refunded", 60)
    assert CustomerStats.objects.get().total_spent == 40
    assert set(Booking.objects.values_list("status", flat=True)) == {
        "refunded",
        "completed",
    }


# --- the search ---------------------------------------------------------------------

SEARCHES = [
    ({kind: stored}, text)
    for kind, lines in (
        ("name", said("07-search-table.json")["names"]),
        ("phone", said("07-search-table.json")["phones"]),
    )
    for stored, texts in lines
    for text in texts
]


@pytest.mark.parametrize(("columns", "text"), SEARCHES, ids=str)
def test_each_box_and_route_finds_whom_somebody_means(bakery, columns, text):
    stored = str(columns.get("phone", ""))
    for country, prefix in (("TR", "+90"), ("GB", "+44")):
        if stored.startswith(prefix):
            bakery.country = country
            bakery.save()
    customer = CustomerFactory(business=bakery, **columns)
    CustomerFactory(business=bakery, name="Zoe Quill", phone="+1 212 555 0199")
    browser = signed_in(staff(bakery))
    who = str(customer.pk)

    listed = browser.get("/api/v1/customers", {"search": text}).json()["results"]
    quick = browser.get(f"/api/customers/{bakery.slug}/search", {"q": text}).json()
    page = search(browser, CUSTOMERS, text)

    assert [row["id"] for row in listed] == [who]
    assert [row["id"] for row in quick["customers"]] == [who]
    assert [str(row.pk) for row in page.context["cl"].result_list] == [who]


# --- webhooks of PayPal and Stripe --------------------------------------------------


def test_two_refunds_of_one_sale_are_two(source):
    endpoint = WebhookEndpointFactory(
        source=source,
        provider="paypal",
        paypal_webhook_id=signatures.WEBHOOK,
        certificate=signatures.certificate(begins=-9999, ends=9999).decode(),
    )

    for event in said("04-paypal-sale-refunded-twice.json")["events"]:
        raw = json.dumps(event).encode()
        signed = signatures.headers(raw, at=timezone.now(), webhook=signatures.WEBHOOK)
        answer = Client().post(
            f"/api/v1/webhooks/paypal/{endpoint.pk}",
            raw,
            content_type="application/json",
            headers=signed,
        )
        assert answer.status_code == 200, answer.content

    payment = Payment.objects.get()
    assert (payment.state, payment.amount_refunded) == ("partially_refunded", 60)
    assert CustomerStats.objects.get().total_spent == 40


@pytest.fixture
def deliver(source):
    endpoint = WebhookEndpointFactory(source=source)
    captures.add_secret(endpoint, "whsec_test", actor=Actor.system("test"))

    def send(event: Any) -> Any:
        raw, moment = json.dumps(event).encode(), int(time.time())
        signed = f"{moment}.".encode() + raw
        mark = hmac.new(b"whsec_test", signed, hashlib.sha256).hexdigest()
        return (
            Client()
            .post(
                f"/api/v1/webhooks/stripe/{endpoint.pk}",
                raw,
                content_type="application/json",
                headers={"Stripe-Signature": f"t={moment},v1={mark}"},
            )
            .json()
        )

    return send


def test_a_refund_that_failed_is_none(deliver):
    for event in said("04-stripe-refund-that-failed.json")["events"]:
        assert deliver(event)["status"] == "accepted"

    payment = Payment.objects.get()
    assert (payment.state, payment.amount_refunded) == ("paid", 0)
    assert Booking.objects.get().status == "completed"
    assert CustomerStats.objects.get().total_spent == 10


def test_a_delivery_that_only_counts_itself_is_a_duplicate(deliver):
    first, again = said("09-stripe-redelivery.json")["events"]

    statuses = [deliver(event)["status"] for event in (first, again)]

    assert statuses == ["accepted", "duplicate"]
    assert Booking.objects.get().paid_amount == Decimal(10)


def test_whom_the_provider_deleted_is_made_by_nobody(deliver):
    answer = deliver(said("13-stripe-customer-deleted.json")["event"])

    assert answer["status"] == "accepted"
    assert Capture.objects.count() == 1
    assert not Customer.objects.exists()
