"""What happens at half past eleven in the evening has that day on every page of staff.

All that a person can have is made at that time: what they sent, wrote, agreed to, paid
and got back. Then each list, each row and each tab is read: none names a day beside it.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from customers import services
from customers.models import Booking, CustomerStats
from customers.selectors import business_metrics
from tests.conftest import actor_of
from tests.contract.test_one_day import (
    DAY,
    EVENING,
    ZONES,
    neighbours,
    text_of,
)
from tests.customers.admin.acting import paid_booking
from tests.factories import (
    AddressFactory,
    ApiKeyFactory,
    ConsentEventFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    NoteFactory,
    RefundFactory,
    SourceFactory,
    TicketFactory,
    TicketMessageFactory,
)

MESSAGES = [
    {"type": "signup", "full_name": "Zelda", "signup_date": None},
    {"type": "login", "login_time": None},
    {"type": "payment", "payment_status": "completed", "final_price": 7,
     "currency": "EUR", "transaction_id": "T-7", "payment_date": None},
    {"type": "questionnaire", "trading_goals": "bread", "timestamp": None},
    {"type": "dashboard", "dashboard_data": {"n": 1}, "timestamp": None},
    {"type": "event", "name": "looked", "timestamp": None},
]  # fmt: skip
# What has a time of its own in its list.
DATED = (
    *("customers_booking", "customers_note", "customers_consentevent"),
    *("customers_refund", "capture_capture", "capture_payment", "capture_signup"),
    *("capture_login", "capture_questionnaire", "capture_dashboardsnapshot"),
)
TABS = ("overview", "bookings", "tickets", "notes", "consent", "captures", "history")
ARGUMENTS = ("created_at", "updated_at", "occurred_at", "received_at", "joined_at",
             "placed_at", "completed_at", "set_at", "sent_at", "due_at",
             "requested_at", "decided_at", "valid_from", "valid_to")  # fmt: skip


def at(factory, moment, **fields):
    """Make a row of which each time is this moment."""
    model = factory._meta.model
    names = {field.name for field in model._meta.fields}
    return factory(**{n: moment for n in ARGUMENTS if n in names}, **fields)


@pytest.fixture(params=ZONES)
def evening(request, bakery, actor):
    bakery.timezone = request.param
    services.save_record(bakery, actor=actor)
    return EVENING.replace(tzinfo=ZoneInfo(request.param))


@pytest.fixture
def person(evening, bakery):
    """Return a customer with a row of each kind, made in that evening."""
    customer = at(CustomerFactory, evening, business=bakery, email="zelda@example.org")
    booking = paid_booking(customer, placed_at=evening, completed_at=evening)
    for factory in (AddressFactory, ContactFactory, NoteFactory, FlagFactory,
                    ConsentEventFactory, CreditFactory):  # fmt: skip
        at(factory, evening, customer=customer)
    ticket = at(TicketFactory, evening, customer=customer)
    at(TicketMessageFactory, evening, ticket=ticket)
    at(RefundFactory, evening, booking=booking)
    key = ApiKeyFactory(source=SourceFactory(business=bakery))
    for message in MESSAGES:
        body = {k: evening.isoformat() if v is None else v for k, v in message.items()}
        answer = Client().post(
            "/api/v1/captures",
            json.dumps(body | {"email": customer.email}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key.prefix}"},
        )
        assert answer.status_code == 200, answer.content
    services.refresh_stats([customer.pk])
    return customer


def pages(client, customer) -> dict[str, str]:
    """Return the text of each list and of each row in it, and the person's tabs."""
    page = reverse("admin:customers_customer_page", args=[customer.pk])
    addresses = [f"{page}?tab={tab}" for tab in TABS]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if model._meta.app_label == "audit":
            # The trail is written now.
            continue
        addresses.append(reverse(f"{name}_changelist"))
        of_person = [f.name for f in model._meta.fields if f.name == "customer"]
        rows = model._default_manager.filter(customer=customer) if of_person else ()
        addresses += [reverse(f"{name}_change", args=[row.pk]) for row in rows[:2]]
    texts = {}
    for address in addresses:
        answer = client.get(address)
        if answer.status_code == 200:
            texts[address] = text_of(answer.text)
    return texts


def test_no_page_names_a_day_beside_it(alice, person):
    texts = pages(alice, person)

    assert len(texts) > 50
    assert {a: wrong for a, text in texts.items() if (wrong := neighbours(text))} == {}
    dated = {address for address, text in texts.items() if "20 Nov" in text}
    dated |= {address for address, text in texts.items() if DAY in text}
    lists = {address for address in dated if address.endswith("/")}
    assert {reverse(f"admin:{name}_changelist") for name in DATED} <= lists


def test_the_rules_of_segments_and_the_weeks_of_signups(evening, bakery, actor):
    sunday = evening + timedelta(days=2)
    CustomerFactory(business=bakery, joined_at=sunday)
    CustomerFactory(business=bakery, joined_at=sunday + timedelta(hours=1))

    def joined(op: str, day: str) -> int:
        rule = {"all": [{"field": "joined_at", "op": op, "value": day}]}
        return services.list_rule_customers(rule, actor=actor, business=bakery).count()

    assert (joined("gte", "2026-11-22"), joined("lt", "2026-11-22")) == (2, 0)
    assert (joined("gte", "2026-11-23"), joined("lt", "2026-11-23")) == (1, 1)
    weeks = business_metrics.get_signups_per_week(bakery, actor=actor, since=evening)
    assert [tuple(week) for week in weeks] == [
        (date(2026, 11, 16), 1),
        (date(2026, 11, 23), 1),
    ]


def test_what_a_server_says_was_paid_is_bought_on_that_day(alice, person):
    paid = Booking.objects.get(total_amount=7)
    zone = person.business.zone

    assert paid.placed_at.astimezone(zone).replace(tzinfo=None) == EVENING
    person.stats.refresh_from_db()
    assert str(person.stats.last_purchase_date) == DAY
    payment = alice.get("/api/v1/payments").json()["results"][0]
    assert datetime.fromisoformat(payment["occurred_at"]) == paid.placed_at


def test_a_mailed_invoice_has_that_day(
    alice, person, mailoutbox, django_capture_on_commit_callbacks
):
    booking = Booking.objects.exclude(total_amount=7).get(customer=person)
    with django_capture_on_commit_callbacks(execute=True):
        services.send_invoices([booking], actor=actor_of(alice.user))

    [sent] = mailoutbox
    [(_name, invoice, _kind)] = sent.attachments
    texts = [sent.body, str(invoice)]
    assert "20 Nov" in text_of(str(invoice))
    assert not any(neighbours(text_of(text)) for text in texts)


def test_a_log_of_purchases_names_days_of_the_business(evening, bakery, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(f"customer,date,quantity,amount\nbo@example.org,{DAY},1,5.00\n")
    call_command("import_purchases", str(path), business=bakery.slug, stdout=StringIO())

    stats = CustomerStats.objects.get(customer__email="bo@example.org")
    assert str(stats.first_purchase_date) == str(stats.last_purchase_date) == DAY
