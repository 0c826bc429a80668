"""The PINs that a document once printed stand in no file of this repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from audit.accounts.pins import is_denied

ROOT = Path(__file__).resolve().parents[2]
# Six digits and no more; a fingerprint or an id holds longer rows.
SIX = re.compile(rb"(?<![0-9A-Za-z_])[0-9]{6}(?![0-9A-Za-z_])")
looked_at = cache(is_denied)


def files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("This is no checkout; the files are those of one.")
    listed = subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_file_holds_one():
    numbers = {
        (found.decode(), path.relative_to(ROOT))
        for path in files()
        for found in SIX.findall(path.read_bytes())
    }

    assert len(numbers) > 10
    wrong = sorted(str(path) for number, path in numbers if looked_at(number))
    assert wrong == [], "These hold a printed PIN. Take other digits."
