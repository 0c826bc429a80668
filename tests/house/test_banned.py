"""Words that names of the code should lose: banned.txt counts them, and only falls.

docs/glossary.md says what stands in the place of those that are left. After a word
became rarer, write the file anew; a count that rose stays as it was, and the test says:
`HOLDFAST_WRITE_BANNED=1 python -m pytest -n 0 tests/house/test_banned.py`

A line is `kind word count`. A `word` is a part of a name, split at underscores and
capitals; a `name` is a whole name of a variable, function, class, parameter or
attribute; a `module` is a file.
"""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BANNED = Path(__file__).with_name("banned.txt")
WRITES = bool(os.environ.get("HOLDFAST_WRITE_BANNED"))
PRODUCTION = ("audit", "customers", "capture", "config")
# Where a row is one of SQL, or of a file: modules, or folders of them.
ROWS_STAND_IN = (
    "audit/database",
    "capture/adapters/legacy.py",
    "capture/services/legacy_import.py",
    "customers/admin/importing.py",
    "customers/cells.py",
    "customers/readers.py",
    "customers/resources.py",
    "customers/services/columns.py",
    "customers/services/exports",
    "customers/services/imports",
    "customers/sheets.py",
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def names_in(tree: ast.AST) -> Iterator[str]:
    """Yield each name that a module defines or uses, as often as it stands there."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name
            case ast.keyword(arg=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    yield alias.asname or alias.name.rpartition(".")[2]


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters: `isClear_row` has three.

    That something is not found is said in the words of HTTP, row security in those of
    PostgreSQL, and decimal places in those of Django.
    """
    others = "not_?found|row_?security|decimal_places"
    name = re.sub(others, "", name, flags=re.IGNORECASE)
    return [word.lower() for word in _WORD.findall(name)]


def counts_in(sources: dict[Path, str]) -> Counter[str]:
    """Return how often each `kind word` stands in modules, by path and text."""
    counts: Counter[str] = Counter()
    for path, text in sources.items():
        may_have_rows = path.as_posix().startswith(ROWS_STAND_IN)
        for name, count in Counter(names_in(ast.parse(text))).items():
            counts[f"name {name}"] += count
            for word in words_of(name):
                if not (may_have_rows and word in {"row", "rows"}):
                    counts[f"word {word}"] += count
    counts.update(f"module {path.stem}" for path in sources)
    return counts


def counted() -> Counter[str]:
    paths = [p for app in PRODUCTION for p in (ROOT / app).rglob("*.py")]
    paths = [path for path in paths if "migrations" not in path.parts]
    return counts_in(
        {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in paths}
    )


def read_banned() -> dict[str, int]:
    lines = BANNED.read_text(encoding="utf-8").splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
    return {key: int(count) for key, count in pairs}


def write_lower(found: Counter[str]) -> None:
    """Lower the counts of the file; raise none."""
    lines = BANNED.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line and line[0] != "#":
            key, count = line.rsplit(" ", 1)
            lines[number] = f"{key} {min(int(count), found[key])}"
    BANNED.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_banned_words_only_become_rarer() -> None:
    found = counted()
    if WRITES:
        write_lower(found)

    wrong = [
        f"{key}: {found[key]} of at most {count}"
        if found[key] > count
        else f"{key}: only {found[key]} of {count} are left; write the file anew"
        for key, count in read_banned().items()
        if found[key] != count
    ]

    assert wrong == []


def test_a_word_is_found_wherever_a_name_may_stand() -> None:
    text = (
        "import found as told_of\n"
        "def wasFound(found_at, *, rows=1):\n"
        "    found.foundry = dict(found=f'{found}')\n"
        "    try: pass\n"
        "    except E as found: 'found'\n"
    )

    counts = counts_in({Path("x/found.py"): text})

    assert counts["word found"] == 6
    assert counts["name found"] == 4
    assert counts["module found"] == counts["word told"] == counts["word rows"] == 1


def test_rows_are_counted_only_where_they_are_none_of_sql_or_a_file() -> None:
    text = "rows = row_security(row)"

    assert counts_in({Path("customers/readers.py"): text})["word row"] == 0
    assert counts_in({Path("customers/metrics.py"): text})["word row"] == 1
