"""Notes, preferences, flags, consent."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from customers import services
from customers.models import Business, ConsentEvent, Flag, Note
from tests.conftest import actor_of, staff
from tests.factories import ConsentEventFactory, CustomerFactory, NoteFactory


@pytest.fixture
def customer(bakery):
    return CustomerFactory(business=bakery, email="a@example.org")


def test_a_note_keeps_its_author_and_type(alice, customer):
    note = services.add_note(
        customer, " Call first. ", actor=actor_of(alice.user), note_type="issue"
    )

    assert (note.content, note.note_type) == ("Call first.", "issue")
    assert note.created_by == alice.user
    assert note.history.get().history_user_id == alice.user.pk


@pytest.mark.parametrize(("content", "kind"), [(" ", "issue"), ("x", "nope")])
def test_an_empty_or_unknown_note_is_refused(actor, customer, content, kind):
    with pytest.raises(ValidationError):
        services.add_note(customer, content, actor=actor, note_type=kind)

    assert not Note.objects.exists()


def test_strangers_write_and_read_no_notes(charlie, customer):
    NoteFactory(customer=customer)
    stranger = actor_of(charlie.user)

    with pytest.raises(PermissionDenied):
        services.add_note(customer, "x", actor=stranger)
    assert services.get_notes(customer, actor=stranger) == []


def test_notes_come_pinned_first_then_newest(alice, customer):
    actor = actor_of(alice.user)
    old = services.add_note(customer, "old", actor=actor)
    new = services.add_note(customer, "new", actor=actor)
    pinned = services.add_note(customer, "pinned", actor=actor, is_pinned=True)

    assert services.get_notes(customer, actor=actor) == [pinned, new, old]
    assert services.get_notes(customer, actor=actor, note_type="issue") == []


def test_preferences_change_what_is_named(actor, customer):
    services.update_preferences(customer, actor=actor, best_contact_time="evening")
    row = services.update_preferences(
        customer, actor=actor, favorite_products="rye,  oat, rye,"
    )

    assert row.best_contact_time == "evening"
    assert row.favorite_tags == ["rye", "oat"]
    assert (row.prefer_sms, row.can_receive_offers) == (None, True)


def test_unknown_preferences_and_strangers_are_refused(actor, charlie, customer):
    with pytest.raises(ValidationError, match="have no colour"):
        services.update_preferences(customer, actor=actor, colour="red")
    with pytest.raises(PermissionDenied):
        services.update_preferences(
            customer, actor=actor_of(charlie.user), do_not_contact=True
        )


def test_a_flag_stands_once_and_its_removal_is_kept(actor, customer):
    services.add_flag(customer, "fragile", actor=actor, reason="glass")
    with pytest.raises(ValidationError, match="has this flag already"):
        services.add_flag(customer, "fragile", actor=actor, reason="again")

    services.remove_flag(customer, "fragile", actor=actor, reason="moved")

    flag = Flag.objects.get()
    assert (flag.reason, flag.removed_reason) == ("glass", "moved")
    services.add_flag(customer, "fragile", actor=actor, reason="back")
    with pytest.raises(ValidationError, match="no such flag"):
        services.remove_flag(customer, "blue", actor=actor, reason="x")


def test_consent_counts_only_under_a_valid_wording(
    actor, customer, django_capture_on_commit_callbacks
):
    services.record_consent(
        customer,
        actor=actor,
        purpose="marketing",
        action="given",
        channel="email",
        wording_version="v3",
    )
    assert services.may_contact(customer, "marketing", "email").rule == "none"

    business = Business.objects.get()
    business.settings = {"consent_wordings": {"v3": True}}
    with django_capture_on_commit_callbacks(execute=True):
        services.save_record(business, actor=actor)

    answer = services.may_contact(customer, "marketing", "email")
    assert (answer.rule, answer.record_id) == ("consent", ConsentEvent.objects.get().pk)
    customer.stats.refresh_from_db()
    assert customer.stats.is_opted_in


def test_every_fact_reaches_the_rules(actor, bakery):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    customer = CustomerFactory(business=bakery, email="b@example.org")
    ConsentEventFactory(customer=customer)

    def rule() -> str:
        return services.may_contact(customer, "marketing", "email").rule

    assert rule() == "consent"
    services.update_preferences(customer, actor=actor, can_receive_offers=False)
    assert rule() == "purpose_off"
    services.update_preferences(customer, actor=actor, prefer_email=False)
    assert rule() == "channel_off"
    ConsentEventFactory(customer=customer, action="withdrawn")
    assert rule() == "withdrawn"
    services.update_preferences(customer, actor=actor, do_not_contact=True)
    assert rule() == "do_not_contact"
    customer = services.update_customer(customer, actor=actor, status="blocked")
    assert rule() == "archived"
    services.add_flag(customer, "restricted", actor=actor, reason="asked")
    assert rule() == "restricted"
    customer.stats.refresh_from_db()
    assert not customer.stats.is_opted_in


def test_codes_and_purposes_are_compared_in_small_letters(actor, bakery):
    customer = CustomerFactory(business=bakery)

    flag = services.add_flag(customer, "Fragile", actor=actor, reason="x")
    event = services.record_consent(
        customer, actor=actor, purpose="Marketing", action="withdrawn"
    )

    assert (flag.code, event.purpose) == ("fragile", "marketing")
    assert services.may_contact(customer, "marketing", "sms").rule == "withdrawn"
    with pytest.raises(ValidationError, match="has this flag already"):
        services.add_flag(customer, "FRAGILE", actor=actor, reason="x")


@pytest.mark.parametrize(
    ("role", "is_allowed"), [("admin", True), ("support", False), ("auditor", False)]
)
def test_to_verify_takes_a_permission_of_its_own(actor, bakery, role, is_allowed):
    customer, one = (CustomerFactory(business=bakery) for _ in range(2))
    services.add_flag(one, "verified", actor=actor, reason="x")
    somebody = actor_of(staff(bakery, role))
    acts = (
        lambda: services.add_flag(customer, "Verified", actor=somebody, reason="x"),
        lambda: services.remove_flag(one, "verified", actor=somebody, reason="x"),
    )

    for act in acts:
        if is_allowed:
            act()
        else:
            with pytest.raises(PermissionDenied):
                act()
    added = services.add_flag_batch(
        [one.pk], actor=somebody, reason="x", code="VERIFIED"
    )
    assert added == (1 if is_allowed else 0)
