"""Clients made from the committed description, without an edit, against the server.

What they do stands in docs/examples, and is what the manual shows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
PROGRAMS = Path(sys.executable).parent
DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEMA, EXAMPLES = DOCS / "openapi.json", DOCS / "examples"
PACKAGES = (
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "typescript@5.9.3",
    "@types/node@20.19.0",
)
COMPILER_OPTIONS = {
    "strict": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "types": ["node"],
}


def run(*command: str, cwd: Path) -> str:
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
    return done.stdout


def assert_changed(text: str, office) -> None:
    """The example printed what it made, and the server has it so."""
    printed = json.loads(text)
    stored = office.ask("GET", f"/api/v1/customers/{printed['id']}")
    listed = office.ask("GET", "/api/v1/customers?page_size=6&ordering=-created_at")
    references = [each["unique_id"] for each in listed["results"]]

    assert printed["references"] == references[1:]
    assert printed["customer_type"] == stored["customer_type"] == "regular"
    assert printed["name"] == stored["name"] == "Ida Lund"
    assert printed["rev"] == stored["rev"] == 2


def test_a_python_client_is_made_without_a_warning_and_works(office, tmp_path):
    program = str(PROGRAMS / "openapi-python-client")
    options = ["--meta", "none", "--output-path", "hub", "--fail-on-warning"]

    run(program, "generate", "--path", str(SCHEMA), *options, cwd=tmp_path)
    shutil.copy(EXAMPLES / "customers.py", tmp_path)
    url, token = office.hub.server.url, office.token
    text = run(sys.executable, "customers.py", url, token, cwd=tmp_path)

    assert_changed(text, office)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generator, the compiler and what the example imports."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed; the generator comes from its registry.")
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "package.json").write_text('{"type": "module"}')
    options = ["--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        [npm, "install", *options, *PACKAGES],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {PACKAGES}: {done.stderr[-200:]}")
    return folder


def test_a_typescript_client_compiles_strictly_and_works(office, folder):
    programs = folder / "node_modules" / ".bin"
    options = {"compilerOptions": COMPILER_OPTIONS, "files": ["customers.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(options))
    shutil.copy(EXAMPLES / "customers.ts", folder)
    schema = ("--output", "schema.d.ts")

    run(str(programs / "openapi-typescript"), str(SCHEMA), *schema, cwd=folder)
    run(str(programs / "tsc"), "--project", ".", cwd=folder)
    url, token = office.hub.server.url, office.token
    text = run("node", "customers.js", url, token, cwd=folder)

    assert_changed(text, office)
    assert " as " not in (EXAMPLES / "customers.ts").read_text()
