"""What the `__init__` of a package offers is what other packages of ours use.

Tests are no users: they import what they look into from where it is defined.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.databases import ROOT

SOURCES = ("audit", "bench", "capture", "config", "customers")
APPS = ("audit", "capture", "customers")
# What programs beside ours are promised by name: docs/host-django.md, docs/capture.md
# and the functions the hub was ordered with.
PROMISED = {
    "capture.services": {
        "direct_sender",
        "store_customer_profile",
        "track_login_activity",
        "update_customer_profile",
    },
    "customers.services": {
        "export_customers_for_marketing",
        "get_notes",
        "may_contact",
        "update_purchase_history",
    },
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def offered(package: Path) -> set[str]:
    """Return the names that a package imports, to offer them."""
    nodes = ast.walk(parsed(package / "__init__.py"))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name
        for node in imports
        if node.module != "__future__"
        for alias in node.names
    }


# Those of the pages import modules, so that these register their pages.
FACADES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for app in APPS
    for path in (ROOT / app).rglob("__init__.py")
    if "admin" not in path.parent.parts and offered(path.parent)
)


class Uses(ast.NodeVisitor):
    """Collects what a module takes from a package: by imports and as attributes."""

    def __init__(self, package: str) -> None:
        self.package = package
        # The names by which the module knows the package.
        self.called: set[str] = set()
        self.names: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        modules = {alias.name for alias in node.names}
        assert self.package not in modules, "Import it by `from … import …`."

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if node.module == self.package:
                self.names.add(alias.name)
            elif f"{node.module}.{alias.name}" == self.package:
                self.called.add(alias.asname or alias.name)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outside = self.called
        self.called = outside - variables(node)  # One of the same name hides it.
        self.generic_visit(node)
        self.called = outside

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in self.called:
            self.names.add(node.attr)
        self.generic_visit(node)


def variables(function: ast.AST) -> set[str]:
    """Return the names of the arguments and variables of a function."""
    nodes = list(ast.walk(function))
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    names = [node for node in nodes if isinstance(node, ast.Name)]
    return arguments | {n.id for n in names if isinstance(n.ctx, ast.Store)}


def used(package: str, trees: Iterable[ast.AST]) -> set[str]:
    """Return what the modules take from the package."""
    uses = Uses(package)
    for tree in trees:
        uses.called = set()
        uses.visit(tree)
    return uses.names


@pytest.mark.parametrize("package", FACADES)
def test_a_package_offers_what_others_use(package):
    folder = ROOT.joinpath(*package.split("."))
    paths = [path for name in SOURCES for path in (ROOT / name).rglob("*.py")]
    others = [parsed(path) for path in paths if folder not in path.parents]

    unused = offered(folder) - used(package, others)

    assert unused == PROMISED.get(package, set())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from shop.services import add, take as took", {"add", "take"}),
        ("from shop import services\nservices.add()", {"add"}),
        ("from shop import services as shop\nshop.add()", {"add"}),
        ("def f():\n  from shop import services\n  services.add()", {"add"}),
        ("from shop import services\ndef f(services):\n  services.add()", set()),
        ("from shop import services\ndef f():\n  services = 1\n  services.add", set()),
        ("services.add()", set()),
        ("def f():\n  from shop import services\nservices.add()", set()),
        ("from shop import services\nx.services.add()", set()),
        ("from mall.services import add", set()),
    ],
)
def test_what_counts_as_use(text, names):
    assert used("shop.services", [ast.parse(text)]) == names
