"""What `customers.services` offers to other packages is what they use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.databases import ROOT

FACADE = ROOT / "customers" / "services" / "__init__.py"
PACKAGES = ("audit", "bench", "capture", "config", "customers", "tests")


def used_names(path: Path) -> Iterator[str]:
    """Yield what a module takes from the services, by an import or as an attribute."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module="customers.services", names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.Attribute(value=ast.Name(id="services" | "customers"), attr=name):
                yield name


def test_the_services_export_what_others_use():
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    others = [path for path in paths if FACADE.parent not in path.parents]
    used = {name for path in others for name in used_names(path)}

    nodes = ast.walk(ast.parse(FACADE.read_text(encoding="utf-8")))
    exported = {node.name for node in nodes if isinstance(node, ast.alias)}

    assert exported - used == {"annotations"}
