"""`check --deploy` passes a hub that can serve, and names what another one lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import environ
import pytest
from django.conf import settings as ours
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from drf_spectacular.drainage import warn

from capture.api.customer_data import CustomerDataStatsView
from config import checks, startup

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = "django.core.mail.backends"
COMPLETE = {
    "PATH": os.environ["PATH"],
    "HOLDFAST_NO_BOOTSTRAP": "1",
    "HOLDFAST_ALLOWED_HOSTS": "hub.example.com",
    "HOLDFAST_EMAIL_URL": "smtp://mail.example.com:25",
    "HOLDFAST_HASH_KEY": "Hk7WzT0pQ4vYc1Nf9LsXe2Ru6Mb3Gd8JaKiOoPyZqVtBnCmDhSwFjElU",
    "HOLDFAST_PROXY_HTTPS": "true",
    "HOLDFAST_SECRET_KEY": "k3J9dLq0Zx7VbN5mWc2Rt8Yp4Hs6Gf1AeUiOoPzXvBnMqWeRtYuIo",
}


def test_a_complete_configuration_has_no_complaint(tmp_path):
    (tmp_path / "hub.sqlite3").touch(0o600)
    environment = COMPLETE | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'hub.sqlite3'}",
        "HOLDFAST_STATIC_ROOT": str(tmp_path / "static"),
    }
    script = (
        "import django; django.setup();"
        "from django.core.management import call_command;"
        "call_command('collectstatic', interactive=False, verbosity=0);"
        "call_command('check', deploy=True, fail_level='WARNING')"
    )

    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(autouse=True)
def no_file(monkeypatch, tmp_path):
    """Have no database file of the checkout looked at."""
    if (
        connection.vendor == "sqlite"
        and "memory" not in connection.settings_dict["NAME"]
    ):
        name = str(tmp_path / "none.sqlite3")
        monkeypatch.setitem(connection.settings_dict, "NAME", name)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("sqlite:///hub.sqlite3", True),
        ("postgresql://holdfast:pw@127.0.0.1/holdfast", True),
        ("postgresql://holdfast:pw@localhost/holdfast", True),
        ("postgresql://holdfast:pw@/holdfast?host=/run/postgresql", True),
        ("postgresql://holdfast:pw@db.example.com/holdfast", False),
        ("postgresql://holdfast:pw@/holdfast?host=db.example.com", False),
        ("postgresql://holdfast:pw@db.example.com/holdfast?sslmode=require", False),
        ("postgresql://holdfast:pw@db.example.com/holdfast?sslmode=verify-full", True),
    ],
)
def test_a_database_elsewhere_has_to_prove_who_it_is(
    monkeypatch, settings, url, is_fine
):
    database = {"OPTIONS": {}, "HOST": "", **environ.Env.db_url_config(url)}
    for name, value in database.items():
        monkeypatch.setitem(connection.settings_dict, name, value)

    assert ("config.W005" in complaints(settings)) is not is_fine


def complaints(settings, **changes: object) -> set[str]:
    """Return what is complained about after changing a complete configuration."""
    complete = {
        "HASH_KEY": "another",
        "HTTPS": True,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "EMAIL_BACKEND": f"{BACKENDS}.smtp.EmailBackend",
    }
    for name, value in (complete | changes).items():
        setattr(settings, name, value)
    found = [*checks.check_secrets(), *checks.check_surroundings()]
    return {message.id for message in found}


def test_a_page_elsewhere_without_https_is_named(settings):
    fine = ["https://app.example.com", "http://localhost:5173", "http://[::1]:5173"]
    settings.CORS_ALLOWED_ORIGINS = [*fine, "http://app.example.com"]

    [found] = checks.check_origins()
    assert found.id == "config.W006"
    assert "http://app.example.com" in found.msg


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("HASH_KEY", ours.SECRET_KEY, "config.W001"),
        ("SECURE_PROXY_SSL_HEADER", None, "config.W003"),
        (
            "EMAIL_BACKEND",
            f"{BACKENDS}.dummy.EmailBackend",
            "config.W004",
        ),
    ],
)
def test_what_is_missing_is_named(settings, tmp_path, name, value, complaint):
    settings.BASE_DIR = tmp_path

    assert complaints(settings) == set()
    assert complaints(settings, **{name: value}) == {complaint}


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o640, True)])
def test_secrets_that_others_can_read_are_named(settings, tmp_path, mode, is_open):
    settings.BASE_DIR = tmp_path
    (tmp_path / ".env").touch(mode)
    (tmp_path / ".env").chmod(mode)

    assert complaints(settings) == ({"config.W002"} if is_open else set())


def test_files_that_nobody_collected_stop_the_start(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "config.storage.CollectedFilesStorage"},
    }

    assert "hub/css/hub.css" in startup.missing_static_files()
    assert [e.id for e in checks.check_static_files()] == ["config.E005"]
    with pytest.raises(ImproperlyConfigured, match=r"Run `python3 manage\.py setup`"):
        startup.require_static_files()
    with pytest.raises(ImproperlyConfigured, match=r"hub\.css was not collected"):
        staticfiles_storage.url("hub/css/hub.css")


def test_files_that_are_served_from_where_they_lie_need_nothing():
    assert startup.missing_static_files() == []
    assert checks.check_static_files() == []


def test_tables_older_than_the_code_stop_the_start(db):
    assert startup.require_migrations() is None
    assert checks.check_database(databases=["default"]) == []

    [last] = MigrationLoader(connection).graph.leaf_nodes("capture")
    MigrationRecorder(connection).record_unapplied(*last)

    with pytest.raises(ImproperlyConfigured, match=r"1 migrations .* first capture\."):
        startup.require_migrations()
    [error] = checks.check_database(databases=["default"])
    assert error.id == "config.E006"
    # As Django's own: the database is left alone unless it is named.
    assert checks.check_database(databases=None) == []


def test_a_database_that_is_away_is_named(monkeypatch):
    def refuse(_alias: str) -> None:
        raise OperationalError("connection failed: Connection refused")

    monkeypatch.setattr(checks, "require_database", refuse)

    [error] = checks.check_database(databases=["default"])
    assert (error.id, "Start the server" in error.msg) == ("config.E007", True)


def test_the_contracts_of_the_api_are_looked_at_too(monkeypatch):
    assert checks.check_contracts() == []
    tag = property(lambda view: warn("nobody knows what this answers"))

    monkeypatch.setattr(CustomerDataStatsView, "tag", tag)

    [warning] = checks.check_contracts()
    assert warning.id == "config.W007"
    assert "CustomerDataStatsView" in warning.msg
    assert "nobody knows" in warning.msg


def test_the_checks_belong_to_deployment_only(db):
    ids = {message.id for message in run_checks()}

    assert not {name for name in ids if name.startswith(("config.W", "config.E005"))}


def test_a_postgresql_that_is_too_old_stops_the_start(db, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("There is no PostgreSQL to be too old.")
    assert startup.require_database() is None

    monkeypatch.setattr(startup, "OLDEST_POSTGRESQL", 99)

    with pytest.raises(ImproperlyConfigured, match="Upgrade the server to 99"):
        startup.require_database()
