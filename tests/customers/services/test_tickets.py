"""Opening tickets: with the first message, or not at all."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from customers import services
from customers.models import Ticket, TicketMessage
from tests.conftest import actor_of, staff
from tests.factories import CustomerFactory, TicketFactory


@pytest.fixture
def customer(bakery):
    return CustomerFactory(business=bakery)


def test_ticket_and_message_come_together(actor, customer):
    first = services.open_ticket(customer, actor=actor, subject="Late", body="Where?")
    second = services.open_ticket(customer, actor=actor, subject="Gone", body="Where?")

    assert (first.number, second.number) == (1, 2)
    [message] = first.messages.all()
    assert (message.body, message.sent_at) == ("Where?", first.opened_at)
    customer.stats.refresh_from_db()
    assert customer.stats.open_tickets == 2


@pytest.mark.parametrize("values", [{"subject": " "}, {"body": " "}])
def test_without_one_of_them_there_is_neither(actor, customer, values):
    with pytest.raises(ValidationError) as refused:
        services.open_ticket(
            customer, actor=actor, **{"subject": "Late", "body": "Where?", **values}
        )

    assert set(refused.value.error_dict) == set(values)
    assert not Ticket.objects.exists()
    assert not TicketMessage.objects.exists()


def test_the_assignee_works_for_the_business(actor, customer, rival):
    values = {"subject": "Late", "body": "Where?"}
    stranger = staff(rival, "support")

    with pytest.raises(ValidationError, match="works for this business"):
        services.open_ticket(customer, actor=actor, assignee_id=stranger.pk, **values)


def test_a_stranger_and_an_auditor_open_none(customer, bakery, rival):
    for somebody in (staff(rival), staff(bakery, "auditor")):
        with pytest.raises(PermissionDenied):
            services.open_ticket(
                customer, actor=actor_of(somebody), subject="Late", body="Where?"
            )


def test_an_archived_customer_gets_none(actor, customer):
    services.archive_customer(customer, actor=actor, reason="x")
    customer.refresh_from_db()

    with pytest.raises(ValidationError, match="archived"):
        services.open_ticket(customer, actor=actor, subject="Late", body="Where?")


@pytest.mark.parametrize("name", ["first_response_due_at", "resolution_due_at"])
def test_when_a_ticket_is_due_was_said_at_the_opening(actor, bakery, name):
    ticket = TicketFactory(customer__business=bakery)

    with pytest.raises(ValidationError) as refused:
        services.update_instance(ticket, actor=actor, **{name: timezone.now()})

    assert refused.value.error_dict[name][0].code == "due_at_opening"
