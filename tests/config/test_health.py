"""Whether the process lives, and whether it can work: two questions, two answers."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from audit.maintenance import CAN_WRITE, MAINTAINED
from audit.models import Heartbeat
from config import health
from tests.conftest import signed_in
from tests.factories import UserFactory

Usage = namedtuple("Usage", "total used free")
NAMES = ["database", "migrations", "guards", "catalogue", "maintain", "can_write"]
NAMES += ["disk"]


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch):
    """Look each time, on a disk with room."""
    monkeypatch.setattr(health, "CACHE_SECONDS", -1)
    monkeypatch.setattr(health, "CATALOGUE_SECONDS", -1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 50_000_000_000))


@pytest.fixture
def maintained(db):
    call_command("maintain", "--yes")


def ready():
    response = Client().get("/readyz")
    body = response.json()
    checks = {name: check["status"] for name, check in body["checks"].items()}
    return response, body["status"], checks


def test_a_hub_that_has_all_it_needs_is_ready(maintained):
    response, status, checks = ready()

    assert response.status_code == 200
    assert (status, list(checks)) == ("ok", NAMES)
    assert set(checks.values()) == {"ok"}
    assert response["Cache-Control"] == "no-store"


def test_names_and_results_are_all_that_strangers_learn(maintained):
    body = Client().get("/readyz").json()

    assert set(body) == {"status", "checks"}
    assert all(set(check) == {"status"} for check in body["checks"].values())


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
@pytest.mark.parametrize("is_signed_in", [False, True])
def test_a_living_process_is_told_without_the_database(
    db, django_assert_num_queries, path, is_signed_in
):
    client = signed_in(UserFactory()) if is_signed_in else Client()

    with django_assert_num_queries(0):
        response = client.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_monitors_may_ask_for_the_head_and_do_nothing_else(db, path):
    assert Client().head(path).status_code == 200
    refused = Client().post(path)
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_asks_without_https(db, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get(path).status_code == 200


def test_many_questions_cost_one_look(maintained, monkeypatch):
    monkeypatch.setattr(health, "CACHE_SECONDS", 60)
    ready()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "CHECKS", {"database": lambda: "failed"})
        assert ready()[0].status_code == 200


def test_a_migration_that_was_not_applied(maintained):
    MigrationRecorder(connection).record_unapplied("capture", "0001_initial")

    response, status, checks = ready()

    assert (response.status_code, status) == (503, "unavailable")
    assert response["Retry-After"] == "5"
    assert [name for name in checks if checks[name] == "failed"] == ["migrations"]


def test_a_guard_that_is_gone(maintained):
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            cursor.execute(f"DROP TRIGGER {cursor.fetchone()[0]}")
        else:
            cursor.execute(
                "SELECT tgname, tgrelid::regclass FROM pg_trigger "
                "WHERE NOT tgisinternal LIMIT 1"
            )
            name, table = cursor.fetchone()
            cursor.execute(f"DROP TRIGGER {name} ON {table}")

    response, _, checks = ready()

    assert response.status_code == 503
    assert [name for name in checks if checks[name] == "failed"] == ["guards"]


def test_a_changed_catalogue_is_a_warning_and_looked_at_once_a_minute(
    maintained, monkeypatch
):
    monkeypatch.setattr(health, "CATALOGUE_SECONDS", 60)
    monkeypatch.setattr(health, "_looked", health._Looked())
    ready()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE mine (x integer)")
    assert ready()[2]["catalogue"] == "ok"
    monkeypatch.setattr(health, "CATALOGUE_SECONDS", -1)

    response, status, checks = ready()

    assert (response.status_code, status) == (200, "warning")
    assert checks["catalogue"] == "warning"


def test_a_database_that_takes_no_row(maintained):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_heartbeat RENAME COLUMN filler TO gone")

    response, _, checks = ready()

    assert response.status_code == 503
    assert checks["database"] == "ok"
    assert checks["can_write"] == "failed"


@pytest.mark.parametrize(
    ("free", "result", "code"),
    [(50_000_000_000, "ok", 200), (500_000_000, "warning", 200), (9, "failed", 503)],
)
def test_the_free_space_of_the_disk(maintained, monkeypatch, free, result, code):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))

    response, _, checks = ready()

    assert (checks["disk"], response.status_code) == (result, code)


def test_a_maintain_that_never_ran_or_long_ago_is_a_warning(db):
    assert ready()[2]["maintain"] == "warning"

    call_command("maintain")
    assert ready()[2]["maintain"] == "warning"

    long_ago = timezone.now() - timedelta(hours=37)
    Heartbeat.objects.create(name=MAINTAINED, at=long_ago)
    response, status, checks = ready()

    assert (status, checks["maintain"]) == ("warning", "warning")
    assert response.status_code == 200

    call_command("maintain", "--yes")
    assert ready()[2]["maintain"] == "ok"


def test_what_is_written_is_one_row_that_stays_one(maintained):
    for _ in range(3):
        ready()

    assert Heartbeat.objects.filter(name=CAN_WRITE).count() == 1
