"""Prepares .venv with the pinned packages when the Python that was started lacks them.

Standard library only, and written to parse under Python 3.8: it is the first thing
that runs on a new machine. It names no package index: pip and uv keep the settings
of the person who started it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = "holdfast.stamp"
# Folders being built or taken away: beside .venv, so that a rename is one step.
BUILDING = ".venv.new-"
REPLACED = ".venv.old-"
OLDEST = (3, 11)
# Tested versions first; a very new one may still lack ready-made packages.
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python")
# The commands that may install: which requirements, and the module that proves them.
NEEDS = {
    "demo": ("base.txt", "django"),
    "setup": ("base.txt", "django"),
    "test": ("dev.txt", "pytest_django"),
}
VERSION = "import sys; print(*sys.version_info[:2])"
# Not more of what an installer printed than a person reads.
REPORT_LINES = 30
PROGRESS_SECONDS = 5.0
DISK_FULL = "The disk is full. Free about 400 MB and run the same command again."
NO_SPACE = re.compile("No space left on device|Disk quota exceeded")
NO_NETWORK = re.compile(
    "name resolution|Name or service not known|nodename nor servname|dns error|"
    "failed to lookup|unreachable|Connection refused|timed out|ProxyError|"
    "new connection|connect error|error sending request|from versions: none",
    re.IGNORECASE,
)


class InstallError(Exception):
    """A step of the installation failed; the text is what it printed."""


def ensure(arguments: list[str]) -> None:
    """Return if this Python can run the command; else become one that can, or exit."""
    command = arguments[1] if len(arguments) > 1 else ""
    requirements, module = NEEDS.get(command, ("", "django"))
    if os.environ.get("HOLDFAST_NO_BOOTSTRAP"):
        return
    if can_run(module) and not (requirements and is_outdated(requirements)):
        return
    if requirements:
        prepare(requirements, module)
    elif in_venv() or not PYTHON.exists():
        return  # Other commands install nothing; manage.py says what is missing.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(PYTHON, [str(PYTHON), *arguments])  # noqa: S606 - no shell, and the same command again


def can_run(module: str) -> bool:
    """Return whether this Python is new enough and has our Django and the module."""
    if sys.version_info[:2] < OLDEST:
        return False
    try:
        django = __import__("django")
    except ImportError:
        return False
    # A distribution's own Django may be years older than ours.
    return bool(django.VERSION >= (5, 2)) and find_spec(module) is not None


def is_outdated(requirements: str) -> bool:
    """Return whether we run in a .venv that we made from other requirements.

    So `setup` after an upgrade also works where .venv is activated.
    """
    return in_venv() and (VENV / STAMP).is_file() and not is_current(requirements)


def prepare(requirements: str, module: str) -> None:
    """Leave .venv complete, or leave it as it was and exit saying why."""
    if os.name == "nt":
        sys.exit(
            "On Windows, prepare the packages by hand: py -m venv .venv, then "
            ".venv\\Scripts\\pip install --no-deps --require-hashes -r "
            f"requirements\\{requirements}, then use .venv\\Scripts\\python."
        )
    try:
        remove_leftovers()
        if not is_ready(requirements, module):
            install(requirements)
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing half-made is left. Run the same command again.")
    except (InstallError, OSError) as error:
        sys.exit(explain(str(error)))


def is_ready(requirements: str, module: str) -> bool:
    """Return whether .venv serves as it is. Exit if it is broken: it is not deleted."""
    if not os.path.lexists(VENV):
        return False
    if is_current(requirements):
        # Inside .venv this code only runs because a package of it is missing.
        if PYTHON.exists() and not in_venv():
            return True
    elif (VENV / STAMP).is_file():
        if imports(PYTHON, "sys"):
            return False  # Ours, whole, and of another day: it gets replaced.
    elif imports(PYTHON, module):
        return True  # Made by hand, and it has what the command needs.
    sys.exit(
        f"{VENV} is broken, unfinished or lacks packages, and manage.py does not "
        f"delete it. Remove it and run the same command again: rm -rf '{VENV}'"
    )


def is_current(requirements: str) -> bool:
    """Return whether the stamp names this requirements file, as it is now."""
    try:
        stamp = (VENV / STAMP).read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    # One that is too old cannot be the Python of .venv, whose version then is any.
    is_too_old = sys.version_info[:2] < OLDEST
    version = "" if is_too_old else "{}.{}".format(*sys.version_info)
    expected = stamp_line(requirements, version)
    return any(line.startswith(expected) for line in stamp)


def stamp_line(requirements: str, version: str) -> str:
    """Return what the stamp says about one requirements file and Python version."""
    content = (REQUIREMENTS / requirements).read_bytes()
    return f"{requirements} {hashlib.sha256(content).hexdigest()} {version}"


def install(requirements: str) -> None:
    """Build a complete environment beside .venv, then put it in its place."""
    python, version = find_python()
    folder = ROOT / f"{BUILDING}{os.getpid()}"
    commands = plan(folder, python, version, str(REQUIREMENTS / requirements))
    sys.stderr.write(
        f"Preparing .venv (Python {version}, requirements/{requirements}); "
        "this is done once and takes up to two minutes.\n"
    )
    progress = Progress(requirements)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # They end this as Ctrl+C does, unless whoever started it has them ignored.
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        for command in commands:
            run(command, on_line=progress.note)
        rewrite_paths(folder)
        # The development set contains the base set at the same versions.
        covered = sorted({"base.txt", requirements})
        lines = [f"{stamp_line(name, version)}\n" for name in covered]
        (folder / STAMP).write_text("".join(lines), encoding="utf-8")
        swap(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Progress:
    """Says now and then, on standard error, how far an installation has come."""

    def __init__(self, requirements: str) -> None:
        text = (REQUIREMENTS / requirements).read_text(encoding="utf-8")
        self.total = len(re.findall("^[a-z].*==", text, re.MULTILINE))
        self.downloaded = 0
        self.printed_at = time.monotonic()

    def note(self, line: str) -> None:
        """Take a line that pip printed; uv is quick and prints none."""
        now = time.monotonic()
        if line.startswith("Installing collected packages"):
            sys.stderr.write(f"  installing {self.downloaded} packages\n")
        elif line.startswith("Collecting "):
            self.downloaded += 1
            if now - self.printed_at > PROGRESS_SECONDS:
                # One for another platform is pinned as well, and never collected.
                done = f"{self.downloaded} of {self.total}"
                sys.stderr.write(f"  downloading {done} packages\n")
                self.printed_at = now
        sys.stderr.flush()  # Before Python 3.9, a log would get it all at the end.


def plan(folder: Path, python: str, version: str, requirements: str) -> list[list[str]]:
    """Return the commands that make the environment, with what the machine has."""
    uv = shutil.which("uv")
    target = str(folder / "bin" / "python")
    name = ["--prompt", "holdfast", str(folder)]
    venv = [python, "-m", "venv"]
    pip = ["-m", "pip", "--disable-pip-version-check", "--no-input"]
    # The file names every package, so nothing has to be resolved; and an old pip
    # resolves some extras wrongly.
    install = ["install", "--no-deps", "--require-hashes", "-r", requirements]
    if uv and runs([uv, "--version"]):
        return [
            [uv, "venv", "--no-project", "--python", python, *name],
            [uv, "pip", *install, "--python", target],
        ]
    if imports(python, "venv, ensurepip"):
        return [[*venv, *name], [target, *pip, *install]]
    if imports(python, "pip"):
        return [
            [*venv, "--without-pip", *name],
            [python, *pip, "--python", target, *install],
        ]
    package = "python3-venv" if python == sys.executable else f"python{version}-venv"
    sys.exit(
        f"{python} can make no virtual environment. Install {package} and run "
        f"the same command again: sudo apt-get install -y {package} "
        "(macOS: brew install python@3.12)"
    )


def rewrite_paths(folder: Path) -> None:
    """Name the final place where scripts and settings name the temporary one."""
    before, after = os.fsencode(str(folder)), os.fsencode(str(VENV))
    for path in [folder / "pyvenv.cfg", *(folder / "bin").iterdir()]:
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if before in content:
            path.write_bytes(content.replace(before, after))


def swap(folder: Path) -> None:
    """Put the finished folder in the place of .venv, old or absent."""
    old = ROOT / f"{REPLACED}{os.getpid()}"
    if VENV.exists():
        VENV.rename(old)
    folder.rename(VENV)
    shutil.rmtree(old, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove what a killed start left behind, but nothing of one that still runs."""
    for folder in [*ROOT.glob(BUILDING + "*"), *ROOT.glob(REPLACED + "*")]:
        owner = folder.name.rpartition("-")[2]
        if owner.isdigit() and not is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def is_running(process: int) -> bool:
    """Return whether a process with this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # Somebody else's.
    return True


def find_python() -> tuple[str, str]:
    """Return path and version of a Python that is new enough, such as this; or exit."""
    this = getattr(sys, "_base_executable", None) if in_venv() else sys.executable
    folders = os.get_exec_path()
    named = [shutil.which(name, path=folder) for name in NAMES for folder in folders]
    for path in filter(None, [this, *named]):
        # Version managers put names on the path that exist and do not work.
        version = version_of(path)
        if version >= OLDEST:
            return path, "{}.{}".format(*version)
    sys.exit(
        "Holdfast needs Python 3.11 or newer: this is {}.{}, and no newer one was "
        "found on the path. Install one and run the same command again: sudo apt-get "
        "install -y python3 python3-venv (macOS: brew install python@3.12)".format(
            *sys.version_info
        )
    )


def version_of(python: str) -> tuple[int, int]:
    """Run an interpreter and return its version; zeros if it does not start."""
    try:
        major, minor = run([python, "-c", VERSION]).split()[-2:]
        return int(major), int(minor)
    except (InstallError, OSError, ValueError):
        return 0, 0


def imports(python: str | Path, modules: str) -> bool:
    """Return whether an interpreter starts and has the modules."""
    return runs([str(python), "-c", f"import {modules}"])


def runs(command: list[str]) -> bool:
    """Return whether a command starts and succeeds."""
    try:
        run(command)
    except (InstallError, OSError):
        return False
    return True


def run(command: list[str], on_line: Callable[[str], None] | None = None) -> str:
    """Run a command and return what it printed. On a signal, end all it started.

    Each line goes to `on_line` as it comes. Raises InstallError when the command fails.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if on_line:
                on_line(line)
        process.communicate()  # Closes the pipe, too.
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # Ends when the last of them is gone.
        raise
    output = "".join(lines)
    if process.returncode:
        raise InstallError(output)
    return output


def explain(output: str) -> str:
    """Return why packages were not installed: the fix, or what the installer said."""
    if NO_SPACE.search(output):
        return DISK_FULL
    if NO_NETWORK.search(output):
        return (
            "The packages could not be downloaded: no connection to the package index. "
            "Check the network (or the proxy and index settings of pip) and run the "
            "same command again."
        )
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    errors = [n for n, line in enumerate(lines) if line.lower().startswith("error")]
    # From the first error to the end: the line that names the package comes later.
    report = lines[errors[0] :] if errors else lines[-REPORT_LINES:]
    reason = "\n".join(report[:REPORT_LINES]) or "The installer said nothing."
    return f"The packages could not be installed.\n{reason}"


def in_venv() -> bool:
    """Return whether this process runs the Python of .venv."""
    return Path(sys.prefix).resolve() == VENV.resolve()
