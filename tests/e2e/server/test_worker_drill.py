"""A worker is killed again and again: its job ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.databases import ROOT, Database
from tests.e2e import live
from tests.long import IS_LONG

pytestmark = pytest.mark.e2e
KILLS = 10 if IS_LONG else 2
# Long enough for every piece, short enough for many kills in a test.
LEASE = "2"
FINISH = [sys.executable, "-m", "tests.e2e.finish_jobs"]


@dataclass(frozen=True)
class Kind:
    """A kind of job: for how many rows it is made, and what its report counts."""

    name: str
    short: int
    long: int
    counted: tuple[str, ...] = ()
    # Rows of one piece.
    piece: int = 100

    @property
    def rows(self) -> int:
        return self.long if IS_LONG else self.short


# A file has a few rows more than it is made for; a preview reports in the file's row.
KINDS = [
    Kind("archive", 400, 3_000, ("archived",)),
    Kind("preview", 1_000, 12_000, (), piece=500),
    Kind("load", 1_000, 4_000, ("new", "changed", "unchanged", "rejected")),
    Kind("replay", 40, 300, ("taken", "left in quarantine"), piece=5),
]
ARCHIVE = KINDS[0]
# A preview reads the file as a load does, and changes nothing.
DRILLED = KINDS if IS_LONG else [kind for kind in KINDS if kind.name != "preview"]


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


def wait_for(
    hub: live.Hub, job: str, done: int, *, after: int = 0, seconds: float = 90
) -> None:
    """Wait until so many rows are done and a worker more has come, or the job ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, so_far, attempt, _ = state(hub, job)
        if status not in ("ready", "running") or (so_far >= done and attempt > after):
            return
        time.sleep(0.01)
    pytest.fail(f"The job stands still: {state(hub, job)}.")


def make_job(hub: live.Hub, kind: Kind) -> str:
    made = hub._run("-m", "tests.e2e.make_job", kind.name, str(kind.rows))
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@contextmanager
def undisturbed(hub: live.Hub, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Do the same job beside, on a copy of its own; its output is the picture."""
    twin = live.Hub(hub.database.copy(folder), folder)
    process = subprocess.Popen(
        FINISH, cwd=ROOT, env=twin.environment, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        twin.database.drop()


def kill_again_and_again(hub: live.Hub, job: str, kind: Kind, log: Path) -> int:
    """Kill workers of a job at random points; return how many were at it."""
    pieces = range(kind.rows // kind.piece)
    killed = 0
    for point in sorted(random.sample(pieces, min(KILLS, len(pieces)))):
        before = state(hub, job)[2]
        with worker(hub, log) as process:
            wait_for(hub, job, point * kind.piece, after=before)
            # Anywhere in a piece, not only after its commit.
            time.sleep(random.random() / 10)
            process.send_signal(signal.SIGKILL)
            process.wait()
        killed += state(hub, job)[0] == "running"
    return killed


@pytest.mark.parametrize("kind", DRILLED, ids=lambda kind: kind.name)
def test_a_job_survives_the_kills_of_its_workers(kind, drilled, tmp_path):
    job, log = make_job(drilled, kind), tmp_path / "worker.log"
    with undisturbed(drilled, tmp_path) as twin:
        killed = kill_again_and_again(drilled, job, kind, log)
        with worker(drilled, log):
            wait_for(drilled, job, sys.maxsize)
        expected = json.loads(twin.communicate(timeout=120)[0])
    status, done, attempt, report = state(drilled, job)
    report = report if isinstance(report, dict) else json.loads(report)

    assert (status, done) == ("successful", done_of(expected)), log.read_text()[-3000:]
    assert killed >= KILLS / 2
    assert attempt == killed + 1
    assert all(report[name] > 0 for name in kind.counted), report
    assert sum(report.values()) == (done if kind.counted else 0)
    # Each row of each table is there, and once.
    found = subprocess.run(
        FINISH, cwd=ROOT, env=drilled.environment, stdout=subprocess.PIPE, check=True
    )
    assert differences(json.loads(found.stdout), expected) == {}


def done_of(picture: dict[str, list[str]]) -> int:
    """Return how many rows the job of a picture has done."""
    [job] = picture["audit.Job"]
    return int(job.partition(" done=")[2].partition(",")[0])


def differences(
    found: dict[str, list[str]], expected: dict[str, list[str]]
) -> dict[str, Any]:
    """Return by table what is doubled or foreign, and what is missing."""
    return {
        table: {
            "too much": list((Counter(found[table]) - Counter(rows)).elements())[:5],
            "missing": list((Counter(rows) - Counter(found[table])).elements())[:5],
        }
        for table, rows in expected.items()
        if found[table] != rows
    }


def test_one_sigterm_ends_a_worker_after_its_piece(drilled, tmp_path):
    job, log = make_job(drilled, ARCHIVE), tmp_path / "worker.log"
    with worker(drilled, log) as process:
        wait_for(drilled, job, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    status, done, _, _ = state(drilled, job)
    assert status == "ready"
    assert 0 < done < ARCHIVE.rows
    # It was given back: nobody waits for a lease.
    with worker(drilled, log):
        wait_for(drilled, job, ARCHIVE.rows + 1)
    assert state(drilled, job)[:2] == ("successful", ARCHIVE.rows)


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
