"""Layers that no import contract sees: what runs when an upper one is not there."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.databases import ROOT, Database, environment


def test_the_site_runs_without_captures(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'bare.sqlite3'}")
    variables = environment(database, tmp_path)
    variables |= {"DJANGO_SETTINGS_MODULE": "tests.without_capture"}

    done = subprocess.run(
        [sys.executable, "-m", "tests.house.bare_site"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert not [name for name in found["tables"] if name.startswith("capture")]
    assert found["statuses"] == {
        "/": 200,
        "/admin/": 200,
        "/admin/account/": 200,
        "/admin/customers/customer/": 200,
        "/admin/login/": 200,
        "/api/nothing": 404,
        "/api/schema/": 200,
        "/api/v1/captures": 404,
        "/api/v1/customers": 200,
        "/api/v1/me": 200,
        "/demo/": 404,
        "/healthz": 200,
        "/readyz": 200,
    }
