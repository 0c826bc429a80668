"""Long work outside of requests, by the API of Django's Tasks framework.

A task is declared with `@task` and started with
`some_task.using(actor=…, business_id=…).enqueue(…)`, as in Django 6. What runs it is a
table and a worker of our own (`audit/jobs/worker.py`): jobs survive a killed worker, go
on where they stopped, and can be cancelled. ADR 25 says why.
"""

from __future__ import annotations

from audit.jobs.services import (
    cancel_job,
    find_job,
    lines_of,
    list_jobs,
    newest_jobs,
    room_for_jobs,
    was_begun,
)
from audit.jobs.tasks import LINES_PER_PAGE, JobContext, JobTask, task
from audit.models import JobStatus
