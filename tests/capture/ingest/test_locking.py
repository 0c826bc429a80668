"""Who waits for whom on PostgreSQL: messages of one person do, others do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture import services
from capture.ingest.locking import lock_names
from capture.models import Capture, IdentityReview
from customers import services as customers
from customers.models import CustomerStats
from tests.factories import BookingFactory, CustomerFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time."
    ),
]


@pytest.fixture
def other(transactional_db: None) -> Iterator[object]:
    """A second connection in a transaction; ours gives up instead of waiting."""
    second = connection.copy()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    with second.cursor() as cursor:
        cursor.execute("BEGIN")
        yield cursor
        cursor.execute("ROLLBACK")
    second.close()
    connection.close()


def hold(other, captures) -> None:
    """Take the locks of these captures on the other connection."""
    with connection.execute_wrapper(
        lambda execute, sql, params, many, context: other.execute(sql, params)
    ):
        lock_names(captures)


def send(source, **body: str) -> None:
    made = services.build_envelopes("profile", body, trust="server")
    services.ingest(made, source=source, actor=Actor.system("test"))


@pytest.mark.parametrize(
    "body", [{"user_email": "ann@example.org"}, {"user_id": "u-1"}]
)
def test_messages_of_one_person_pass_one_after_the_other(other, source, body):
    business_id = source.business_id
    hold(
        other,
        [Capture(business_id=business_id, email="ann@example.org", user_ref="u-1")],
    )

    with pytest.raises(OperationalError):
        send(source, **body)
    send(source, user_email="bob@example.org")


def test_noting_activity_waits_for_no_customer(other):
    customer = CustomerFactory()
    customers.refresh_stats([customer.pk])
    other.execute(
        "SELECT id FROM customers_customer WHERE id = %s FOR NO KEY UPDATE",
        [customer.pk],
    )
    now = timezone.now()

    with transaction.atomic():
        customers.note_activity({customer.pk: now})

    assert CustomerStats.objects.get(customer=customer).last_active_at == now


def pay(source, **body: object):
    body = {"payment_status": "paid", "final_price": 10, "currency": "EUR", **body}
    made = services.build_envelopes("payment", body, trust="server")
    [result] = services.ingest(made, source=source, actor=Actor.system("test"))
    return result


def test_a_decision_waits_for_messages_about_a_payment_that_waits(other, source):
    send(source, user_email="ann@example.org")
    send(source, user_email="bob@example.org", user_id="u-1")
    result = pay(
        source, user_email="ann@example.org", user_id="u-1", transaction_id="T-1"
    )
    capture = Capture.objects.get(pk=result.capture_id)
    # A refund that names nobody.
    capture.email = capture.user_ref = None
    hold(other, [capture])

    with pytest.raises(OperationalError):
        services.decide_identity_review(
            IdentityReview.objects.get(),
            "same_person",
            reason="They called.",
            actor=Actor.system("test"),
        )


def test_a_payment_waits_for_who_records_money_for_its_booking(other, source):
    customer = CustomerFactory(business=source.business, email="ann@example.org")
    booking = BookingFactory(
        customer=customer, reference="T-1", status="confirmed", currency="EUR"
    )
    # Only the lock: what is read before it is not what is written then.
    other.execute(
        "SELECT id FROM customers_booking WHERE id = %s FOR NO KEY UPDATE",
        [booking.pk],
    )
    seen = []

    def note(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note), pytest.raises(OperationalError):
        pay(source, user_email="ann@example.org", transaction_id="T-1")
    assert seen
    assert not any(sql.startswith('UPDATE "customers_booking"') for sql in seen)
