"""A demo in use: no page is empty, and what it shows holds together."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from audit.models import Event, Grant, Job, PinCredential, User
from audit.tenancy.actors import Actor
from capture import services as capture
from capture.models import Capture, CaptureLink, Quarantine
from customers.choices import (
    ConsentAction,
    CreditKind,
    Role,
    TicketPriority,
    TicketStatus,
)
from customers.models import (
    Booking,
    ConsentEvent,
    Credit,
    Customer,
    Membership,
    Note,
    Refund,
    Ticket,
)
from customers.services import find_possible_duplicates
from tests.conftest import actor_of, signed_in
from tests.factories import UserFactory

# Lists that stay empty, and why: nobody but a person may make what they show.
EMPTY = {
    PinCredential: "a PIN is set by the person whose it is, after the password",
    Grant: "a confirmation is given by a person, in a session, for some minutes",
}


def fill(seed: int = 7) -> None:
    call_command("seed", full=True, seed=seed, stdout=StringIO())


@pytest.fixture(scope="module", autouse=True)
def hub(module_rows):
    fill()


def empty_lists(user: User) -> tuple[list[str], int]:
    """Return the lists without a row, of those that a person may open, and how many."""
    browser, empty, opened = signed_in(user), [], 0
    for model in admin.site._registry:
        if not model.__module__.startswith(("audit.", "capture.", "customers.")):
            continue
        meta = model._meta
        page = browser.get(
            reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        )
        if page.status_code == 403:
            continue
        assert page.status_code == 200, meta.label
        opened += 1
        if not page.context["cl"].result_count and model not in EMPTY:
            empty.append(meta.label)
    return empty, opened


def test_no_list_of_the_owner_is_empty(db):
    empty, opened = empty_lists(UserFactory(username="boss", is_superuser=True))

    assert empty == []
    assert opened == len(admin.site._registry)


@pytest.mark.parametrize("model", EMPTY, ids=lambda model: model._meta.label)
def test_no_evidence_of_persons_is_made_up(db, model):
    assert not model.objects.exists()


@pytest.mark.parametrize("username", ["nora", "emil", "pia", "viggo", "lucia", "rui"])
def test_no_list_of_a_role_is_empty(db, username):
    empty, opened = empty_lists(User.objects.get(username=username))

    assert empty == []
    assert opened > 8


def test_each_role_is_there_and_none_can_sign_in_yet(db):
    assert set(Membership.objects.values_list("role", flat=True)) == set(Role.values)
    for user in User.objects.filter(memberships__isnull=False):
        assert not user.has_usable_password()
        assert not user.is_superuser


def test_projections_and_figures_are_those_of_a_rebuild(db):
    assert list(capture.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_the_five_are_as_the_documents_say(db):
    ana = Customer.objects.get(unique_id="C-DEM0-0001")

    assert (ana.name, ana.is_live) == ("Ana Silva", True)
    assert f"{ana.stats.total_spent:.2f}" == "234.90"
    assert ana.stats.login_count > 0


def test_people_are_many_and_differ(db):
    people = Customer.objects.all()
    now = timezone.now()

    sizes = dict(people.order_by().values_list("business__slug").annotate(Count("pk")))
    assert 180 < sizes["bakery-nord"] < 230
    assert 15 < sizes["studio-sud"] < 40
    assert people.filter(email=None, phone=None).exists()
    assert people.filter(name__contains="@").exists()
    assert people.filter(name__regex="[\u0600-\u06ff]").exists()
    assert people.filter(name__regex="[\u0590-\u05ff]").exists()
    assert people.filter(joined_at__gt=now - timedelta(days=7)).count() > 4
    assert people.filter(stats__last_active_at__gt=now - timedelta(hours=3)).exists()
    assert people.filter(stats__last_active_at__lt=now - timedelta(days=120)).exists()
    assert people.exclude(archived_at=None).exclude(archive_reason=None).exists()
    assert people.filter(preferences__do_not_contact=True).exists()
    assert not people.filter(joined_at__gt=now).exists()
    tiers = set(people.values_list("stats__repeat_frequency", flat=True))
    assert tiers == {"one_time", "occasional", "regular", "frequent", None}


def values(model: Any, column: str) -> set[Any]:
    return set(model.objects.order_by().values_list(column, flat=True).distinct())


def test_every_status_is_somewhere(db):
    for slug in ("bakery-nord", "studio-sud"):
        of_business = Refund.objects.filter(business__slug=slug)
        assert set(of_business.values_list("status", flat=True)) == {
            "requested", "approved", "succeeded", "failed", "refused",
        }  # fmt: skip
    assert values(Ticket, "status") == set(TicketStatus.values)
    assert values(Ticket, "priority") == set(TicketPriority.values)
    assert values(ConsentEvent, "action") == set(ConsentAction.values)
    assert values(Credit, "kind") == set(CreditKind.values)
    assert values(Note, "is_pinned") == {True, False}
    assert len(values(Booking, "status")) == 8
    assert len(values(Quarantine, "code")) > 7
    assert values(Capture, "trust") == {"browser", "server", "webhook"}
    assert Capture.objects.exclude(corrects_id=None).exists()
    assert CaptureLink.objects.filter(customer=None).exists()


def test_clocks_of_tickets_run_and_have_run_out(db):
    now = timezone.now()
    waiting = Ticket.objects.filter(status="open", first_responded_at=None)
    unresolved = Ticket.objects.filter(status__in=["open", "pending"])

    for queryset, column in (
        (waiting, "first_response_due_at"),
        (unresolved, "resolution_due_at"),
    ):
        assert queryset.filter(**{f"{column}__gt": now}).exists()
        assert queryset.filter(**{f"{column}__lt": now}).exists()
    assert unresolved.filter(assignee=None).exists()
    assert unresolved.exclude(assignee=None).exists()
    assert not Ticket.objects.filter(closed_at__gt=now).exists()


def test_possible_duplicates_are_of_every_kind(db):
    nora = actor_of(User.objects.get(username="nora"))
    people = Customer.objects.filter(unique_id__startswith="C-DEM1-").live()

    reasons = {
        duplicate.reason
        for customer in people
        for duplicate in find_possible_duplicates(customer, actor=nora)
    }

    assert reasons == {"same_phone", "similar_email", "similar_name"}


def test_captures_came_over_months_and_the_trail_says_when_it_was_written(db):
    now = timezone.now()
    months = {
        f"{c:%Y-%m}" for c in Capture.objects.values_list("received_at", flat=True)
    }

    assert len(months) > 12
    assert not Event.objects.filter(occurred_at__lt=now - timedelta(hours=1)).exists()


def test_staff_have_worked_as_themselves(db):
    acts = set(Event.objects.filter(actor_kind="user").values_list("action", flat=True))

    assert acts >= {
        "note.created",
        "field.revealed",
        "export.finished",
        "customer.archived",
        "quarantine.discarded",
        "capture.corrected",
    }
    assert set(Job.objects.values_list("status", flat=True)) == {"ready", "cancelled"}
