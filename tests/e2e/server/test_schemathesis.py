"""The published description, taken at its word by schemathesis, with every check on.

Fixed examples, so that a run takes a minute. For a longer look, with as many as wanted:
`HOLDFAST_FUZZ_EXAMPLES=300 HOLDFAST_FUZZ_SEED=5 python -m pytest -n 0 -m e2e <this file>`
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server.office import CSRF, Office

pytestmark = pytest.mark.e2e
EXAMPLES = os.environ.get("HOLDFAST_FUZZ_EXAMPLES", "8")
SEED = os.environ.get("HOLDFAST_FUZZ_SEED", "1")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def office(hub) -> Office:
    return Office.open(hub, 150)


def toml(values: dict[str, Any]) -> str:
    return (
        "{"
        + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in values.items())
        + "}"
    )


def configuration(office: Office) -> str:
    """Return the settings of schemathesis: who asks, and for which rows."""
    lines = [
        'hooks = "tests.e2e.server.fuzz_hooks"',
        "[auth.openapi]",
        f"staffToken = {toml({'bearer': office.token})}",
        f"captureKey = {toml({'bearer': office.key})}",
        f"staffSession = {toml({'api_key': office.session})}",
        f"csrfToken = {toml({'api_key': CSRF})}",
        "[generation]",
        # Unknown parameters are refused, which OpenAPI cannot say of a query.
        "allow-extra-parameters = false",
        "[dictionaries]",
    ]
    known = office.known_values()
    for n, values in enumerate(known.values()):
        lines.append(
            f"d{n} = {json.dumps({'values': values})}".replace(
                '{"values":', "{values ="
            )
        )
    for n, (path, name) in enumerate(known):
        lines += [
            "[[operations]]",
            f"include-path = {json.dumps(path)}",
            f'parameters = {{"path.{name}" = {{dictionary = "d{n}", probability = 0.95}}}}',
        ]
    return "\n".join(lines) + "\n"


def test_every_operation_answers_as_described(office, tmp_path):
    config = tmp_path / "schemathesis.toml"
    config.write_text(configuration(office))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"),
        f"{office.hub.server.url}/api/schema/?format=json",
        "--checks=all",
        f"--max-examples={EXAMPLES}",
        f"--seed={SEED}",
        "--workers=4",
        "--request-timeout=20",
        "--generation-database=none",
        "--no-color",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"FUZZ_CSRF": CSRF, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    (Path("/tmp") / "fuzz.out").write_text(done.stdout + done.stderr)

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
