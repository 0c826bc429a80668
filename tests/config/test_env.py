"""Settings come from the environment; a wrong value is one sentence with the fix."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from secrets import token_urlsafe

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOLDFAST_NO_BOOTSTRAP": "1"}
    command = [sys.executable, "manage.py", *args]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=clean | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("0", False), (" Yes ", True), ("off", False)]
)
def test_flags_read_what_people_write(monkeypatch, text, value):
    monkeypatch.setenv("HOLDFAST_X", text)

    assert env.flag("HOLDFAST_X", default=not value) is value


def test_a_wrong_flag_says_the_fix(monkeypatch):
    monkeypatch.setenv("HOLDFAST_X", "maybe")

    with pytest.raises(ImproperlyConfigured, match="Write HOLDFAST_X=true or"):
        env.flag("HOLDFAST_X", default=False)


def test_a_wrong_number_says_the_fix(monkeypatch):
    monkeypatch.setenv("HOLDFAST_X", "many")

    with pytest.raises(ImproperlyConfigured, match="Write HOLDFAST_X=8"):
        env.number("HOLDFAST_X", default=8)


def test_a_number_that_is_too_small_says_the_fix(monkeypatch):
    monkeypatch.setenv("HOLDFAST_X", "1")

    assert env.number("HOLDFAST_X", default=8) == 1
    with pytest.raises(ImproperlyConfigured, match=r"of 2 or more\. Write"):
        env.number("HOLDFAST_X", default=8, at_least=2)


def test_seconds_may_have_decimals(monkeypatch):
    assert env.seconds("HOLDFAST_X", default=0.5, at_least=0.1) == 0.5
    for text, value in (("2", 2), ("0.25", 0.25)):
        monkeypatch.setenv("HOLDFAST_X", text)
        assert env.seconds("HOLDFAST_X", default=0.5, at_least=0.1) == value
    for text in ("0", "-1", ".", "1.2.3", "1e3", "soon", "٣"):
        monkeypatch.setenv("HOLDFAST_X", text)
        with pytest.raises(ImproperlyConfigured, match=r"Write HOLDFAST_X=0\.5"):
            env.seconds("HOLDFAST_X", default=0.5, at_least=0.1)


def test_a_secret_can_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from the file\n", encoding="utf-8")
    monkeypatch.setenv("HOLDFAST_X_FILE", str(tmp_path / "secret"))

    assert env.text("HOLDFAST_X", None) == "from the file"


def test_a_missing_file_is_named(monkeypatch):
    monkeypatch.setenv("HOLDFAST_X_FILE", "/nowhere/secret")

    with pytest.raises(ImproperlyConfigured, match="/nowhere/secret"):
        env.text("HOLDFAST_X", None)


def test_lists_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("HOLDFAST_X", "a, b,,c ")

    assert env.items("HOLDFAST_X", "") == ["a", "b", "c"]


def test_a_list_takes_known_words_only(monkeypatch):
    monkeypatch.setenv("HOLDFAST_X", "admin,owner")

    assert env.choices("HOLDFAST_X", "", ("admin", "owner")) == ["admin", "owner"]
    with pytest.raises(ImproperlyConfigured, match="'owner', which is none of admin"):
        env.choices("HOLDFAST_X", "", ("admin",))


@pytest.mark.parametrize(
    ("url", "engine", "name"),
    [
        ("sqlite:////srv/x.sqlite3", "django.db.backends.sqlite3", "/srv/x.sqlite3"),
        ("postgresql://u:p@host:5432/hub", "django.db.backends.postgresql", "hub"),
        ("postgresql://u:p@/hub?host=/run/pg", "django.db.backends.postgresql", "hub"),
    ],
)
def test_database_urls(monkeypatch, url, engine, name):
    monkeypatch.setenv("HOLDFAST_X", url)

    database = env.database("HOLDFAST_X", "")

    assert (database["ENGINE"], database["NAME"]) == (engine, name)


@pytest.mark.parametrize(
    "url", ["mysql://u:p@host/x", "nonsense", "postgresql://u:p@%2Frun%2Fpg/x"]
)
def test_an_unknown_database_url_is_one_sentence(url):
    result = run("check", HOLDFAST_DEBUG="true", DATABASE_URL=url)

    assert result.returncode == 1
    assert "Write DATABASE_URL=" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("secret", ["", "short", "a" * 60])
def test_a_missing_or_weak_secret_stops_the_start(secret):
    variables = {"HOLDFAST_SECRET_KEY": secret} if secret else {}

    result = run("check", **variables)

    assert result.returncode == 1
    assert "HOLDFAST_SECRET_KEY" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_origins_are_read_as_browsers_send_them(monkeypatch):
    listed = "https://app.example.com, http://localhost:5173,http://[::1]:8043,"
    monkeypatch.setenv("HOLDFAST_X", listed)

    assert env.origins("HOLDFAST_X") == [
        "https://app.example.com",
        "http://localhost:5173",
        "http://[::1]:8043",
    ]
    monkeypatch.setenv("HOLDFAST_X", "")
    assert env.origins("HOLDFAST_X") == []


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "null",
        "app.example.com",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/page",
        "https://app.example.com?x=1",
        "https://ann@app.example.com",
        "https://App.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:",
        "ftp://app.example.com",
        "https://bücher.example",
        "https://app.example.com https://b.example.com",
    ],
)
def test_what_no_browser_sends_as_an_origin_says_the_fix(monkeypatch, wrong):
    monkeypatch.setenv("HOLDFAST_X", f"https://good.example.com,{wrong}")

    with pytest.raises(ImproperlyConfigured, match="Write scheme, host and port") as it:
        env.origins("HOLDFAST_X")
    assert f"HOLDFAST_X has {wrong!r}" in str(it.value)


def test_a_wrong_origin_stops_the_start_with_one_line():
    origin = "https://app.example.com/"
    result = run("check", HOLDFAST_DEBUG="true", HOLDFAST_API_ORIGINS=origin)

    assert result.returncode == 1
    [line] = result.stderr.strip().splitlines()
    assert f"HOLDFAST_API_ORIGINS has {origin!r}" in line


def test_the_example_file_names_every_variable():
    read = set()
    for path in [*ROOT.glob("config/*.py"), ROOT / "manage.py"]:
        source = path.read_text(encoding="utf-8")
        pattern = r'env\.\w+\(\s*"([A-Z_]+)"'
        read |= set(re.findall(pattern, source))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))

    assert listed == read


@pytest.mark.parametrize(
    ("hosts", "domain", "expected"),
    [
        ("localhost,127.0.0.1,[::1]", "", "localhost"),
        ("127.0.0.1,hub.example.com,example.org", "", "hub.example.com"),
        (".example.com", "", "example.com"),
        ("127.0.0.1,[::1]", "", ""),
        ("hub.example.com", "Example.com", "example.com"),
        ("*", "hub.example.com", "hub.example.com"),
    ],
)
def test_passkeys_are_kept_for_a_name_of_the_site(monkeypatch, hosts, domain, expected):
    monkeypatch.setenv("X", domain)

    assert env.domain("X", hosts.split(",")) == expected


@pytest.mark.parametrize("domain", ["example.org", "127.0.0.1", "ample.com", "*"])
def test_passkeys_for_another_name_stop_the_start(monkeypatch, domain):
    monkeypatch.setenv("X", domain)
    with pytest.raises(ImproperlyConfigured, match="no name of HOLDFAST_ALLOWED_HOSTS"):
        env.domain("X", ["hub.example.com", "127.0.0.1"])


def test_origins_are_of_the_name_and_whole(monkeypatch):
    assert env.passkey_origins("X", "a.example", is_https=True) == ["https://a.example"]
    assert env.passkey_origins("X", "localhost", is_https=False) == [
        "http://localhost:8000"
    ]
    assert env.passkey_origins("X", "", is_https=True) == []
    monkeypatch.setenv("X", "https://a.example:8443,https://b.a.example")
    assert env.passkey_origins("X", "a.example", is_https=True) == [
        "https://a.example:8443",
        "https://b.a.example",
    ]


@pytest.mark.parametrize("origin", ["https://b.example", "https://aa.example"])
def test_an_origin_of_elsewhere_stops_the_start(monkeypatch, origin):
    monkeypatch.setenv("X", origin)
    with pytest.raises(ImproperlyConfigured, match="HOLDFAST_PASSKEY_DOMAIN"):
        env.passkey_origins("X", "a.example", is_https=True)


def test_in_production_admins_and_the_owner_need_a_second_factor():
    shown = "from config import settings as s; print(s.SECOND_FACTOR_ROLES)"
    for variables, expected in (
        ({}, "['admin', 'superuser']"),
        ({"HOLDFAST_SECOND_FACTOR_ROLES": ""}, "[]"),
        ({"HOLDFAST_DEMO": "true"}, "[]"),
        ({"HOLDFAST_DEBUG": "true"}, "[]"),
    ):
        base = {"PATH": os.environ["PATH"], "HOLDFAST_SECRET_KEY": token_urlsafe(48)}
        done = subprocess.run(
            [sys.executable, "-c", shown],
            cwd=ROOT,
            env=base | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("staging", "staging"), ("  Test of Oslo ", "Test of Oslo"), ("", "demo")],
)
def test_a_label_is_one_short_line(monkeypatch, value, expected):
    monkeypatch.setenv("X", value)

    assert env.label("X", "demo") == expected


@pytest.mark.parametrize("value", ["x" * 21, "two\nlines", "turned\u202e"])
def test_another_label_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="Write one line of up to 20"):
        env.label("X", "")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ""),
        ({"HOLDFAST_DEMO": "true"}, "demo"),
        ({"HOLDFAST_DEMO": "true", "HOLDFAST_ENVIRONMENT": "production"}, ""),
        ({"HOLDFAST_ENVIRONMENT": "staging"}, "staging"),
    ],
)
def test_a_demo_says_so_and_production_says_nothing(facts, expected):
    """Read in a process of its own: settings are read once."""
    code = "from django.conf import settings; print(f'<{settings.ENVIRONMENT}>')"

    shell = run("shell", "-v", "0", "-c", code, HOLDFAST_DEBUG="true", **facts)

    assert shell.stdout.strip() == f"<{expected}>"
