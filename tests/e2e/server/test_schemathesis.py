"""The published description, taken at its word by schemathesis, with every check on.

A fixed seed and an example of each operation beside the published ones: a part takes a
quarter of a minute of one core.
`HOLDFAST_FUZZ_LONG=1` tries each value at its limits too, and chains of calls, for many
minutes; `HOLDFAST_FUZZ_EXAMPLES=300 HOLDFAST_FUZZ_SEED=5` looks further.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from http.client import MULTIPLE_CHOICES
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.server.office import CSRF, DESCRIPTIONS, Office

pytestmark = pytest.mark.e2e
# The coverage phase makes a request for each limit of the schema, however few it may.
IS_LONG = bool(os.environ.get("HOLDFAST_FUZZ_LONG"))
PHASES = "examples,coverage,fuzzing,stateful" if IS_LONG else "examples,fuzzing"
EXAMPLES = os.environ.get("HOLDFAST_FUZZ_EXAMPLES", "20" if IS_LONG else "1")
SEED = os.environ.get("HOLDFAST_FUZZ_SEED", "1")
ROOT = Path(__file__).resolve().parents[3]
# Everything there has to succeed at least once.
REACHED = {"Customers of a business", "Notes"}
# How many parts each description has: each is a process of its own, and its operations
# are about the same rows.
PARTS = dict(zip(DESCRIPTIONS, (3, 1), strict=True))
# Another version of the row, or another answer under the key, is a state and no value.
ACCEPTED = "2xx 3xx 401 403 404 409 412 429 5xx"
# 412 refuses what no version can be.
REFUSED = "400 401 403 404 405 406 409 412 413 415 422 428 429 5xx"


def part_of(schema: dict[str, Any], number: int, count: int) -> set[str]:
    """Return the tags of one part; the parts are about as large as each other."""
    sizes = Counter(
        operation["tags"][0]
        for item in schema["paths"].values()
        for operation in item.values()
    )
    parts: list[set[str]] = [set() for _ in range(count)]
    for tag, _ in sorted(sizes.items(), key=lambda kv: (-kv[1], kv[0])):
        min(parts, key=lambda part: sum(sizes[t] for t in part)).add(tag)
    return parts[number]


def without_success(schema: dict[str, Any], tags: set[str], har: Path) -> set[str]:
    """Return the operations with these tags that no request of a run succeeded at."""
    patterns = {
        path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        # The most literal path first, as the hub itself reads an address.
        for path in sorted(schema["paths"], key=lambda path: path.count("{"))
    }
    done = set()
    for entry in json.loads(har.read_text())["log"]["entries"]:
        asked = entry["request"]
        address = urlsplit(asked["url"]).path
        path = next((p for p, like in patterns.items() if like.fullmatch(address)), "")
        if entry["response"]["status"] < MULTIPLE_CHOICES:
            done.add(f"{asked['method']} {path}")
    return {
        f"{method.upper()} {path}"
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if tags & set(operation["tags"])
    } - done


def table(**values: Any) -> str:
    """Return an inline table of TOML."""
    pairs = (f"{json.dumps(name)} = {json.dumps(v)}" for name, v in values.items())
    return "{" + ", ".join(pairs) + "}"


def configuration(office: Office, schema: dict[str, Any], wanted: set[str]) -> str:
    """Return the settings of schemathesis: who asks, for what, and for which rows."""
    others = {tag["name"] for tag in schema["tags"]} - wanted
    lines = [
        'hooks = "tests.e2e.server.fuzz_hooks"',
        "[auth.openapi]",
        f"staffToken = {table(bearer=office.token)}",
        f"captureKey = {table(bearer=office.key)}",
        f"staffSession = {table(api_key=office.session)}",
        f"csrfToken = {table(api_key=CSRF)}",
        "[generation]",
        # Unknown parameters are refused, which OpenAPI cannot say of a query.
        "allow-extra-parameters = false",
        "[checks]",
        "[checks.positive_data_acceptance]",
        f"expected-statuses = {json.dumps(ACCEPTED.split())}",
        "[checks.negative_data_rejection]",
        f"expected-statuses = {json.dumps(REFUSED.split())}",
    ]
    if others:
        lines += ["[[operations]]", f"include-tag = {json.dumps(sorted(others))}"]
        lines.append("enabled = false")
    bound: defaultdict[str, list[str]] = defaultdict(list)
    dictionaries = ["[dictionaries]"]
    for n, ((path, name), values) in enumerate(office.known_values(schema).items()):
        dictionaries.append(f"d{n} = {table(values=values)}")
        binding = table(dictionary=f"d{n}", probability=0.95)
        bound[path].append(f'"path.{name}" = {binding}')
    for path, bindings in bound.items():
        lines += ["[[operations]]", f"include-path = {json.dumps(path)}"]
        lines.append("parameters = {" + ", ".join(bindings) + "}")
    return "\n".join([*lines, *dictionaries]) + "\n"


@pytest.mark.parametrize(
    ("address", "number"), [(path, n) for path in PARTS for n in range(PARTS[path])]
)
def test_every_operation_answers_as_described(office, tmp_path, address, number):
    config, har = tmp_path / "schemathesis.toml", tmp_path / "har.json"
    schema = office.schemas[address]
    wanted = part_of(schema, number, PARTS[address])
    config.write_text(configuration(office, schema, wanted))
    office.confirm()
    known = {
        "FUZZ_BUSINESS": office.slug,
        "FUZZ_CSRF": CSRF,
        "FUZZ_ROWS": json.dumps(office.known_rows()),
        "PYTHONPATH": str(ROOT),
    }
    command = [
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"),
        f"{office.hub.server.url}{address}?format=json",
        "--checks=all",
        f"--max-examples={EXAMPLES}",
        f"--phases={PHASES}",
        f"--seed={SEED}",
        "--request-timeout=20",
        "--generation-database=none",
        "--no-color",
        "--report=har",
        f"--report-har-path={har}",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | known,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-40_000:] + done.stderr[-2000:]
    # Refusals alone would leave the answers unseen.
    assert without_success(schema, wanted & REACHED, har) == set()
