"""Jobs are done once, whatever happens to their workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import override

from audit import jobs
from audit.jobs.services import old_job_batches, old_jobs
from audit.jobs.tasks import JobContext, LeaseLost
from audit.jobs.worker import MAX_FAILURES, Worker, _actor_of, _lease
from audit.models import Event, Job, JobBatch, JobStatus, Operation
from customers.models import Customer, Membership
from tests.audit.jobs import tasks
from tests.conftest import actor_of, staff
from tests.jobs import QUEUES, run_jobs


@pytest.fixture
def job(bakery, actor):
    """A job of five pieces, which nobody has begun."""
    started = tasks.make_customers.using(
        actor=actor, business_id=bakery.pk, total=5
    ).enqueue(business=str(bakery.pk), count=5)
    return Job.objects.get(pk=started.id)


def claimed(job: Job) -> tuple[Worker, Job]:
    """Return a worker that has claimed the job, and its row."""
    worker = Worker(QUEUES)
    row = worker._claim()
    assert row is not None
    assert row.pk == job.pk
    return worker, row


def context_of(worker: Worker, job: Job):
    return JobContext(
        job,
        _actor_of(job),
        lease=_lease,
        is_stopping=lambda: worker.is_stopping,
        check_permissions=lambda: None,
    )


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def test_a_job_is_done_in_one_operation_that_is_its_own(job, bakery):
    assert run_jobs() == 1

    job.refresh_from_db()
    assert (job.status, job.done, job.report) == ("successful", 5, {"made": 5})
    assert job.finished_at is not None
    assert Customer.objects.filter(business=bakery).count() == 5
    asked, finished = Event.objects.filter(object_id=str(job.pk)).order_by("pk")
    assert (asked.action, finished.action) == ("job.asked", "job.finished")
    assert asked.operation_id == job.operation_id != job.pk
    assert finished.operation_id == job.pk
    assert Operation.objects.get(pk=job.pk).via == "job"


def test_a_job_runs_in_english_whatever_runs_around_it(bakery, actor):
    tasks.say_language.using(actor=actor, business_id=bakery.pk).enqueue()

    with override("de"):
        run_jobs()
    assert Job.objects.get().report == {"en": 1}


def test_a_rolled_back_request_leaves_no_job(bakery, actor):
    with transaction.atomic():
        tasks.count_rows.using(actor=actor, business_id=bakery.pk).enqueue()
        transaction.set_rollback(True)

    assert not Job.objects.exists()


def test_the_result_is_that_of_the_tasks_api(job):
    result = tasks.make_customers.get_result(str(job.pk))
    assert result.status == "READY"
    run_jobs()
    result.refresh()
    assert result.status == "SUCCESSFUL"


def test_what_a_killed_worker_left_is_gone_on_with(job):
    worker, row = claimed(job)
    context = context_of(worker, row)
    for number in range(2):
        with context.piece(number + 1, cursor=number + 1):
            context.count(made=1)
    # Its process is gone here: nobody gives the job back.
    assert run_jobs() == 0
    expire(job)
    assert run_jobs() == 1

    job.refresh_from_db()
    assert (job.status, job.done, job.attempt) == ("successful", 5, 2)
    assert job.report == {"made": 5}
    assert Customer.objects.count() == 3


def test_a_worker_that_wakes_up_late_writes_nothing(job, bakery):
    worker, row = claimed(job)
    late = context_of(worker, row)
    expire(job)
    run_jobs()

    def wake_up():
        with late.piece(1, cursor=1):
            Customer.objects.as_actor(late.actor).create(business=bakery, name="Twice")

    with pytest.raises(LeaseLost):
        wake_up()
    worker._end(row, JobStatus.FAILED, error="late")
    job.refresh_from_db()
    assert (job.status, job.error) == ("successful", "")
    assert Customer.objects.count() == 5


def test_a_lease_of_a_wrong_clock_is_not_believed(job):
    claimed(job)
    Job.objects.update(lease_until=timezone.now() + timedelta(days=1))

    assert run_jobs() == 1


def test_a_job_that_waits_for_its_time_is_left(job):
    Job.objects.update(run_after=timezone.now() + timedelta(hours=1))
    assert run_jobs() == 0


def test_the_more_urgent_job_is_first(bakery, actor):
    base = tasks.count_rows.using(actor=actor, business_id=bakery.pk)
    later = base.enqueue()
    urgent = base.using(priority=10).enqueue()

    assert str(Worker(QUEUES)._claim().pk) == urgent.id
    assert str(Worker(QUEUES)._claim().pk) == later.id


def test_a_job_of_another_queue_is_left(job):
    assert Worker(["default"])._claim() is None


def test_one_that_waits_is_cancelled_at_once(job, actor):
    jobs.cancel_job(job, actor=actor)

    assert job.status == JobStatus.CANCELLED
    assert run_jobs() == 0
    assert Event.objects.filter(action="job.cancelled").count() == 1


def test_one_that_runs_ends_before_its_next_piece(job, actor):
    worker, row = claimed(job)
    jobs.cancel_job(row, actor=actor)
    worker._run(row)

    job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.CANCELLED, 0)
    assert not Customer.objects.exists()


def test_a_worker_that_is_told_to_end_gives_its_job_back(job):
    worker, row = claimed(job)
    worker.stop()
    worker._run(row)

    job.refresh_from_db()
    assert (job.status, job.failures) == (JobStatus.READY, 0)
    run_jobs()
    job.refresh_from_db()
    assert job.status == JobStatus.SUCCESSFUL


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("denied", "permission_denied"),
        ("invalid", "too_large"),
        ("other", "RuntimeError"),
    ],
)
def test_a_failure_is_a_code_and_never_a_text(bakery, actor, how, code):
    tasks.fail.using(actor=actor, business_id=bakery.pk).enqueue(how=how)
    run_jobs()

    job = Job.objects.get()
    assert (job.status, job.error) == (JobStatus.FAILED, code)
    rows = [*Job.objects.values(), *Event.objects.values()]
    assert tasks.SECRET not in str(rows)


def test_a_database_that_is_away_is_no_failure_of_the_job(bakery, actor, monkeypatch):
    tasks.fail.using(actor=actor, business_id=bakery.pk).enqueue(how="database")
    worker = Worker(QUEUES)
    row = worker._claim()
    # Closing the connection would take the test's transaction with it.
    monkeypatch.setattr(connections, "close_all", lambda: None)
    worker._run(row)

    job = Job.objects.get()
    assert (job.status, job.failures, job.error) == (JobStatus.READY, 1, "postponed")
    # It waits, for a while.
    assert run_jobs() == 0
    expire(job)
    assert Worker(QUEUES)._claim() is not None


def test_a_job_that_kills_its_workers_is_given_up(job):
    for _ in range(MAX_FAILURES):
        claimed(job)
        expire(job)
    run_jobs()

    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, "lost")


def test_progress_forgets_earlier_failures(job):
    Job.objects.update(failures=F("failures") + MAX_FAILURES - 1)
    worker, row = claimed(job)
    with context_of(worker, row).piece(1, cursor=1):
        pass
    expire(job)
    run_jobs()

    job.refresh_from_db()
    assert job.status == JobStatus.SUCCESSFUL


@pytest.mark.parametrize(
    ("reached", "end"),
    [([1, 2, 3, 4], ("successful", "")), ([2] * 4, ("failed", "lost"))],
)
def test_what_begins_anew_is_given_up_where_it_comes_no_further(
    bakery, actor, reached, end
):
    tasks.look_through.using(actor=actor, business_id=bakery.pk).enqueue(count=5)
    job = Job.objects.get()
    for most in reached:
        worker, row = claimed(job)
        context = context_of(worker, row)
        for number in range(most):
            context.step(number + 1, is_resumable=False)
            job.refresh_from_db()
            # How far it once was is not taken back.
            assert job.done == max(number + 1, row.done)
        expire(job)
    run_jobs()

    job.refresh_from_db()
    assert (job.status, job.error) == end


def test_what_a_killed_worker_was_refused_is_told_once(bakery, actor):
    user = staff(bakery)
    tasks.look_through.using(actor=actor_of(user), business_id=bakery.pk).enqueue(
        count=3
    )
    job = Job.objects.get()
    for _ in range(2):
        worker, row = claimed(job)
        context = context_of(worker, row)
        context.actor.operation.refuse("not_found", "customers.customer")
        for done in range(2):
            context.step(done)
        # Its process is gone here, with what it had noted.
        expire(job)
    run_jobs()

    told = Event.objects.get(action="access.denied")
    assert (told.operation_id, told.code) == (job.pk, "not_found")
    assert told.actor_id == user.pk


def test_the_same_work_is_not_started_twice(bakery, actor):
    base = tasks.count_rows.using(actor=actor, business_id=bakery.pk, key="import:1")
    first, second = base.enqueue(), base.enqueue()
    assert first.id == second.id
    run_jobs()
    assert base.enqueue().id != first.id


def end_membership(user):
    row = Membership.objects.get(user=user)
    row.ended_at = timezone.now()
    row.as_actor(actor_of(user)).save()


def test_a_job_has_the_rights_of_the_moment_at_which_it_runs(bakery, rival):
    user = staff(bakery)
    base = tasks.count_rows.using(actor=actor_of(user), business_id=bakery.pk)
    base.enqueue()
    end_membership(user)
    run_jobs()

    assert Job.objects.get().report == {"rows": 0}


def test_a_job_ends_when_the_rights_of_who_asked_end_in_its_midst(bakery):
    user = staff(bakery)
    tasks.make_customers.using(actor=actor_of(user), business_id=bakery.pk).enqueue(
        business=str(bakery.pk), count=5
    )
    worker = Worker(QUEUES)
    row = worker._claim()
    made: list[int] = []

    def after_two(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "customers_customer" '):
            made.append(1)
            if len(made) == 3:
                end_membership(user)
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(after_two):
        worker._run(row)

    job = Job.objects.get()
    assert (job.status, job.error) == (JobStatus.FAILED, "permission_denied")
    assert 0 < job.done < 5


def test_a_closed_account_does_nothing_more(bakery):
    user = staff(bakery)
    tasks.count_rows.using(actor=actor_of(user), business_id=bakery.pk).enqueue()
    user.is_active = False
    user.save()
    run_jobs()

    assert Job.objects.get().error == "permission_denied"


def told_of(job: Job) -> list[tuple[str, str, Any]]:
    """Return what the trail says of a job itself: the act, its code, and who."""
    events = Event.objects.filter(object_id=str(job.pk)).order_by("pk")
    return list(events.values_list("action", "code", "actor_id"))


def test_a_job_of_an_altered_account_ends_and_the_next_one_is_done(bakery, actor):
    user = staff(bakery)
    base = tasks.count_rows.using(business_id=bakery.pk)
    base.using(actor=actor_of(user)).enqueue()
    base.using(actor=actor).enqueue()
    tasks.forge_account(user.pk)
    assert run_jobs() == 2

    job, after = Job.objects.order_by("pk")
    assert (job.status, job.error) == (JobStatus.FAILED, "permission_denied")
    assert told_of(job) == [
        ("job.asked", "", user.pk),
        ("job.failed", "permission_denied", user.pk),
    ]
    assert after.status == JobStatus.SUCCESSFUL


@pytest.mark.parametrize(
    ("cancelled", "end"),
    [(False, "permission_denied"), (True, "")],
)
def test_an_account_that_is_altered_meanwhile_ends_its_job_alone(
    bakery, monkeypatch, cancelled, end
):
    user = staff(bakery)
    tasks.be_forged.using(actor=actor_of(user), business_id=bakery.pk).enqueue()
    if cancelled:
        # By somebody who has the right, between the check and the step.
        monkeypatch.setattr("audit.jobs.worker._check_permissions", lambda *_: None)
        monkeypatch.setattr(tasks, "BETWEEN", cancel_all)
    run_jobs()

    job = Job.objects.get()
    ended = JobStatus.CANCELLED if cancelled else JobStatus.FAILED
    assert (job.status, job.error, job.done) == (ended, end, 1)
    assert told_of(job)[-1][1:] == (end, user.pk)


def cancel_all() -> None:
    Job.objects.update(cancel_requested=True)


def test_a_job_of_an_altered_account_that_kills_its_workers_is_given_up(bakery):
    user = staff(bakery)
    tasks.count_rows.using(actor=actor_of(user), business_id=bakery.pk).enqueue()
    job = Job.objects.get()
    for _ in range(MAX_FAILURES):
        claimed(job)
        expire(job)
    tasks.forge_account(user.pk)
    run_jobs()

    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, "lost")
    assert told_of(job)[-1] == ("job.failed", "lost", user.pk)


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "audit.jobs.tasks.gone"},
        {"task": "no.such.module"},
        {"task": "no name at all"},
        {"task": "audit.canonical.__doc__"},
        {"args": [1]},
        {"args": {"unknown": 1}},
        {"report": [1]},
        {"cursor": "not a number"},
    ],
    ids=str,
)
def test_a_job_that_makes_no_sense_fails_and_stops_no_other(
    job, bakery, actor, changes
):
    tasks.count_rows.using(actor=actor, business_id=bakery.pk).enqueue()
    Job.objects.filter(pk=job.pk).update(**changes)
    run_jobs()

    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert told_of(job)[-1][:2] == ("job.failed", job.error)
    assert Job.objects.exclude(pk=job.pk).get().status == JobStatus.SUCCESSFUL


def test_a_job_whose_end_cannot_be_written_stops_no_other(
    job, bakery, actor, monkeypatch
):
    tasks.count_rows.using(actor=actor, business_id=bakery.pk).enqueue()
    end = Worker._end

    def refuse(worker, row, *args, **kwargs):
        if row.pk == job.pk:
            raise RuntimeError(tasks.SECRET)
        end(worker, row, *args, **kwargs)

    monkeypatch.setattr(Worker, "_end", refuse)
    assert run_jobs() == 2

    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING
    assert Job.objects.exclude(pk=job.pk).get().status == JobStatus.SUCCESSFUL


def test_nobody_asks_for_a_job_in_a_foreign_business(bakery, rival):
    base = tasks.count_rows.using(actor=actor_of(staff(bakery)))
    for business_id in (rival.pk, None):
        with pytest.raises(PermissionDenied):
            base.using(business_id=business_id).enqueue()
    assert not Job.objects.exists()


def test_a_job_names_who_asks_and_each_argument(bakery, actor):
    with pytest.raises(TypeError):
        tasks.count_rows.enqueue()
    with pytest.raises(TypeError):
        tasks.count_rows.using(actor=actor, business_id=bakery.pk).enqueue(1)


def test_old_jobs_go_with_what_they_were_asked_for(bakery, actor):
    base = tasks.count_rows.using(actor=actor, business_id=bakery.pk)
    base.using(ids=[bakery.pk]).enqueue()
    run_jobs()
    assert not old_jobs().exists()
    Job.objects.update(finished_at=timezone.now() - timedelta(days=31))
    old_job_batches().delete()
    old_jobs().delete()

    assert not Job.objects.exists()
    assert not JobBatch.objects.exists()


def test_looking_for_work_takes_one_statement(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert Worker(QUEUES).run_next() is False
