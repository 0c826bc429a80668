"""The published description, taken at its word by schemathesis."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


def test_every_operation_answers_as_described(shop, tmp_path):
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"{shop.hub.server.url}/api/v1/openapi.json",
        f"--header=Authorization: Bearer {shop.secret}",
        f"--checks={','.join(CHECKS)}",
        "--phases=examples,fuzzing",
        "--max-examples=20",
        "--seed=1",
        "--request-timeout=20",
        "--no-color",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert shop.count("capture_capture") + shop.count("capture_quarantine") > 50
