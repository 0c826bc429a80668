"""The tables hold every column that the source documents ask for."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from customers import services
from tests.factories import BookingFactory, CustomerFactory

# The columns of document 004, and where each stands here: a column of the model, or of
# the model named before the dot.
DOCUMENT_004 = {
    "customers.Customer": (
        "id business_id name phone email address->customers.Address.raw "
        "customer_type is_active->customers.Customer.status "
        "prefer_sms->customers.Preferences.prefer_sms "
        "prefer_email->customers.Preferences.prefer_email "
        "prefer_call->customers.Preferences.prefer_call created_at updated_at"
    ),
    "customers.Note": (
        "id customer_id business_id note_type content created_by_id created_at "
        "updated_at"
    ),
    "customers.Preferences": (
        "id customer_id business_id favorite_products preferred_payment average_spend "
        "best_contact_time do_not_contact can_receive_offers can_receive_loyalty "
        "created_at updated_at"
    ),
    "customers.CustomerStats": (
        "id customer_id business_id total_purchases total_spent total_items_bought "
        "avg_transaction_value first_purchase_date last_purchase_date "
        "is_repeat_customer repeat_frequency updated_at"
    ),
}
# Answered from other columns: computed when read, an alias, or the customer's own.
ANSWERED = {"days_since_last_purchase", "customer_lifetime_value", "created_at"}

DOCUMENT_003 = {
    "customers.Address": (
        "kind label recipient line1 line2 city region postal_code country raw "
        "is_primary phone instructions"
    ),
    "customers.Contact": (
        "kind name relation email phone is_primary valid_from valid_to"
    ),
    "customers.Booking": (
        "kind reference status raw_status placed_at starts_at ends_at completed_at "
        "cancelled_at cancelled_by cancel_reason rescheduled_from_id items_count lines "
        "original_amount discount_amount total_amount paid_amount credit_used currency "
        "payment_method invoice_number external_id"
    ),
    "customers.Ticket": (
        "number subject status priority channel assignee_id booking_id "
        "first_response_due_at first_responded_at resolution_due_at resolved_at"
    ),
    "customers.TicketMessage": "author_kind author_id is_internal body sent_at",
}
DOCUMENT_002 = {
    "customers.Customer": (
        "external_id email name phone joined_at is_email_verified signup_method status "
        "source location"
    ),
    "customers.CustomerStats": "last_login_at login_count total_orders total_spent",
    "customers.Preferences": "preferred_categories",
}


@pytest.mark.parametrize("document", [DOCUMENT_002, DOCUMENT_003, DOCUMENT_004])
def test_each_column_of_the_document_exists(document):
    for label, names in document.items():
        for name in names.split():
            target, column = label, name
            if "->" in name:
                target, _, column = name.partition("->")[2].rpartition(".")
            columns = {f.attname for f in apps.get_model(target)._meta.fields}
            assert column in columns, f"{label}.{name}"


def test_the_counts_of_document_004_are_the_minimum():
    columns = sum(len(names.split()) for names in DOCUMENT_004.values())
    models = [apps.get_model(label) for label in DOCUMENT_004]
    indexes = sum(len(model._meta.indexes) for model in models)
    keys = [f for m in models for f in m._meta.fields if f.is_relation]

    assert len(models) == 4
    assert columns + len(ANSWERED) == 48
    assert indexes >= 6
    assert len(keys) >= 8


# --- hot queries use an index that begins with the business ----------------------


def plan_of(sql: str, params: tuple[object, ...]) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Small tables are read whole; ask what would be used for big ones.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", params)
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


HOT = {
    "list": lambda b, c: services.list_customers(actor=c, business_id=b),
    "e-mail": lambda b, c: services.list_customers(actor=c, business_id=b).filter(
        email_key="a@example.org"
    ),
    "phone": lambda b, c: services.list_customers(actor=c, business_id=b).filter(
        phone_e164="+4722000000"
    ),
    "bookings of a customer": lambda b, c: (
        apps.get_model("customers.Booking")
        .objects.filter(business_id=b, customer_id=b)
        .order_by("-placed_at")
    ),
    "notes of a customer": lambda b, c: apps.get_model("customers.Note").objects.filter(
        business_id=b, customer_id=b
    ),
    "ticket desk": lambda b, c: apps.get_model("customers.Ticket").objects.filter(
        business_id=b, status="open", priority="urgent"
    ),
    "best customers": lambda b, c: (
        services.list_visible(apps.get_model("customers.CustomerStats"), actor=c)
        .filter(business_id=b)
        .order_by("-total_spent")
    ),
    "events of a business": lambda b, c: apps.get_model("audit.Event").objects.filter(
        business_id=b
    ),
}


@pytest.mark.parametrize("name", HOT)
def test_hot_queries_use_an_index(actor, bakery, name):
    BookingFactory(customer=CustomerFactory(business=bakery))
    query = HOT[name](bakery.pk, actor)[:20]
    table = query.model._meta.db_table

    plan = plan_of(*query.query.sql_with_params())

    scan = "Seq Scan" if connection.vendor == "postgresql" else f"SCAN {table}\n"
    assert scan not in plan + "\n", plan
    assert "index" in plan.lower(), plan
