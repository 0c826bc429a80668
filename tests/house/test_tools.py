"""Every tool runs as a test: one command, and no second list to keep in step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
TEMPLATES = [
    str(path.relative_to(ROOT))
    for folder in ("templates", "audit", "customers", "capture", "config")
    for path in sorted((ROOT / folder).rglob("*.html"))
]
TOOLS = {
    "formatting": ["ruff", "format", "--check"],
    "lint": ["ruff", "check"],
    "types": ["mypy"],
    "layers": ["lint-imports"],
    "templates": ["djade", "--target-version", "5.2", "--check", *TEMPLATES],
    "migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
}
# A configuration for manage.py, and no database file left in the checkout.
NEEDED = {
    "HOLDFAST_DEBUG": "true",
    "DATABASE_URL": "sqlite://:memory:",
    "HOLDFAST_NO_BOOTSTRAP": "1",
}


@pytest.mark.tools
@pytest.mark.parametrize("name", TOOLS)
def test_finds_nothing(name):
    program, *arguments = TOOLS[name]
    if name == "templates" and not TEMPLATES:
        pytest.skip("There is no template yet.")

    result = subprocess.run(
        [PROGRAMS / program, *arguments],
        cwd=ROOT,
        env=os.environ | NEEDED,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert result.returncode == 0, f"\n{' '.join(TOOLS[name])}\n{result.stdout}"
