from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client

PATHS = [
    "/api/schema",
    "/api/schema/",
    "/api/v1/openapi.json",
    "/api/schema/contracts",
    "/api/schema/contracts/",
]


@pytest.fixture
def get(db):
    return Client().get


@pytest.mark.parametrize("path", PATHS)
def test_anybody_reads_the_description(get, path):
    answer = get(path)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("?format=json", "*/*", "json"),
        ("", "application/json", "json"),
        ("?format=yaml", "*/*", "yaml"),
        ("", "application/yaml", "yaml"),
        ("", "application/vnd.oai.openapi", "yaml"),
    ],
)
def test_it_comes_as_json_and_as_yaml(get, query, accept, kind):
    answer = get(f"/api/schema/{query}", headers={"Accept": accept})
    parsed = json.loads if kind == "json" else yaml.safe_load

    assert parsed(answer.content) == get("/api/schema").json()


@pytest.mark.parametrize(
    "path",
    ["/api/docs", "/api/docs/", "/api/docs/?script=", "/api/docs/contracts/?script="],
)
def test_the_viewer_fetches_nothing_from_elsewhere(get, path):
    text = get(path).content.decode()

    assert re.findall(r"(?:https?:)?//[a-z]", text.replace("// ", "")) == []


def test_its_files_are_ours_and_there(get):
    text = get("/api/docs/").content.decode()
    files = list(_files(text))

    assert len(files) >= 4
    assert all(finders.find(name) for name in files), files


def test_it_asks_for_the_description_with_the_csrf_token(get):
    for part in ("", "/contracts"):
        script = get(f"/api/docs{part}/?script=")

        assert "application/javascript" in script["Content-Type"]
        assert f'url: "/api/schema{part}"' in script.content.decode()
        assert b"X-CSRFTOKEN" in script.content.upper()


def test_only_its_page_has_styles_of_its_own(get):
    policy = get("/api/docs/")["Content-Security-Policy"]

    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in get("/api/schema/")["Content-Security-Policy"]


def test_there_is_no_script_in_the_page(get):
    scripts = re.findall(
        r"<script([^>]*)>(.*?)</script>", get("/api/docs/").content.decode(), re.S
    )

    assert scripts
    assert all("src=" in head and not body.strip() for head, body in scripts)


@pytest.mark.parametrize(
    "path",
    ["/api/schema/", "/api/docs/", "/api/schema/contracts/", "/api/docs/contracts/"],
)
def test_only_reading_is_allowed(db, path):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert Client().generic(method, path).status_code == 405, method


def test_strangers_have_a_budget(get, settings, clock):
    settings.STAFF_RATES = {**settings.STAFF_RATES, "visitor": (1, 2)}

    assert [get("/api/schema/").status_code for _ in range(3)] == [200, 200, 429]


def _files(text: str) -> Iterator[str]:
    yield from re.findall(r'(?:src|href)="/static/([^"#]+)', text)
