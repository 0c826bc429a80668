"""What stays the same while the code is laid out anew: addresses and migrations.

After a change that is meant, write the files anew and read their difference:
`HOLDFAST_WRITE_FROZEN=1 python -m pytest -n 0 tests/house/test_frozen.py`

Two more of the kind stand where they are made: docs/openapi.json (contract/test_schema)
and the access matrix (contract/test_access). That no model lacks a migration is the
tool `migrations` of test_tools.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.loader import MigrationLoader
from django.urls import URLPattern, get_resolver

FOLDER = Path(__file__).parent
WRITES = bool(os.environ.get("HOLDFAST_WRITE_FROZEN"))
OURS = ("audit", "customers", "capture")


def urls() -> list[str]:
    """Return `route | name | view` of each address, in the order of matching.

    A view is named without its module: it may move, and stays what it is.
    """
    return [
        f"{route} | {pattern.name or '-'} | {view_name(pattern.callback)}"
        for route, pattern in walk(get_resolver().url_patterns)
    ]


def walk(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern
        else:
            yield from walk(pattern.url_patterns, route)


def view_name(view: Any) -> str:
    made_of = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    return str(getattr(made_of, "__qualname__", type(made_of).__qualname__))


def migrations() -> list[str]:
    """Return `app name` of each migration of ours."""
    names = MigrationLoader(None).disk_migrations
    return [f"{app} {name}" for app, name in sorted(names) if app in OURS]


@pytest.mark.parametrize("make", [urls, migrations])
def test_it_is_as_it_was(make: Callable[[], list[str]]) -> None:
    path = FOLDER / f"{make.__name__}.txt"
    if WRITES:
        path.write_text("\n".join(make()) + "\n", encoding="utf-8")

    assert make() == path.read_text(encoding="utf-8").splitlines(), (
        f"{path.name} is old. If the change is meant, write it anew:\n"
        "HOLDFAST_WRITE_FROZEN=1 python -m pytest -n 0 tests/house/test_frozen.py"
    )
