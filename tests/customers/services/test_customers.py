"""Creating, changing, archiving and restoring customers."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from audit.models import Event
from customers import services
from customers.models import Address, Customer, CustomerStats, Preferences
from tests.conftest import actor_of
from tests.factories import CustomerFactory


def test_create_writes_three_records(alice, bakery):
    actor = actor_of(alice.user)

    customer = services.create_customer(
        bakery,
        actor=actor,
        name="Ida Lund",
        phone="+47 22 00 00 00",
        email="Ida@Example.NO",
        address="Storgata 1, Oslo",
        customer_type="walk_in",
        prefer_sms=True,
    )

    assert Customer.objects.get() == customer
    assert Preferences.objects.get().prefer_sms is True
    assert CustomerStats.objects.get().addresses_count == 1
    assert Address.objects.get().raw == "Storgata 1, Oslo"
    assert (customer.email, customer.email_key) == ("Ida@Example.NO", "ida@example.no")
    assert customer.phone_e164 == "+4722000000"
    event = Event.objects.get(action="customer.created")
    assert event.subjects == [str(customer.pk)]
    assert event.actor_id == alice.user.pk
    assert event.operation_id == actor.operation.id


def test_only_a_name_is_needed(bakery, actor):
    customer = services.create_customer(bakery, actor=actor, name="Walk-in 0412")

    assert (customer.email, customer.phone, customer.customer_type) == (
        None,
        None,
        None,
    )
    assert (customer.status, customer.rev) == ("active", 1)
    assert customer.preferences.prefer_email is None


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "A", "email": "no address"}, "email"),
        ({"name": "A", "customer_type": "nope"}, "customer_type"),
        ({"name": "A", "status": "nope"}, "status"),
        ({"name": "A", "phone": "1" * 51}, "phone"),
    ],
)
def test_a_wrong_value_is_named_by_its_field_and_leaves_nothing(
    bakery, actor, facts, field
):
    with pytest.raises(ValidationError) as caught:
        services.create_customer(bakery, actor=actor, **facts)

    assert list(caught.value.message_dict) == [field]
    assert not Customer.objects.exists()


def test_an_unknown_fact_is_refused(bakery, actor):
    with pytest.raises(ValidationError, match="has no password"):
        services.create_customer(bakery, actor=actor, name="A", password="x")


def test_one_live_customer_per_e_mail_in_any_spelling(bakery, rival, actor):
    services.create_customer(bakery, actor=actor, name="A", email="ana@example.org")

    with pytest.raises(ValidationError, match="has this e-mail already"):
        services.create_customer(bakery, actor=actor, name="B", email="ANA@example.org")
    services.create_customer(rival, actor=actor, name="B", email="ana@example.org")

    assert Customer.objects.count() == 2


def test_nobody_creates_for_another_business(charlie, bakery):
    with pytest.raises(PermissionDenied):
        services.create_customer(bakery, actor=actor_of(charlie.user), name="A")

    assert not Customer.objects.exists()


def test_update_changes_what_is_named_and_counts_the_revision(actor, bakery):
    customer = CustomerFactory(business=bakery, name="Ana", source="fair")

    services.update_customer(customer, actor=actor, reason="married", name="Ana Berg")

    customer.refresh_from_db()
    assert (customer.name, customer.source, customer.rev) == ("Ana Berg", "fair", 2)
    newest = customer.history.order_by("-history_id").first()
    assert newest.history_change_reason == "married"


def test_update_of_a_moved_row_is_refused(actor):
    customer = CustomerFactory(name="Ana")
    services.update_customer(customer, actor=actor, name="Bea")

    with pytest.raises(ValidationError, match="Load it again") as caught:
        services.update_customer(customer, actor=actor, name="Cia", expected_rev=1)

    assert caught.value.code == "stale_version"
    customer.refresh_from_db()
    assert customer.name == "Bea"


def test_update_of_another_businesss_customer_finds_nothing(charlie, bakery):
    customer = CustomerFactory(business=bakery, name="Ana")

    with pytest.raises(Customer.DoesNotExist):
        services.update_customer(customer, actor=actor_of(charlie.user), name="X")

    customer.refresh_from_db()
    assert customer.name == "Ana"


def test_archive_hides_and_keeps(actor, bakery):
    customer = CustomerFactory(business=bakery, email="a@example.org")

    archived = services.archive_customer(customer, actor=actor, reason="asked by phone")

    assert archived.display_status == "archived"
    assert archived.archive_reason == "asked by phone"
    assert not services.list_customers(actor=actor).exists()
    assert Customer.objects.count() == 1
    event = Event.objects.get(action="customer.archived")
    assert (event.reason, event.subjects) == ("asked by phone", [str(customer.pk)])


def test_archive_works_once_and_all_or_nothing(actor, bakery):
    first, second = CustomerFactory(business=bakery), CustomerFactory(business=bakery)
    services.archive_customer(first, actor=actor, reason="x")

    with pytest.raises(ValidationError, match="already archived"):
        services.archive_customers([first.pk, second.pk], actor=actor, reason="x")

    second.refresh_from_db()
    assert not second.is_archived


def test_an_archived_e_mail_is_free_again_and_then_blocks_the_way_back(actor, bakery):
    first = CustomerFactory(business=bakery, email="a@example.org")
    services.archive_customer(first, actor=actor, reason="x")
    CustomerFactory(business=bakery, email="a@example.org")

    with pytest.raises(ValidationError, match="has this e-mail already"):
        services.restore_customers([first.pk], actor=actor, reason="back")


def test_restore_brings_back(actor, bakery):
    customer = CustomerFactory(business=bakery)
    services.archive_customer(customer, actor=actor, reason="x")

    services.restore_customers([customer.pk], actor=actor, reason="came back")

    assert services.get_customer(customer.pk, actor=actor).archive_reason is None
    assert Event.objects.filter(action="customer.restored").count() == 1
