"""docs/asvs.md answers every requirement, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
# Of ASVS 5.0.0, levels 1 and 2: each section, and the numbers of its requirements.
REQUIREMENTS = """
1.1 1-2, 1.2 1-9, 1.3 1-11, 1.4 1-3, 1.5 1-2,
2.1 1-3, 2.2 1-3, 2.3 1-4, 2.4 1-1,
3.2 1-2, 3.3 1-4, 3.4 1-6, 3.5 1-5, 3.7 1-2,
4.1 1-3, 4.2 1-1, 4.3 1-2, 4.4 1-4,
5.1 1-1, 5.2 1-3, 5.3 1-2, 5.4 1-3,
6.1 1-3, 6.2 1-12, 6.3 1-4, 6.4 1-4, 6.5 1-5, 6.6 1-3, 6.8 1-4,
7.1 1-3, 7.2 1-4, 7.3 1-2, 7.4 1-5, 7.5 1-2, 7.6 1-2,
8.1 1-2, 8.2 1-3, 8.3 1-1, 8.4 1-1,
9.1 1-3, 9.2 1-4,
10.1 1-2, 10.2 1-2, 10.3 1-4, 10.4 1-11, 10.5 1-5, 10.6 1-2, 10.7 1-3,
11.1 1-2, 11.2 1-3, 11.3 1-3, 11.4 1-4, 11.5 1-1, 11.6 1-1,
12.1 1-3, 12.2 1-2, 12.3 1-4,
13.1 1-1, 13.2 1-5, 13.3 1-2, 13.4 1-5,
14.1 1-2, 14.2 1-4, 14.3 1-3,
15.1 1-3, 15.2 1-3, 15.3 1-7,
16.1 1-1, 16.2 1-5, 16.3 1-4, 16.4 1-3, 16.5 1-3,
17.1 1-1, 17.2 1-4, 17.3 1-2
"""
REASONS = ("not applicable", "by the operator: ", "document: ", "deviation: ")
DEVIATIONS, CHAPTERS = PAGE.split("\n## V1 ")


def wanted() -> list[str]:
    found = []
    for part in REQUIREMENTS.split(","):
        section, _, numbers = part.strip().partition(" ")
        first, last = map(int, numbers.split("-"))
        found += [f"v5.0.0-{section}.{n}" for n in range(first, last + 1)]
    return found


def rows(text: str) -> list[list[str]]:
    lines = re.findall(r"^\| (v5\.0\.0-.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


@cache
def functions_of(name: str) -> set[str]:
    path = ROOT / name
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_requirement_is_answered_once():
    assert [row[0] for row in rows(CHAPTERS)] == wanted()
    assert len(wanted()) == 253


def test_each_answer_says_how_and_names_a_test_or_a_reason():
    wrong = [
        row
        for row in rows(CHAPTERS)
        if len(row) != 4 or not all(row) or not row[3].startswith(("`tests/", *REASONS))
    ]

    assert wrong == []


def test_each_named_test_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)

    assert len(named) > 100
    assert [f"{p}::{n}" for p, n in named if n not in functions_of(p)] == []


def test_each_named_page_exists():
    named = set(re.findall(r"\bdocs/[\w-]+\.\w+", PAGE))

    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_deviations_stand_at_the_top():
    deviating = [row[0] for row in rows(CHAPTERS) if row[3].startswith("deviation")]

    assert [row[0] for row in rows(DEVIATIONS)] == deviating
