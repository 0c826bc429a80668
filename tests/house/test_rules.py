"""The rules of the house that no tool knows. Each failure says the fix."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import models
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audit.checks import (
    check_nothing_cascades,
    check_personal_columns_can_be_erased,
    check_privacy_declared,
    check_sealed_models,
)
from audit.fields import CodeField, EmailField, NullTextField
from audit.history.models import tracked_models
from audit.privacy.classes import declaration, personal_fields, undeclared_fields
from customers.models.fields import NameField, NullNameField

ROOT = Path(__file__).resolve().parents[2]
OURS = ("audit", "customers", "capture", "config")
COMMANDS = sorted(name for name, app in get_commands().items() if app in OURS)
EDGES = ("admin", "api", "management")

# GPL-like terms must not reach us by a dependency; these are weak or file-based.
ALLOWED_LICENCES = re.compile(
    r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|Unlicense|public domain|"
    r"MPL|Mozilla|LGPL|Lesser General|0BSD|Zero-Clause|ZPL|CC0|HPND",
    re.IGNORECASE,
)
# Packages whose metadata names no licence; read by hand.
KNOWN_LICENCES = {
    "axe-playwright-python": "MIT, and MPL-2.0 for axe",
    "diff-match-patch": "Apache-2.0",
    "uritemplate": "BSD or Apache-2.0",
}

# Plain texts about people: they are read by staff, and nobody is found by them.
_PLACE = "A line of a place, which is neither a name nor compared with others."
UNTYPED = {
    "customers.Customer.location": _PLACE,
    **{
        f"customers.Address.{name}": _PLACE
        for name in ("line1", "line2", "city", "region", "postal_code")
    },
    "customers.Address.country": "Its type takes the codes of countries alone.",
    "customers.Address.label": "A word of staff for the place, such as work.",
    "customers.Contact.relation": "A word of staff for who it is, such as mother.",
}


def sources(*folders: str) -> list[Path]:
    files = [p for folder in folders for p in (ROOT / folder).rglob("*.py")]
    return [p for p in files if "migrations" not in p.parts]


def report(fix: str, wrong: Iterable[object]) -> str:
    """Return the message of a failure: what to do, and each place in full."""
    return "\n".join([fix, *map(str, wrong)])


def test_every_text_column_has_a_privacy_class():
    errors = [
        *check_privacy_declared(),
        *check_personal_columns_can_be_erased(),
        *check_sealed_models(),
        *check_nothing_cascades(),
    ]

    assert not errors, report("Each line has its fix:", errors)


def test_names_and_addresses_are_typed_columns():
    """Signs that nobody sees are refused or cut off by the type of the column."""
    typed = (NameField, NullNameField, CodeField, EmailField, NullTextField)
    plain = {
        f"{model._meta.label}.{field.name}"
        for model in tracked_models()
        for field in personal_fields(model)
        if declaration(model)[field.name] in {"identity", "contact"}
        and isinstance(field, models.CharField | models.TextField)
        and field.editable
        and not isinstance(field, typed)
    }

    assert not plain - UNTYPED.keys(), report(
        "Make it a CodeField (a number or code), EmailField or NullTextField (a longer "
        "text) of audit/fields.py, a NullNameField or PhoneField of "
        "customers/models/fields.py, or add the reason to UNTYPED here:",
        sorted(plain - UNTYPED.keys()),
    )
    assert not UNTYPED.keys() - plain, report(
        "Take it out of UNTYPED:", UNTYPED.keys() - plain
    )


def test_an_undeclared_text_column_is_found(monkeypatch):
    customer = apps.get_model("customers.Customer")
    shorter = {k: v for k, v in customer.privacy.items() if k != "location"}
    monkeypatch.setattr(customer, "privacy", shorter)

    assert undeclared_fields(customer) == ["location"]
    assert undeclared_fields(customer.history.model) == ["location"]
    assert [e.id for e in check_privacy_declared()] == ["audit.E001", "audit.E001"]


def test_a_class_without_a_column_is_found(monkeypatch):
    customer = apps.get_model("customers.Customer")
    monkeypatch.setattr(
        customer, "privacy", {**customer.privacy, "shoe_size": "public"}
    )

    assert {e.id for e in check_privacy_declared()} == {"audit.E002"}


def test_stored_times_are_compared_by_the_one_clock():
    """`audit.clock` bounds what a wrong clock has stored; see its functions."""
    pattern = re.compile(
        r"\btime\.time(_ns)?\(|_(at|until)__[gl]te?=timezone\.now\(\)[,)]"
    )
    allowed = {"audit/clock.py", "audit/ids.py"}
    wrong = [
        name
        for path in sources(*OURS)
        if (name := str(path.relative_to(ROOT))) not in allowed
        and pattern.search(path.read_text(encoding="utf-8"))
    ]

    assert not wrong, report(
        "Take `now()` of audit/clock.py, and compare with its `lasts(…)` or "
        "`lasting(…)`, which bound what a wrong clock has stored:",
        wrong,
    )


def test_edges_use_the_doors_and_not_the_tables():
    """Pages, endpoints and commands start from `services`, which know who asks."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in sources("audit", "customers", "capture")
        if set(path.relative_to(ROOT).parts) & set(EDGES)
        and ".objects" in path.read_text(encoding="utf-8")
    ]

    assert not wrong, report(
        "No `.objects` here. Move the query to `selectors/`, the write to `services/`, "
        "name it in `services/__init__.py`, and call it with `actor=`:",
        wrong,
    )


def test_no_test_is_switched_off_silently():
    mark = re.compile(r"pytest\.(mark\.)?(skip|xfail)\b(?!if)(?!\(\s*f?\")")
    wrong = [
        str(path.relative_to(ROOT))
        for path in sources("tests")
        if path.name != Path(__file__).name
        and mark.search(path.read_text(encoding="utf-8"))
    ]

    assert not wrong, report('Give the reason: `pytest.skip("…")`:', wrong)


def test_connections_to_sqlite_are_closed():
    # `with connect()` only ends a transaction; Python 3.13 warns of one left open.
    opened = "with sqlite3" + ".connect("
    wrong = [
        str(path.relative_to(ROOT))
        for path in sources("tests")
        if opened in path.read_text(encoding="utf-8")
    ]

    assert not wrong, report("Write `with closing(sqlite3.connect(…))`:", wrong)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_documentation(name):
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, BaseCommand)
    parser = command.create_parser("manage.py", name)

    assert command.help, f"Give `help` of the command {name} a sentence."
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction):
            assert action.help, f"Give `add_argument` of {name} {action.dest} a `help`."


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_the_documents(name):
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]

    assert any(name in page.read_text(encoding="utf-8") for page in pages), (
        f"No page names the command {name}. Say in README.md or docs/ what it is for."
    )


def test_decisions_are_numbered_without_gaps():
    pages = sorted(p.name for p in (ROOT / "docs" / "adr").glob("*.md"))

    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1)), report(
        "Number the pages of docs/adr/ from 0001 on, without gaps or twins:", pages
    )


def test_migrations_are_named_and_each_app_has_one_end():
    for app in ("audit", "customers", "capture"):
        names = sorted(p.stem for p in (ROOT / app / "migrations").glob("0*.py"))
        unnamed = [f"{app}/migrations/{name}.py" for name in names if "_auto_" in name]
        numbers = [int(name[:4]) for name in names]

        assert names, f"{app}/migrations/ has no migration."
        assert not unnamed, report(
            "Make it anew with `makemigrations --name`, which says what it does:",
            unnamed,
        )
        assert numbers == list(range(1, len(names) + 1)), report(
            f"Number the files of {app}/migrations/ from 0001 on; of two with one "
            "number make the one that is not merged anew:",
            names,
        )


def test_every_dependency_has_a_licence_that_we_accept():
    wrong = []
    for package in distributions():
        meta = package.metadata
        name = (meta["Name"] or "").lower()
        texts = [
            meta.get("License-Expression") or "",
            (meta.get("License") or "")[:200],
            *(c for c in meta.get_all("Classifier") or [] if "License" in c),
        ]
        licence = " ".join(texts)
        if name not in KNOWN_LICENCES and not ALLOWED_LICENCES.search(licence):
            wrong.append(f"{name}: {licence.strip()[:80]}")

    assert not wrong, report(
        "Take another package. Where its metadata name no licence and its files one "
        "that we accept, add it to KNOWN_LICENCES here:",
        wrong,
    )


@pytest.mark.parametrize("name", ["base", "dev", "e2e"])
def test_locks_are_whole_and_keep_extras(name):
    """Old pips look for a pin of `coverage[toml]`, and `coverage` is none to them.

    They are installed without a resolver, so each package must be among them.
    """
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z]\S*?(?:\[.*\])?)==.*", text, re.MULTILINE)
    locked = {canonicalize_name(pin.name): pin.extras for pin in map(Requirement, pins)}
    wrong = [
        f"{package} needs {needed}"
        for package, extras in locked.items()
        for needed in requirements_of(package, extras)
        if not needed.extras <= locked.get(canonicalize_name(needed.name), {None})
    ]

    fix = (
        f"Compile requirements/{name}.txt again, with --no-strip-extras; "
        "CONTRIBUTING.md has the command"
    )
    assert len(locked) > 30, f"{fix}: it has only {len(locked)} packages."
    assert not wrong, report(f"{fix}:", wrong)


def requirements_of(package: str, extras: set[str]) -> list[Requirement]:
    """Return what an installed package needs here; nothing if it is not installed."""
    try:
        texts = requires(package) or []
    except PackageNotFoundError:
        return []
    return [
        needed
        for needed in map(Requirement, texts)
        if needed.marker is None
        or any(needed.marker.evaluate({"extra": extra}) for extra in ["", *extras])
    ]


def test_locked_requirements_name_no_index():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        # An address would name an index, or a source of its own.
        wrong = [
            f"{path.relative_to(ROOT)}: {line}"
            for line in text.splitlines()
            if "index-url" in line or "://" in line
        ]
        assert "--hash=sha256:" in text, (
            f"Compile {path.relative_to(ROOT)} again, with --generate-hashes."
        )
        assert not wrong, report("Take the address away:", wrong)
