"""Acts on many customers: typed, confirmed, done by a job, cancelled, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.admin.bulk import TYPED_FROM
from audit.jobs.services import MOST_OPEN
from audit.jobs.tasks import BATCH_SIZE
from audit.models import Event, Grant, Job, JobStatus
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer
from tests.conftest import enrol, post_confirmed, signed_in, staff
from tests.factories import CustomerFactory, JobFactory, UserFactory
from tests.factories.audit import PIN
from tests.jobs import run_jobs

LIST = "/admin/customers/customer/"
JOBS = "/admin/audit/job/"


def make(count: int, business: Any, actor: Any) -> list[Customer]:
    """Make live customers of a business."""
    rows = [
        Customer(
            business=business, name=f"C {n}", email=f"c{n}@{business.slug}.example"
        )
        for n in range(count)
    ]
    services.bulk_create_customers(rows, [], actor=actor, reason="test")
    return rows


def fields(verb: str, chosen: Any, **more: Any) -> dict[str, Any]:
    """Return what the list posts when all rows that it found are chosen."""
    return {
        "action": verb,
        "_selected_action": str(chosen.pk),
        "select_across": "1",
        **more,
    }


def archived(business: Any) -> int:
    return Customer.objects.filter(business=business, archived_at__isnull=False).count()


def test_as_many_as_a_batch_are_archived_at_once(alice, bakery, actor):
    rows = make(BATCH_SIZE, bakery, actor)
    page = alice.post(LIST, fields("archive", rows[0], reason="moved"), follow=True)

    assert "Archived 100 customers" in page.text
    assert archived(bakery) == BATCH_SIZE
    assert not Job.objects.exists()


def test_more_are_a_job_whose_page_shows_what_came_of_it(alice, bakery, actor):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    page = alice.post(LIST, fields("archive", rows[0], reason="moved"), follow=True)

    job = Job.objects.get()
    assert page.redirect_chain[-1][0] == f"{JOBS}{job.pk}/change/"
    assert page["Refresh"] == "2"
    assert "Waiting" in page.text
    assert archived(bakery) == 0
    services.archive_customers([rows[0].pk], actor=actor, reason="before it")

    run_jobs()
    page = alice.get(f"{JOBS}{job.pk}/change/")
    assert "Refresh" not in page
    assert page.context["report"] == [("archived", 100), ("left as they were", 1)]
    assert archived(bakery) == BATCH_SIZE + 1
    told = Event.objects.filter(action="customer.archived", operation_id=job.pk)
    assert sorted(event.data["count"] for event in told) == [1, 99]
    assert set(told.values_list("reason", flat=True)) == {"moved"}


def test_one_person_has_so_many_jobs_open_and_no_more(alice, bakery, actor):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    user = UserFactory._meta.model.objects.get(username="alice")
    JobFactory.create_batch(MOST_OPEN, business_id=bakery.pk, user=user)
    page = alice.post(LIST, fields("archive", rows[0], reason="moved"), follow=True)

    assert "Wait for some of them, or cancel them." in page.text
    assert Job.objects.count() == MOST_OPEN
    Job.objects.filter(user=user).update(status=JobStatus.SUCCESSFUL)
    alice.post(LIST, fields("archive", rows[0], reason="moved"), follow=True)
    assert Job.objects.count() == MOST_OPEN + 1


@pytest.mark.django_db(transaction=True)
def test_of_several_acts_at_once_the_last_place_is_for_one(
    bakery, at_once, monkeypatch
):
    monkeypatch.setattr("audit.jobs.services.MOST_OPEN", 1)
    person = staff(bakery, "admin")
    rows = make(BATCH_SIZE + 1, bakery, Actor.system("test"))
    data = fields("archive", rows[0], reason="moved")

    at_once(lambda: signed_in(person).post(LIST, data), times=4)

    assert at_once(Job.objects.count, times=1) == [1]


def test_asking_about_many_waits_for_no_lock(alice, bakery, actor):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    with CaptureQueriesContext(connection) as asked:
        page = alice.post(LIST, fields("archive", rows[0]))

    assert "reason" in page.text
    # Nothing is claimed: on SQLite that would keep captures waiting.
    written = (
        'INSERT INTO "audit_idempotentresponse"',
        'UPDATE "audit_idempotentresponse"',
    )
    assert not [q["sql"] for q in asked if q["sql"].startswith(written)]


def test_more_than_five_hundred_are_typed_and_confirmed(alice, bakery, actor):
    rows = make(TYPED_FROM, bakery, actor)
    asked = alice.post(LIST, fields("archive", rows[0], reason="moved"))
    assert "Type 501 to confirm" in asked.text
    wrong = alice.post(
        LIST, fields("archive", rows[0], reason="moved", typed_count="500")
    )
    assert "You typed another number. The list has 501 now." in wrong.text
    assert not Job.objects.exists()

    right = fields("archive", rows[0], reason="moved", typed_count="501")
    enrol(alice)
    step_up = alice.post(LIST, right)
    assert "Archive 501 customers" in step_up.text
    assert not Job.objects.exists()
    post_confirmed(alice, LIST, right, follow=True)

    job = Job.objects.get()
    grant = Grant.objects.get(scope="bulk")
    assert job.grant_id == grant.pk
    run_jobs()
    assert archived(bakery) == TYPED_FROM
    told = Event.objects.filter(action="customer.archived")
    assert set(told.values_list("grant_id", flat=True)) == {grant.pk}


def test_a_confirmation_is_for_the_rows_it_was_given_for(alice, bakery, actor):
    rows = make(TYPED_FROM, bakery, actor)
    enrol(alice)
    sent = fields("archive", rows[0], reason="moved", typed_count="501")
    asked = alice.post(LIST, sent)
    # One went and another came: as many as before, and not the same.
    services.archive_customers([rows[5].pk], actor=actor, reason="x")
    CustomerFactory(business=bakery)
    again = alice.post(
        LIST,
        {
            asked.context["carried_name"]: asked.context["carried"],
            asked.context["code_name"]: PIN,
        },
    )
    assert "This will happen" in again.text
    assert not Job.objects.exists()


def test_rows_of_two_businesses_are_two_jobs(bakery, rival, actor):
    owner = signed_in(UserFactory(is_staff=True, is_superuser=True))
    rows = make(60, bakery, actor) + make(60, rival, actor)
    page = owner.post(LIST, fields("archive", rows[0], reason="moved"), follow=True)

    assert page.redirect_chain[-1][0] == JOBS
    assert {job.business_id for job in Job.objects.all()} == {bakery.pk, rival.pk}
    run_jobs()
    assert archived(bakery) == archived(rival) == 60


def test_a_job_is_seen_and_cancelled_by_its_business_alone(
    alice, charlie, bakery, actor
):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    alice.post(LIST, fields("archive", rows[0], reason="moved"))
    page = f"{JOBS}{Job.objects.get().pk}/"

    assert charlie.get(f"{page}change/").status_code == 404
    assert charlie.post(f"{page}cancel/").status_code == 404
    auditor = signed_in(staff(bakery, "auditor", is_staff=True))
    seen = auditor.get(f"{page}change/")
    assert "Cancel the job" not in seen.text
    assert auditor.post(f"{page}cancel/").status_code == 403
    support = signed_in(staff(bakery, "support", is_staff=True))
    assert support.get(f"{page}change/").status_code == 403
    assert alice.get(f"{page}cancel/").status_code == 405

    alice.post(f"{page}cancel/")
    assert Job.objects.get().status == JobStatus.CANCELLED
    assert archived(bakery) == 0


def test_a_job_is_taken_back_as_far_as_it_came(alice, bakery, actor):
    rows = make(BATCH_SIZE + 20, bakery, actor)
    before = rows[3]
    services.archive_customers([before.pk], actor=actor, reason="long ago")
    shown = f"{LIST}?archived=all"
    alice.post(shown, fields("archive", rows[0], reason="by mistake"))
    run_jobs()
    job = Job.objects.get()
    assert "Take it back" in alice.get(f"{JOBS}{job.pk}/change/").text

    post_confirmed(alice, f"{JOBS}{job.pk}/undo/", {}, follow=True)
    run_jobs()

    assert archived(bakery) == 1
    before.refresh_from_db()
    assert before.archive_reason == "long ago"
    undo = Job.objects.exclude(pk=job.pk).get()
    assert undo.report["restored"] == BATCH_SIZE + 19
    assert "Take it back" not in alice.get(f"{JOBS}{undo.pk}/change/").text


def test_taking_back_needs_room_as_other_jobs_do(alice, bakery, actor, monkeypatch):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    alice.post(LIST, fields("archive", rows[0], reason="by mistake"))
    run_jobs()
    job = Job.objects.get()
    monkeypatch.setattr("audit.jobs.services.MOST_OPEN", 0)
    page = post_confirmed(alice, f"{JOBS}{job.pk}/undo/", {}, follow=True)

    assert "0 of your jobs have not ended" in page.text
    assert Job.objects.get() == job


def test_taking_back_leaves_what_somebody_did_since(alice, bakery, actor):
    rows = make(BATCH_SIZE + 20, bakery, actor)
    ids = [row.pk for row in rows]
    alice.post(LIST, fields("archive", rows[0], reason="by mistake"))
    run_jobs()
    job = Job.objects.get()
    # Brought back and archived again, for a reason of its own.
    services.restore_customers([ids[4]], actor=actor, reason="wrong one")
    services.archive_customers([ids[4]], actor=actor, reason="asked for it")

    post_confirmed(alice, f"{JOBS}{job.pk}/undo/", {}, follow=True)
    run_jobs()
    assert Customer.objects.get(pk=ids[4]).archive_reason == "asked for it"
    assert archived(bakery) == 1
    # It was taken back; there is nothing to take back twice.
    assert "Take it back" not in alice.get(f"{JOBS}{job.pk}/change/").text
    assert post_confirmed(alice, f"{JOBS}{job.pk}/undo/", {}).status_code == 404


def test_who_cannot_come_back_stays_and_is_counted(alice, bakery, actor):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    services.archive_customers([row.pk for row in rows], actor=actor, reason="x")
    shown = f"{LIST}?archived=yes"
    alice.post(shown, fields("restore", rows[0], reason="back"))
    CustomerFactory(business=bakery, email=rows[7].email)
    run_jobs()

    assert Job.objects.get().report == {"restored": 100, "left as they were": 1}
    assert archived(bakery) == 1


# What an address is found by, and it itself.
EMAIL = ("email", "email_key", "email_skeleton")


def test_two_archived_with_one_address_do_not_both_come_back(bakery, actor):
    rows = make(2, bakery, actor)
    ids = [row.pk for row in rows]
    services.archive_customers(ids, actor=actor, reason="x")
    Customer.objects.as_actor(actor).filter(pk=ids[1]).update(
        **{name: getattr(rows[0], name) for name in EMAIL}
    )

    assert services.restore_batch(ids, actor=actor, reason="back") == 1
    assert archived(bakery) == 1


@pytest.mark.parametrize("act", [services.archive_batch, services.restore_batch])
def test_a_batch_takes_as_many_statements_for_ten_as_for_a_hundred(bakery, actor, act):
    counts = []
    for number in (10, BATCH_SIZE):
        ids = [row.pk for row in make(number, bakery, actor)]
        if act is services.restore_batch:
            services.archive_batch(ids, actor=actor, reason="x")
        with CaptureQueriesContext(connection) as taken:
            assert act(ids, actor=actor, reason="x") == number
        counts.append(len(taken))
        services.archive_batch(ids, actor=actor, reason="out of the way")
    # On SQLite Django inserts no more than 999 values at once.
    more = 5 if connection.vendor == "sqlite" else 0
    assert counts[0] <= counts[1] <= counts[0] + more <= 40
