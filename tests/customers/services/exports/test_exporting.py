"""The export service by itself: memory, plans, programs that export."""

from __future__ import annotations

import tracemalloc

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer
from tests.conftest import actor_of, staff
from tests.factories import ConsentEventFactory, CustomerFactory
from tests.long import IS_LONG

WHY = {"purpose": "a test", "reason": "to see"}


def test_a_plan_reads_and_writes_nothing(alice, bakery, django_assert_num_queries):
    actor = actor_of(alice.user)

    with django_assert_num_queries(0):
        plan = services.plan_export(bakery, actor=actor, profile="list", **WHY)

    assert plan.what.startswith("Export customers (list, ")
    assert not Event.objects.filter(action="export.started").exists()


@pytest.mark.parametrize("why", [{"purpose": " "}, {"reason": " "}])
def test_a_plan_needs_a_purpose_and_a_reason(alice, bakery, why):
    with pytest.raises(ValidationError, match="purpose and reason"):
        services.plan_export(
            bakery, actor=actor_of(alice.user), profile="full", **WHY | why
        )


@pytest.mark.parametrize("profile", ["full", "list", "marketing"])
def test_a_plan_needs_the_right_of_its_profile(bakery, profile):
    actor = actor_of(staff(bakery, "auditor"))

    with pytest.raises(PermissionDenied):
        services.plan_export(bakery, actor=actor, profile=profile, **WHY)


def test_another_businesss_export_is_refused(alice, rival):
    with pytest.raises(PermissionDenied):
        services.plan_export(rival, actor=actor_of(alice.user), profile="full", **WHY)


def test_an_unknown_segment_is_missing(alice, bakery):
    with pytest.raises(Customer.DoesNotExist):
        services.plan_export(
            bakery,
            actor=actor_of(alice.user),
            profile="marketing",
            filters={"segment": "everybody"},
            **WHY,
        )


def test_who_sees_contact_data_masked_exports_it_masked(bakery, monkeypatch):
    """No role of the table is such; a changed table may have one."""
    user = staff(bakery, "support")
    rights = frozenset({"customers.export_customer", "customers.view_customer"})
    actor = Actor(
        "user",
        actor_of(user).operation,
        id=user.pk,
        business_ids=frozenset({bakery.pk}),
        permissions={bakery.pk: rights},
    )
    CustomerFactory(business=bakery, email="mia@example.org")

    with pytest.raises(PermissionDenied):
        services.plan_export(bakery, actor=actor, profile="full", unmasked=True, **WHY)
    with pytest.raises(ValidationError, match="may not export"):
        services.plan_export(
            bakery, actor=actor, profile="full", columns=["admin_notes"], **WHY
        )
    plan = services.plan_export(bakery, actor=actor, profile="full", **WHY)
    data = b"".join(services.start_export(plan, actor=actor))
    assert "admin_notes" not in plan.columns
    assert "ip_address" not in plan.columns
    assert b"mia@example.org" not in data
    assert "m…@e….org".encode() in data


def test_a_program_exports_the_same_people_with_the_hash_of_the_file(
    alice, bakery, actor
):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    yes = CustomerFactory(business=bakery, email="yes@example.org")
    ConsentEventFactory(customer=yes)
    CustomerFactory(business=bakery, email="silent@example.org")
    asks = actor_of(alice.user)

    rows = list(
        services.export_customers_for_marketing(actor=asks, reason="offers").rows
    )
    plan = services.plan_export(bakery, actor=asks, profile="marketing", **WHY)
    export = services.start_export(plan, actor=asks)
    b"".join(export)

    assert [row["email"] for row in rows] == [yes.email]
    hashes = {
        event.data["sha256"] for event in Event.objects.filter(action="export.finished")
    }
    assert len(hashes) == 1
    assert dict(export.left_out) == {"none": 1}


def test_a_program_for_several_businesses_names_one(actor):
    with pytest.raises(ValidationError, match="Name the business"):
        services.export_customers_for_marketing(actor=actor, reason="x")


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["full", "marketing"] if IS_LONG else ["full"])
def test_memory_is_flat(alice, bakery, actor, profile):
    asks = actor_of(alice.user)

    def grow(count: int) -> None:
        people = [Customer(business=bakery, name=f"P {n}") for n in range(count)]
        services.bulk_create_customers(people, [], actor=actor, reason="a test")

    def peak() -> int:
        plan = services.plan_export(bakery, actor=asks, profile=profile, **WHY)
        tracemalloc.start()
        try:
            for _ in services.start_export(plan, actor=asks):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # Two batches, then six.
    grow(1000)
    peak()  # what is loaded once
    small = peak()
    grow(2000)

    assert peak() < 1.3 * small
