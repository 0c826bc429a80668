"""A worker is killed again and again: its job ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.databases import ROOT, Database
from tests.e2e import live
from tests.long import IS_LONG

pytestmark = pytest.mark.e2e
CUSTOMERS, KILLS = (3_000, 10) if IS_LONG else (800, 2)
# Long enough for every piece, short enough for many kills in a test.
LEASE = "2"


@pytest.fixture
def drilled(template: Database, tmp_path: Path) -> Iterator[live.Hub]:
    """A hub without a server: a worker needs none."""
    hub = live.Hub(template.copy(tmp_path), tmp_path)
    hub.environment["HOLDFAST_JOB_LEASE_SECONDS"] = LEASE
    yield hub
    hub.database.drop()


@contextmanager
def worker(hub: live.Hub, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; it is killed at the end if it still runs."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--interval=0.05"],
            cwd=ROOT,
            env=hub.environment,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def state(hub: live.Hub, job: str) -> tuple[str, int, int, Any]:
    [(status, done, attempt, report)] = hub.database.rows(
        "SELECT status, done, attempt, report FROM audit_job WHERE id = ?", UUID(job)
    )
    return status, done, attempt, report


def wait_for(hub: live.Hub, job: str, done: int, *, seconds: float = 90) -> None:
    """Wait until so many rows are done, or the job has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, so_far, _, _ = state(hub, job)
        if so_far >= done or status not in ("ready", "running"):
            return
        time.sleep(0.01)
    pytest.fail(f"The job stands still: {state(hub, job)}.")


def make_job(hub: live.Hub) -> str:
    made = hub._run("-m", "tests.e2e.make_job", str(CUSTOMERS))
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_a_job_survives_the_kills_of_its_workers(drilled, tmp_path):
    job, log = make_job(drilled), tmp_path / "worker.log"
    points = sorted(random.sample(range(1, CUSTOMERS), KILLS))
    for point in points:
        with worker(drilled, log) as process:
            wait_for(drilled, job, point)
            # Anywhere in a piece, not only after its commit.
            time.sleep(random.random() / 20)
            process.send_signal(signal.SIGKILL)
    with worker(drilled, log):
        wait_for(drilled, job, CUSTOMERS + 1)

    status, done, attempt, report = state(drilled, job)
    report = report if isinstance(report, dict) else json.loads(report)
    assert (status, done) == ("successful", CUSTOMERS), log.read_text()[-3000:]
    assert report == {"archived": CUSTOMERS, "left as they were": 0}
    assert attempt > 1
    # Each customer was archived once, in the one operation of the job.
    rows = drilled.database.rows(
        "SELECT count(*), count(DISTINCT id) FROM customers_historicalcustomer "
        "WHERE operation_id = ?",
        UUID(job),
    )
    assert rows == [(CUSTOMERS, CUSTOMERS)]
    assert drilled.database.rows(
        "SELECT count(*) FROM customers_customer WHERE archived_at IS NOT NULL"
    ) == [(CUSTOMERS,)]


def test_one_sigterm_ends_a_worker_after_its_piece(drilled, tmp_path):
    job, log = make_job(drilled), tmp_path / "worker.log"
    with worker(drilled, log) as process:
        wait_for(drilled, job, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    status, done, _, _ = state(drilled, job)
    assert status == "ready"
    assert 0 < done < CUSTOMERS
    # It was given back: nobody waits for a lease.
    with worker(drilled, log):
        wait_for(drilled, job, CUSTOMERS + 1)
    assert state(drilled, job)[:2] == ("successful", CUSTOMERS)


def test_a_worker_of_a_parent_ends_with_it(drilled, tmp_path):
    log = tmp_path / "worker.log"
    started = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, 'manage.py', 'worker',"
        " '--with-parent', '--interval=0.05'], stdout=subprocess.PIPE);"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(600)"
    )
    with log.open("wb") as out:
        parent = subprocess.Popen(
            [sys.executable, "-c", started],
            cwd=ROOT,
            env=drilled.environment,
            stdout=subprocess.PIPE,
            stderr=out,
        )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        if "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()
