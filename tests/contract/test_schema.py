"""The descriptions of the API are whole, are the committed ones, and are well formed.

After a change that is meant, write the committed copies anew and read the difference:
`HOLDFAST_WRITE_SCHEMA=1 python -m pytest -n 0 tests/contract/test_schema.py`
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from config.api.schema import ContractsGenerator, description
from tests.contract.descriptions import COPIES, whole
from tests.contract.doors import (
    MISSING_CAPTURES,
    Door,
    ask_for,
    doors,
    find_path,
    path_of,
)

METHODS = ("get", "post", "put", "patch", "delete")
# Doors of the API without an entry: what answers 404 to all, the description itself.
UNDESCRIBED = {
    "^api/",
    MISSING_CAPTURES,
    "^v1/",
    "^api/schema/?$",
    r"^api/v1/openapi\.json$",
    "^api/docs/?$",
    "^api/schema/contracts/?$",
    "^api/docs/contracts/?$",
}
DOORS = [
    door
    for door in doors()
    if re.match(r"\^?(api|v1|beacon|healthz|readyz)", door.route.lstrip("^"))
    and door.route not in UNDESCRIBED
]


@pytest.fixture(scope="module", params=COPIES)
def schema(request) -> dict[str, Any]:
    return description(request.param)


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def as_text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def described_methods(schema: dict[str, Any], path: str) -> set[str]:
    """Return the methods of the most literal path that fits an address."""
    known = find_path(schema, path)
    return set(schema["paths"][known]) if known else set()


@pytest.mark.parametrize("generator", COPIES)
def test_nothing_is_guessed_when_it_is_made(generator):
    description.cache_clear()
    schema = description(generator)

    warned = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert warned == []
    validate_schema(schema)
    assert schema["openapi"] == "3.1.0"


@pytest.mark.skipif(
    connection.vendor != "sqlite",
    reason="The committed copy names the limits that whole numbers have in SQLite.",
)
@pytest.mark.parametrize("generator", COPIES)
def test_the_committed_copy_is_what_the_code_says(generator):
    copy, text = COPIES[generator], as_text(description(generator))
    if os.environ.get("HOLDFAST_WRITE_SCHEMA"):
        copy.write_text(text)
    same = copy.exists() and copy.read_text() == text

    assert same, (
        f"docs/{copy.name} is old. If the change is meant, write it anew:\n"
        "HOLDFAST_WRITE_SCHEMA=1 python -m pytest -n 0 tests/contract/test_schema.py"
    )


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.route)
def test_each_address_has_its_methods_and_no_others(owner, door: Door):
    path = path_of(door.route, ask_for(door).values)
    answered = {
        method
        for method in METHODS
        if owner.generic(method.upper(), path).status_code != 405
    }

    assert described_methods(whole(), path) == answered, path


@pytest.mark.parametrize("generator", COPIES)
def test_the_addresses_of_the_source_documents_have_a_description(generator):
    paths = description(generator)["paths"]
    fixed = {path for path in paths if re.match("/api/(?!v1/)", path)}

    assert fixed == (set(paths) if generator is ContractsGenerator else set())
    assert len(paths) > 20


def test_each_operation_says_what_it_does(schema):
    known = {tag["name"] for tag in schema["tags"]}
    for name, operation in operations(schema):
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        assert len(operation["summary"]) <= 80, name
        assert set(operation["tags"]) <= known, name


NAMES = {
    "GET /api/v1/customers": "customers_list",
    "POST /api/v1/customers": "customers_create",
    "GET /api/v1/customers/{customer}": "customers_retrieve",
    "PATCH /api/v1/customers/{customer}": "customers_partial_update",
    "DELETE /api/v1/customers/{customer}": "customers_destroy",
    "PATCH /api/v1/customers/bulk": "customers_bulk_update",
    "GET /api/v1/customers/{customer}/addresses": "customers_addresses_list",
    "POST /api/v1/refunds/{id}/approve": "refunds_approve",
    "GET /api/v1/me": "me_retrieve",
    "POST /api/v1/captures": "captures_create",
    "POST /v1/track": "v1_track",
}


def test_operations_are_called_by_their_address_and_act():
    names = {name: each["operationId"] for name, each in operations(whole())}

    assert {name: names[name] for name in NAMES} == NAMES


def test_each_operation_has_a_name_of_its_own(schema):
    names = Counter(operation["operationId"] for _, operation in operations(schema))

    assert [name for name, count in names.items() if count > 1] == []


PARTIAL = "application/vnd.holdfast.partial+json"


def test_rows_have_all_of_their_keys_and_those_of_fields_have_some():
    """What may be left out is what `expand` adds, and warnings."""
    document = description()
    schemas = document["components"]["schemas"]
    seen = 0
    for name, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {})
        if PARTIAL not in content:
            continue
        whole_row, partial = (
            schemas[content[kind]["schema"]["$ref"].rpartition("/")[2]]
            for kind in ("application/json", PARTIAL)
        )
        if "results" in whole_row["properties"]:
            whole_row, partial = (
                schemas[
                    page["properties"]["results"]["items"]["$ref"].rpartition("/")[2]
                ]
                for page in (whole_row, partial)
            )
        optional = whole_row["properties"].keys() - set(whole_row["required"])
        added = {
            key for key in optional if "expand=" in str(whole_row["properties"][key])
        }
        assert optional == added, name
        assert "required" not in partial, name
        assert partial["properties"].keys() == whole_row["properties"].keys(), name
        seen += 1
    assert seen > 40


def test_every_refusal_is_a_problem_document(schema):
    problem = {"$ref": "#/components/schemas/ProblemDocument"}
    shared = schema["components"]["responses"]
    for name, operation in operations(schema):
        for status, answer in operation["responses"].items():
            # Whether all is well is asked by machines that read one word.
            if status < "400" or operation["tags"] == ["Health"]:
                continue
            content = shared.get(answer.get("$ref", "").rpartition("/")[2], answer)
            kinds = {"application/problem+json": {"schema": problem}}
            assert content["content"] == kinds, (name, status)


def test_each_operation_says_who_may_call_it(schema):
    for name, operation in operations(schema):
        assert "security" in operation, name
        known = schema["components"]["securitySchemes"]
        assert {s for each in operation["security"] for s in each} <= set(known), name


def test_bodies_of_staff_take_nothing_unknown(schema):
    for name, operation in operations(schema):
        staff = any("staffToken" in each for each in operation["security"])
        body = operation.get("requestBody", {}).get("content", {})
        for media in body.values() if staff else ():
            reference = media["schema"]["$ref"].rpartition("/")[2]
            found = schema["components"]["schemas"][reference]
            assert found["additionalProperties"] is False, name


def test_each_reference_leads_somewhere(schema):
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(schema))

    assert set(names) <= set(schema["components"]["schemas"])


def test_nothing_is_described_that_nobody_uses(schema):
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(schema)))

    assert set(schema["components"]["schemas"]) - used == set()


def test_the_machine_is_not_searched_for_a_library_of_maps(schema):
    """It takes a compiler half a second, in the first request of a server."""
    assert schema["paths"]
    assert "django.contrib.gis.gdal" not in sys.modules
