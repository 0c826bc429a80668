"""Running jobs in a test: claimed and done on its own connection."""

from __future__ import annotations

from audit.jobs.worker import Worker

QUEUES = ("default", "long")


def run_jobs() -> int:
    """Run what is due until nothing is, as a worker does; return how many claims."""
    worker = Worker(QUEUES)
    count = 0
    while worker.run_next():
        count += 1
    return count
