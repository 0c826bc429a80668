"""Captures go on while staff import, archive, export, replay and rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.drills.staff_work import Drill, Sizes, run, running_worker
from tests.databases import Database
from tests.e2e import live
from tests.e2e.server.office import Office

pytestmark = pytest.mark.e2e
# A page of each kind of work that needs a job, and no more.
SMALL = Sizes(imported=2_200, workbook=5_000, archived=510, replayed=120)


@pytest.fixture
def drill(template: Database, tmp_path: Path) -> Iterator[Drill]:
    with live.running(template, tmp_path) as hub, running_worker(hub):
        shop = hub.open_shops(1)[0]
        yield Drill(hub, Office.open(hub, 50), shop, SMALL)


def test_nothing_is_refused_or_lost_during_any_of_it(drill):
    run(drill, pause=0)

    told = {journal.name: journal for journal in drill.journals}
    assert len(told) == 6
    assert {name: j.refused for name, j in told.items() if j.refused} == {}
    assert {name: j.lost() for name, j in told.items() if j.lost()} == {}
    # Ten times what the drill asks for on an idle machine.
    assert max(j.slowest for j in told.values()) < 10
    assert drill.hub.server.faults() == []
