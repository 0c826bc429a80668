"""@segment/analytics-node, unmodified, against a live server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.proxy import LossyProxy

pytestmark = pytest.mark.e2e
PACKAGE = "@segment/analytics-node@3.1.0"
KINDS = {"profile": 2, "page": 2, "alias": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client and the script that uses it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed; the client comes from its registry.")
    folder = tmp_path_factory.mktemp("node")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", f"--prefix={folder}"]
    done = subprocess.run(
        [npm, "install", *options, PACKAGE],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {PACKAGE}: {done.stderr[-200:]}")
    shutil.copy(Path(__file__).with_name("send.mjs"), folder)
    return folder


@pytest.fixture
def send(folder: Path) -> Callable[..., None]:
    def run(*arguments: str) -> None:
        done = subprocess.run(
            [shutil.which("node") or "node", "send.mjs", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == {"errors": []}

    return run


def assert_all_arrived(shop, events):
    kept = shop.captures()
    kinds = Counter(row["type"] for row in kept.values())
    assert kinds == {**KINDS, "event": events + 1}
    names = Counter(row["event_name"] for row in kept.values())
    assert all(names[f"Clicked {n}"] == 1 for n in range(events))
    assert len(shop.owners() - {None}) == len(shop.owners()) == 1
    assert shop.count("capture_quarantine") == 0


def test_every_kind_of_message_arrives_once_on_one_customer(shop, send):
    send(shop.secret, shop.hub.server.url, "250", "u-1")

    assert_all_arrived(shop, 250)
    assert shop.count("capture_sighting") == 0
    [at] = [
        row["occurred_at"]
        for row in shop.captures().values()
        if row["event_name"] == "Looked"
    ]
    assert at == datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC)


def test_lost_answers_lose_and_double_nothing(shop, send):
    with LossyProxy(shop.hub.server.port, seed=5) as proxy:
        send(shop.secret, proxy.url, "150", "u-1")

    assert proxy.dropped > 0
    assert_all_arrived(shop, 150)
    assert shop.count("capture_sighting") > 0
