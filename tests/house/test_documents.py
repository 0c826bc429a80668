"""What documents for engineers say of the code is there: files, names, layers.

Where one of these fails, something has moved: correct the document that it names.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import Resolver404, resolve

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
APPS = ("audit", "customers", "capture", "config")
GUIDES = [
    ROOT / "CONTRIBUTING.md",
    DOCS / "architecture.md",
    DOCS / "glossary.md",
    DOCS / "how-to.md",
    DOCS / "walkthrough.md",
    *sorted(DOCS.glob("adr/*.md")),
]
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
# A path of a file or folder of ours, as it stands between backticks.
PATH = re.compile(
    r"`((?:audit|customers|capture|config|tests|templates|static|docs|requirements)"
    r"/[\w./-]*)`"
)
ROW = re.compile(r"^\| `(\S+)` \|", re.MULTILINE)
STEP = re.compile(r"^\| [\d-] \| `([\w/]+\.py)` \| (.*?) \|", re.MULTILINE)


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def names_in(path: str) -> set[str]:
    """Return what a module defines: classes, functions, methods, by their names."""
    text = read(ROOT / path) if (ROOT / path).is_file() else ""
    return set(re.findall(r"^\s*(?:class|def) (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_each_file_that_is_named_exists(page):
    text = read(page)
    linked = [page.parent / link for link in LINK.findall(text) if "://" not in link]
    named = [ROOT / name for name in PATH.findall(text)]

    missing = [str(path) for path in (*linked, *named) if not path.exists()]
    assert missing == [], f"{page.name} names files that are not there."


def test_the_steps_of_the_walkthrough_are_in_their_files():
    steps = STEP.findall(read(DOCS / "walkthrough.md"))

    assert len(steps) > 30
    wrong = [
        f"{path}: {name}"
        for path, names in steps
        for name in re.findall(r"`(\w+)`", names)
        if name not in names_in(path)
    ]
    assert wrong == [], "docs/walkthrough.md names what is no longer in these files."


def layers() -> dict[str, list[str]]:
    """Return the layers of an app as pyproject.toml has them, without brackets."""
    tools: Any = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]
    return {
        app: [re.sub(r"[()]", "", layer) for layer in contract["layers"]]
        for contract in tools["importlinter"]["contracts"]
        for app in contract.get("containers", ())
    }


@pytest.mark.parametrize("app", ["audit", "capture"])
def test_the_layers_of_the_picture_are_those_of_the_contract(app):
    picture = ARCHITECTURE.split("## Inside an app")[1].split("## One request")[0]

    assert "\n".join(layers()[app]) in picture, "docs/architecture.md shows others."


def test_the_map_has_each_package():
    packages = {
        str(path.parent.relative_to(ROOT))
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    }
    mapped = {name.rstrip("/") for name in ROW.findall(ARCHITECTURE)}
    # What a row of its parent describes.
    inside = ("/contracts/", "/backends/")
    missing = [
        name
        for name in sorted(packages - mapped)
        if not any(part in name for part in inside)
    ]

    assert missing == [], "docs/architecture.md has no sentence for these packages."


def test_the_picture_of_a_request_has_each_middleware_in_its_order():
    picture = ARCHITECTURE.split("## One request")[1].split("## Which room")[0]
    own = [
        name.rpartition(".")[2]
        for name in settings.MIDDLEWARE
        if name.startswith(("audit.", "capture."))
    ]
    shown = re.findall(r"\w+Middleware", picture)

    assert [name for name in shown if name in own] == own


def test_each_word_of_the_glossary_is_in_use():
    """In the code or in a document: one of the forms that its line names."""
    table = read(DOCS / "glossary.md").split("## Words of our own")[1]
    words = re.findall(r"^\| (?!word)([\w-][^|]*) \|", table.split("\n## ")[0], re.M)
    pages = [ROOT / "README.md", *GUIDES, *DOCS.glob("*.md")]
    sources = [
        path
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts
    ]
    text = "\n".join(read(p) for p in (*sources, *pages) if p.name != "glossary.md")
    text = re.sub(r"[\s_-]+", " ", text.lower())

    assert len(words) > 50
    assert [word for word in words if not is_used(word, text)] == []


def is_used(word: str, text: str) -> bool:
    """Tell whether one of several names for a thing is in a text."""
    forms = [form.replace("-", " ").split(" …")[0] for form in word.lower().split(", ")]
    return any(form in text or form.replace(" ", "") in text for form in forms)


# --- commands, settings and addresses -----------------------------------------------

TEXTS = sorted(
    [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")]
    + [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
)
COMMAND = re.compile(r"manage\.py ([a-z]\w+)")
SETTING = re.compile(r"\bHOLDFAST_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
ADDRESS = re.compile(r"`(?:[A-Z, ]+ )?(/(?:api|admin|v1|healthz|readyz)[^\s`?…*]*)`")
# Before there is Django: `config.bootstrap` does them.
EARLY = {"setup"}
# Where families of addresses begin.
BEGINNINGS = {"/api/", "/api/v1/"}
# Stands for whatever an address names, but for these.
SOMEBODY = "01a1ffc5-01c7-709f-a16d-326a35774431"
CHOICES = {"type": "payment"}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_each_command_that_is_named_exists(page):
    named = set(COMMAND.findall(read(page)))

    assert named - get_commands().keys() - EARLY == set()


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_each_setting_that_is_named_exists(page):
    named = set(SETTING.findall(read(page)))

    missing = {n for n in named if n.removesuffix("_FILE") not in settings_of_ours()}
    assert missing == set()


@cache
def settings_of_ours() -> set[str]:
    """Return the variables that the code or a test reads, or a host project sets."""
    files = [ROOT / ".env.example", ROOT / "manage.py"]
    for folder in (*APPS, "tests"):
        files += [f for f in (ROOT / folder).rglob("*.py") if f != Path(__file__)]
    return {name for file in files for name in SETTING.findall(read(file))}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_each_address_that_is_named_exists(page):
    named = set(ADDRESS.findall(read(page))) - BEGINNINGS

    assert [path for path in named if not is_there(path)] == []


def is_there(path: str) -> bool:
    """Tell whether an address leads to something of ours."""
    filled = re.sub(r"[{<]([\w|]+)[}>]", filled_in, path)
    try:
        found = resolve(filled)
    except Resolver404:
        return False
    return "missing" not in found._func_path and "not_found" not in found._func_path


def filled_in(match: re.Match[str]) -> str:
    """Return a value for a name in an address, or the first of its choices."""
    first, bar, _ = match[1].partition("|")
    return first if bar else CHOICES.get(first, SOMEBODY)
