"""docs/api.md says what is: its calls are sent, its paths and codes looked up."""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from audit.accounts import issue_tokens
from capture import services as capture
from tests.conftest import staff
from tests.contract.descriptions import whole
from tests.contract.http_file import as_http
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    IdentityReviewFactory,
    MembershipFactory,
    PinCredentialFactory,
    SourceFactory,
)
from tests.factories.audit import PASSWORD, PIN

ROOT = Path(__file__).parents[2]
PAGE, REQUESTS = ROOT / "docs" / "api.md", ROOT / "docs" / "api.http"
TEXT = PAGE.read_text(encoding="utf-8")
# A call and, directly below, its status and answer.
CALL = re.compile(r"```sh\n(curl .*?)\n```\n+```json\n(\d{3})(?: (.*?))?\n```", re.S)
# The paths of the documents, as the requirements count them.
DOCUMENTS = re.compile(r"^/api/(customer-data|data-capture|admin/customers|customers/)")


def sent(command: str, known: dict[str, str]) -> Any:
    """Send what a curl command would, and return the answer."""
    for name in sorted(known, key=len, reverse=True):
        command = command.replace(f"${name}", known[name])
    words = shlex.split(command.replace("\\\n", " "))
    headers: dict[str, str] = {}
    method = body = url = ""
    arguments = iter(words[1:])
    for word in arguments:
        if word == "-H":
            name, _, value = next(arguments).partition(": ")
            headers[name] = value
        elif word == "-X":
            method = next(arguments)
        elif word == "-d":
            body = next(arguments)
        elif not word.startswith("-"):
            url = word
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    kind = headers.pop("Content-Type", "application/json")
    method = method or ("POST" if body else "GET")
    return Client().generic(method, path, body, content_type=kind, headers=headers)


def fits(said: Any, found: Any) -> bool:
    """Tell whether an answer is what the page says; `…` stands for anything."""
    if isinstance(said, dict):
        return isinstance(found, dict) and all(
            key in found and fits(value, found[key]) for key, value in said.items()
        )
    if isinstance(said, list):
        same = isinstance(found, list) and len(said) == len(found)
        return same and all(map(fits, said, found))
    if isinstance(said, str) and "…" in said:
        return fnmatch.fnmatchcase(str(found), said.replace("…", "*"))
    return said == found and type(said) is type(found)


def noted(command: str, found: dict[str, Any]) -> dict[str, str]:
    """Return what a reader would keep of an answer, by the name the page gives it."""
    places = {"/customers": "ID", "/bookings": "BOOKING", "/refunds": "REFUND"}
    path = shlex.split(command.replace("\\\n", " "))[2].rstrip("/")
    kept = {"DIGEST": found["digest"]} if found.get("digest") else {}
    names = [name for end, name in places.items() if path.endswith(end)]
    return kept | {name: found["id"] for name in names if "id" in found}


def test_the_calls_are_answered_as_the_page_says(db):
    business = BusinessFactory(
        slug="bakery-nord", name="Bakery Nord", currency="EUR", refund_limit=100
    )
    user = staff(business, username="admin")
    # As in the demo.
    MembershipFactory(user=user, role="admin")
    PinCredentialFactory(user=user)
    source = SourceFactory(business=business)
    key = capture.create_key(
        source, actor=capture_actor(), kind="secret", scopes=["write", "read:captures"]
    )[1]
    known = {
        "HUB": "http://testserver",
        "TOKEN": issue_tokens(user).access,
        "PASSWORD": PASSWORD,
        "KEY": key,
        "PIN": PIN,
    }
    calls = CALL.findall(TEXT)
    assert len(calls) >= 17
    for command, status, said in calls:
        if "$REVIEW" in command:
            # Not before: the page counts the customers that there are.
            other = CustomerFactory(business=business)
            asked = IdentityReviewFactory(source=source, user_customer=other)
            known["REVIEW"] = str(asked.pk)
        answer = sent(command, known)
        assert answer.status_code == int(status), (command, answer.content)
        if said:
            found = answer.json()
            assert fits(json.loads(said), found), (command, json.dumps(found))
            known |= noted(command, found)
        if "ETag" in answer.headers:
            known["ETAG"] = answer["ETag"].replace('"', '\\"')


def capture_actor() -> Any:
    from audit.tenancy.actors import Actor  # noqa: PLC0415 - kept beside its one use

    return Actor.system("docs")


def test_each_path_of_the_page_exists():
    schema = whole()
    named = set(
        re.findall(r"`(?:(?:GET|POST|PUT|PATCH|DELETE)[ ,]*)*(/[^\s`]+)`", TEXT)
    )
    known = {re.sub(r"\{\w+\}", "{}", path) for path in schema["paths"]}
    known |= {"/api/schema/", "/api/docs/", "/api/v1/openapi.json"}
    known |= {"/api/schema/contracts/", "/api/docs/contracts/"}
    known |= {"/admin/account/pin/", "/admin/capture/apikey/"}
    found = {re.sub(r"\{\w+\}", "{}", path.partition("?")[0]) for path in named}

    assert len(found) > 30
    assert {p for p in found if not p.endswith(("…", "*"))} - known == set()


def test_each_path_of_the_documents_is_on_the_page():
    schema = whole()
    wanted = {path for path in schema["paths"] if DOCUMENTS.match(path)}
    missing = {path for path in wanted if f"{path}`" not in TEXT}

    assert len(wanted) >= 20
    assert missing == set()


# Who raises a refusal, and where its code stands: in the second place, or by name.
RAISED = {"ApiError", "KeyUseError", "ErrorDetail", "Mistake"}
NAMED = {"ValidationError", "RuleBroken", "AuthenticationFailed", "answer"}
# Parts that no address of the API leads to: pages and commands; and what is said of one
# item of a capture, which stands in docs/capture.md.
ELSEWHERE = re.compile(
    r"/(admin|management|migrations)/|^audit/(fields|accounts/second_factor)\.py"
    r"|^customers/services/imports/(purchase_log|importing|previews|uploads)\.py"
    r"|^capture/(services|ingest|adapters)/"
)
# Of the library: it says them itself. Of a value: its validators say them.
LIBRARY = {
    "max_length", "max_value", "min_value", "null", "not_acceptable",
    "not_authenticated", "not_found", "permission_denied",
}  # fmt: skip
# A PIN that changed between page and answer is asked for again; no address of the API
# changes accounts.
UNSEEN = {"too_many_jobs", "changed", "last_owner", "hour_missing", "hour_twice"}


def raised(tree: ast.AST) -> Iterator[str]:
    """Yield the codes of the refusals that a module raises."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        said = [word.value for word in node.keywords if word.arg == "code"]
        said = said if name in RAISED | NAMED else []
        said += node.args[1:2] if name in RAISED else []
        for value in said:
            code = str(getattr(value, "value", ""))
            if re.fullmatch("[a-z_]+", code):
                yield code


def source() -> dict[str, str]:
    """Return our modules by their place."""
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for app in ("audit", "customers", "capture", "config")
        for path in (ROOT / app).rglob("*.py")
    }


def codes_of_the_page() -> set[str]:
    part = TEXT.partition("| status | code | do |")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| [^|]*? \| (.*?) \|", part, re.M)
    return {code for cell in cells for code in re.findall(r"`([a-z_]+)`", cell)}


def test_each_code_of_the_page_is_one_of_ours():
    everything = "".join(source().values())
    codes = codes_of_the_page()

    assert len(codes) > 60
    assert {c for c in codes if f'"{c}"' not in everything} - LIBRARY == set()


def test_each_code_of_ours_is_on_the_page():
    found = {
        code
        for place, text in source().items()
        if not ELSEWHERE.search(place)
        for code in raised(ast.parse(text))
    }

    assert len(found) > 60
    assert found - codes_of_the_page() - UNSEEN == set()


def test_there_is_a_request_for_each_operation():
    text = as_http(whole())
    if os.environ.get("HOLDFAST_WRITE_SCHEMA"):
        REQUESTS.write_text(text, encoding="utf-8")

    assert REQUESTS.exists(), "See tests/contract/test_schema.py for how to write it."
    assert REQUESTS.read_text(encoding="utf-8") == text, (
        "docs/api.http is old. If the change is meant, write it anew:\n"
        "HOLDFAST_WRITE_SCHEMA=1 python -m pytest -n 0 tests/contract/test_api_docs.py"
    )


@pytest.mark.parametrize("said", ["…", "a…z", {"a": "…"}, [1, "…"]])
def test_dots_stand_for_anything(said):
    assert fits(said, {"…": "b", "a…z": "abz"}.get(str(said), said))
    assert not fits(said, None) or said == "…"
