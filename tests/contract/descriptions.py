"""The two descriptions of the API, one by one and as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from config.api.schema import CanonicalGenerator, ContractsGenerator, description

DOCS = Path(__file__).parents[2] / "docs"
COPIES = {
    CanonicalGenerator: DOCS / "openapi.json",
    ContractsGenerator: DOCS / "openapi-contracts.json",
}


def joined(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the paths and schemas of several descriptions in one."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for document in documents:
        assert not paths.keys() & document["paths"].keys()
        paths |= document["paths"]
        for name, schema in document["components"]["schemas"].items():
            assert schemas.setdefault(name, schema) == schema, name
    return {"paths": paths, "components": {"schemas": schemas}}


@cache
def whole() -> dict[str, Any]:
    """Return what is described in either document."""
    return joined(map(description, COPIES))
