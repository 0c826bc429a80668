"""`manage.py setup`: the first .env and the static files, in a checkout of its own."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import setup

ROOT = setup.ROOT
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".env", "*.sqlite3*", "__pycache__", ".*_cache", "media", "tests"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write .env into, under a mask that would let everybody read it."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    mask = os.umask(0)
    yield tmp_path
    os.umask(mask)


def values(path: Path) -> dict[str, str]:
    lines = re.findall(r"^([A-Z_]+)=(.*)$", path.read_text(), re.MULTILINE)
    return dict(lines)


def write(root: Path, *arguments: str) -> dict[str, str]:
    path = root / ".env"
    assert setup.write_configuration(path, setup.parse(list(arguments)))
    return values(path)


def test_the_first_configuration_is_for_its_owner_alone(root):
    write(root)

    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_it_differs_from_the_example_in_its_secrets(root):
    written, example = write(root), values(root / ".env.example")

    secrets = {"HOLDFAST_SECRET_KEY", "HOLDFAST_HASH_KEY", "HOLDFAST_LOOKUP_KEY"}
    secrets |= {"HOLDFAST_PIN_PEPPER"}
    assert {name for name in example if written[name] != example[name]} == secrets
    assert len({written[name] for name in secrets}) == 4
    assert min(len(written[name]) for name in secrets) >= 50


def test_a_host_is_served_behind_a_proxy(root):
    url = "postgresql:///holdfast?host=/run/postgresql"

    written = write(root, "--host", "Hub.Example.com", "--database", url)

    assert written["HOLDFAST_ALLOWED_HOSTS"] == "hub.example.com,localhost,127.0.0.1"
    assert written["HOLDFAST_PROXY_HTTPS"] == "true"
    assert written["HOLDFAST_TRUSTED_PROXIES"] == "1"
    assert written["DATABASE_URL"] == url


def test_a_configuration_that_is_there_stays(root):
    (root / ".env").write_text("HOLDFAST_DEBUG=true\n")

    assert not setup.write_configuration(root / ".env", setup.parse([]))
    assert values(root / ".env") == {"HOLDFAST_DEBUG": "true"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "https://hub.example.com"], "no host name"),
        (["--host", "hub\nHOLDFAST_DEBUG=true"], "no host name"),
        (["--database", "mysql://x"], "not a database URL"),
        (["--database", "postgresql://x\nHOLDFAST_DEBUG=true"], "not a database URL"),
        (["--database", r"postgresql://x\1"], "not a database URL"),
    ],
)
def test_wrong_values_say_the_fix_and_are_not_repeated(capsys, arguments, sentence):
    with pytest.raises(SystemExit) as refused:
        setup.parse(arguments)

    assert refused.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of the code that nobody has set up."""
    copied = tmp_path / "checkout"
    shutil.copytree(ROOT, copied, ignore=NOT_COPIED)
    return copied


def manage(checkout: Path, *arguments: str) -> tuple[int, str]:
    process = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOLDFAST_NO_BOOTSTRAP": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout


@pytest.mark.slow
def test_a_hub_is_ready_to_serve_after_the_documented_commands(checkout):
    """Each step that is left out is one line that names it."""
    status, output = manage(checkout, "serve")
    assert (status, output.count("\n")) == (1, 1)
    assert "HOLDFAST_SECRET_KEY is not set" in output

    status, output = manage(checkout, "setup", "--host", "hub.example.com")
    assert (status, "Wrote " in output) == (0, True), output
    status, output = manage(checkout, "serve")
    assert (status, output.count("\n")) == (1, 1), output
    assert "There is no database" in output
    assert not (checkout / "holdfast.sqlite3").exists()

    assert manage(checkout, "migrate", "--verbosity=0") == (0, "")
    status, output = manage(checkout, "check", "--deploy", "--database", "default")
    # Where mails go is the one thing that nobody can know.
    ids = re.findall(r"\((\w+\.[EWI]\d+)\)", output)
    assert (status, ids) == (0, ["config.W004"]), output

    (checkout / "staticfiles" / "staticfiles.json").unlink()
    status, output = manage(checkout, "serve")
    assert (status, output.count("\n")) == (1, 1), output
    assert "manage.py setup" in output
    status, output = manage(checkout, "setup")
    assert (status, "Kept " in output) == (0, True), output
