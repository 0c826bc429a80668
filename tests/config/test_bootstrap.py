"""The first start on machines of every kind, as far as one machine can play them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import bootstrap

ROOT = bootstrap.ROOT
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".env", "*.sqlite3*", "__pycache__", ".*_cache", "media"
)
# What a person's own installation of pip and uv may need to reach a package index.
PASSED_ON = re.compile(r"(PIP_|UV_|SSL_).*|.*_PROXY|.*_CA_BUNDLE|HOME", re.IGNORECASE)
PACKAGES = ("setup", "--packages-only")
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)


def _mind_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Machine:
    """A checkout and a path that holds only what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.path = folder / "path"
        self.without = folder / "without"
        self.path.mkdir()
        self.without.mkdir()
        self.extra: dict[str, str] = {}

    def put(self, name: str, program: str) -> None:
        # A script, not a link: pyenv's and Debian's Pythons find themselves by name.
        file = self.path / name
        file.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        file.chmod(0o755)

    def remove_module(self, name: str) -> None:
        message = f"No module named {name}"
        (self.without / f"{name}.py").write_text(f"raise ImportError({message!r})\n")

    def start(self, *arguments: str, python: str = "python3") -> subprocess.Popen[str]:
        passed = {k: v for k, v in os.environ.items() if PASSED_ON.fullmatch(k)}
        passed |= {"PATH": str(self.path), "PYTHONPATH": str(self.without)}
        return subprocess.Popen(
            [str(self.path / python), "manage.py", *arguments],
            cwd=self.checkout,
            env=passed | self.extra,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whoever starts the suite in the background may have it ignore Ctrl+C.
            preexec_fn=_mind_ctrl_c,  # noqa: PLW1509 - it takes no lock
        )

    def run(self, *arguments: str, python: str = "python3") -> tuple[int, str]:
        process = self.start(*arguments, python=python)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def environments(self) -> list[str]:
        return sorted(path.name for path in self.checkout.glob(".venv*"))

    def finished(self) -> bool:
        """Tell whether .venv is there, alone, and its programs start."""
        program = self.checkout / ".venv" / "bin" / "django-admin"
        shown = subprocess.run([program, "--version"], check=False, capture_output=True)
        return self.environments() == [".venv"] and shown.returncode == 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine with a Python, and a checkout that needs little but Django."""
    made = Machine(tmp_path)
    made.put("python3", BASE_PYTHON)
    (made.checkout / "config").mkdir(parents=True)
    (made.checkout / "requirements").mkdir()
    names = ("__init__.py", "bootstrap.py", "setup.py", "database_errors.py")
    for name in ("manage.py", *(f"config/{name}" for name in names)):
        shutil.copy(ROOT / name, made.checkout / name)
    pinned = (ROOT / "requirements" / "base.txt").read_text()
    blocks = re.findall(r"^(?:django|asgiref|sqlparse)==.*\n(?: .*\n)+", pinned, re.M)
    (made.checkout / "requirements" / "base.txt").write_text("".join(blocks))
    return made


@pytest.mark.parametrize("name", ["manage.py", "config/bootstrap.py"])
def test_an_old_python_can_read_the_first_lines(name):
    ast.parse((ROOT / name).read_text(), feature_version=(3, 8))


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("x\nOSError: [Errno 28] No space left on device\n", "The disk is full"),
        ("error: dns error: failed to lookup address", "no connection to the package"),
        ("NewConnectionError: Temporary failure in name resolution", "no connection"),
    ],
)
def test_a_cause_that_we_know_is_one_sentence(output, sentence):
    explained = bootstrap.explain(output)

    assert sentence in explained
    assert "\n" not in explained


def test_any_other_cause_is_told_as_the_installer_told_it():
    said = (
        "Collecting a\nERROR: In --require-hashes mode, all requirements must have "
        "their versions pinned with ==. These do not:\n\n"
        "    coverage[toml]>=7.10.6 from …\n"
    )

    explained = bootstrap.explain(said)

    assert explained.startswith("The packages could not be installed.\nERROR: In --req")
    assert explained.endswith("    coverage[toml]>=7.10.6 from …")
    assert "The installer said nothing." in bootstrap.explain("")


def test_an_installation_shows_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "PROGRESS_SECONDS", -1)
    progress = bootstrap.Progress("base.txt")

    for line in ("Collecting a==1", "  Downloading a", "Collecting b==2", "Installing"):
        progress.note(line)
    progress.note("Installing collected packages: a, b")

    total = progress.total
    shown = capsys.readouterr().err
    assert total > 30
    assert f"downloading 2 of {total} packages" in shown
    assert "installing 2 packages" in shown


def test_a_long_installation_is_told_now_and_then(capsys):
    progress = bootstrap.Progress("base.txt")

    progress.note("Collecting a==1")

    assert capsys.readouterr().err == ""


def test_leftovers_of_dead_starts_go_and_those_of_live_ones_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive = tmp_path / f"{bootstrap.BUILDING}{os.getpid()}"
    for folder in (alive, tmp_path / f"{bootstrap.BUILDING}{dead.pid}"):
        folder.mkdir()
    (tmp_path / ".venv.new-mine").mkdir()

    bootstrap.remove_leftovers()

    assert {path.name for path in tmp_path.iterdir()} == {alive.name, ".venv.new-mine"}


def test_python_only_names_the_package_at_once(machine):
    machine.remove_module("ensurepip")
    machine.remove_module("pip")

    status, output = machine.run("demo")

    assert status == 1
    assert "Install python3-venv" in output
    assert "Traceback" not in output
    assert machine.environments() == []


def test_commands_that_do_not_prepare_leave_everything_alone(machine):
    status, output = machine.run("migrate")

    assert (status, "python3 manage.py setup" in output) == (1, True)
    assert machine.environments() == []


def test_the_variable_turns_it_off(machine):
    machine.extra["HOLDFAST_NO_BOOTSTRAP"] = "1"

    status, output = machine.run("test")

    assert (status, "No module named 'django'" in output) == (1, True)
    assert machine.environments() == []


def test_a_broken_environment_is_named_and_kept(machine):
    half = machine.checkout / ".venv" / "bin"
    half.mkdir(parents=True)
    (half / "python").symlink_to("/nonexistent/python")

    status, output = machine.run(*PACKAGES)

    assert (status, "rm -rf" in output, str(half.parent) in output) == (1, True, True)
    assert machine.environments() == [".venv"]
    assert (half / "python").is_symlink()


@pytest.mark.slow
def test_no_network_is_one_sentence(machine):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    # Nobody listens there any more.
    machine.extra |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": f"http://127.0.0.1:{port}/",
        "PIP_RETRIES": "0",
    }

    status, output = machine.run(*PACKAGES)

    assert (status, "no connection to the package index" in output) == (1, True)
    assert "Traceback" not in output
    assert machine.environments() == []


@pytest.mark.slow
def test_with_venv_then_instantly_then_after_a_change(machine):
    assert machine.run(*PACKAGES)[0] == 0
    assert machine.finished()

    began = time.monotonic()
    status, output = machine.run(*PACKAGES)
    assert (status, "Preparing" in output) == (0, False)
    assert time.monotonic() - began < 3

    with (machine.checkout / "requirements" / "base.txt").open("a") as file:
        file.write("# a change\n")
    status, output = machine.run(*PACKAGES)
    assert (status, "Preparing" in output) == (0, True)
    assert machine.finished()

    # The same where .venv is activated, as somebody who upgrades may have it.
    machine.put("python", str(machine.checkout / ".venv" / "bin" / "python"))
    status, output = machine.run(*PACKAGES, python="python")
    assert (status, "Preparing" in output) == (0, False)
    with (machine.checkout / "requirements" / "base.txt").open("a") as file:
        file.write("# another change\n")
    status, output = machine.run(*PACKAGES, python="python")
    assert (status, "Preparing" in output) == (0, True)
    assert machine.finished()


@pytest.mark.slow
def test_with_pip_but_without_the_venv_package(machine):
    machine.remove_module("ensurepip")

    assert machine.run(*PACKAGES)[0] == 0
    assert machine.finished()


@pytest.mark.slow
def test_with_uv_on_the_path(machine):
    machine.remove_module("ensurepip")
    machine.remove_module("pip")
    machine.put("uv", str(Path(sys.prefix) / "bin" / "uv"))

    assert machine.run(*PACKAGES)[0] == 0
    assert machine.finished()
    assert not (machine.checkout / ".venv" / "bin" / "pip").exists()


@pytest.mark.slow
def test_started_by_an_old_python_with_a_newer_one_present(machine):
    machine.put("python3", old_python())
    # What version managers leave on the path: a name that exists and fails.
    machine.put("python3.13", "/bin/false")
    machine.put("python3.12", BASE_PYTHON)

    assert machine.run(*PACKAGES)[0] == 0
    assert machine.finished()
    status, output = machine.run(*PACKAGES)
    assert (status, "Preparing" in output) == (0, False)


def test_started_by_an_old_python_alone(machine):
    machine.put("python3", old_python())

    status, output = machine.run("demo")

    assert (status, "needs Python 3.11 or newer" in output) == (1, True)
    assert machine.environments() == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_half_way_and_run_again(machine, number):
    process = machine.start(*PACKAGES)
    while not list(machine.checkout.glob(".venv.new-*/bin/pip")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)

    assert process.returncode != 0
    assert "Traceback" not in output
    assert machine.environments() == []
    assert machine.run(*PACKAGES)[0] == 0
    assert machine.finished()


@pytest.mark.slow
def test_the_first_command(tmp_path):
    """The other one, `test`, is how this run was started."""
    machine = Machine(tmp_path)
    machine.put("python3", BASE_PYTHON)
    shutil.copytree(ROOT, machine.checkout, ignore=NOT_COPIED)

    status, output = machine.run("demo", "--no-serve")
    assert status == 0, output
    assert re.search(r"password  \S{16} ", output)

    status, output = machine.run("demo", "--no-serve")
    assert status == 0, output
    assert "changepassword admin" in output

    for variables, arguments, sentence in bad_input():
        machine.extra = variables
        status, output = machine.run("demo", *arguments)
        assert (status, sentence in output) == (1, True), output
        assert output.count("\n") == 1, output
    machine.extra = {}


def bad_input() -> Iterator[tuple[dict[str, str], list[str], str]]:
    """Yield variables, arguments and the one sentence that names their fix."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        yield {}, ["--port", str(taken)], f"demo --port {taken + 1}"
    ready = ["--no-serve"]
    nobody = f"postgresql://x:x@127.0.0.1:{taken}/x"
    yield {"DATABASE_URL": "mysql://x/x"}, ready, "DATABASE_URL begins with 'mysql'"
    yield {"DATABASE_URL": nobody}, ready, "Start the server, or fix DATABASE_URL"
    yield {"HOLDFAST_DEBUG": "maybe"}, ready, "HOLDFAST_DEBUG='maybe'"
    yield {"HOLDFAST_DEBUG": "false"}, [], "HOLDFAST_"


def old_python() -> str:
    """Return a Python below the floor that starts, or skip the test."""
    managed = Path.home().glob(".pyenv/versions/3.*/bin/python")
    names = [shutil.which(f"python3.{minor}") for minor in (10, 9, 8)]
    for path in [*filter(None, names), *map(str, managed)]:
        if (3, 8) <= bootstrap.version_of(path) < bootstrap.OLDEST:
            return path
    pytest.skip("No Python from 3.8 to 3.10 on this machine.")
