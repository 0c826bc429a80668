"""A client made from the committed description, without an edit, against the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
PROGRAMS = Path(sys.executable).parent
SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"


def run(*command: str, cwd: Path) -> None:
    # The generator tidies up with ruff, which it looks for on the path.
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_a_client_is_made_without_a_warning_and_works(office, tmp_path):
    program = str(PROGRAMS / "openapi-python-client")
    options = ["--meta", "none", "--output-path", "hub", "--fail-on-warning"]

    run(program, "generate", "--path", str(SCHEMA), *options, cwd=tmp_path)
    shutil.copy(Path(__file__).with_name("use_client.py"), tmp_path)
    run(
        *(sys.executable, "use_client.py", office.hub.server.url, office.token),
        cwd=tmp_path,
    )
