"""A live hub for the whole run, and a shop of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Database, migrated
from tests.e2e import live
from tests.e2e.server.office import Office


@pytest.fixture(scope="session")
def live_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A migrated database to copy; nobody writes into it."""
    return migrated(tmp_path_factory)


@pytest.fixture(scope="session")
def hub(template: Database, live_folder: Path) -> Iterator[live.Hub]:
    with live.running(template, live_folder) as running:
        yield running


@pytest.fixture(scope="session")
def office(hub: live.Hub) -> Office:
    """The bakery with its people, and somebody who runs it."""
    return Office.open(hub, 150)


@pytest.fixture
def shop(hub: live.Hub) -> live.Shop:
    return hub.open_shops(1)[0]


@pytest.fixture(autouse=True)
def nothing_failed_unseen(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which the server logged a fault, whatever it answered."""
    if "hub" not in request.fixturenames:
        yield
        return
    server = request.getfixturevalue("hub").server
    before = len(server.faults())
    yield
    assert server.faults()[before:] == []
