"""Rates and stored answers move to the base and back, and nobody notices."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from tests.databases import ROOT, Database, copied
from tests.e2e.live import Hub

# Sends a capture for each Idempotency-Key, and prints what each was answered. The first
# argument is a capture key; `new` makes one, whose text is the first line.
_SEND = """
import json, sys, django
django.setup()
from django.test import Client
from audit.tenancy.actors import Actor
from capture import services
from customers.services import create_business
key, *texts = sys.argv[1:]
if key == "new":
    actor = Actor.system("test")
    source = services.get_or_create_source(
        create_business("shop", actor=actor), "shop", actor=actor
    )
    _, key = services.create_key(source, actor=actor, kind="secret", scopes=["write"])
print(key)
for text in texts:
    answer = Client().post(
        "/api/v1/captures",
        {"type": "login", "email": "a@example.org"},
        content_type="application/json",
        headers={"X-Capture-Key": key, "Idempotency-Key": text, "Host": "localhost"},
    )
    replayed = answer.get("Idempotent-Replayed")
    print(json.dumps([answer.status_code, replayed, answer.json()]))
"""
_OLD = "SELECT name, status, content_type, body FROM capture_idempotencyrecord"
_BUCKETS = "SELECT name, {}, offset_us, boot, used_at FROM {} ORDER BY name"


@pytest.fixture
def hub(tmp_path_factory, tmp_path):
    with copied(tmp_path_factory, tmp_path) as database:
        yield Hub(database, tmp_path)


def send(hub: Hub, key: str, *texts: str) -> tuple[str, list[Any]]:
    """Return the capture key, and each answer: status, whether repeated, body."""
    done = subprocess.run(
        [sys.executable, "-c", _SEND, key, *texts],
        cwd=ROOT,
        env=hub.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    key, *lines = done.stdout.splitlines()
    return key, [json.loads(line) for line in lines]


def migrate(hub: Hub, *target: str) -> None:
    done = hub.manage("migrate", "--verbosity=0", *target)
    assert done.returncode == 0, done.stderr


def change(database: Database, sql: str) -> None:
    """Run a statement as somebody who writes to the database."""
    if database.is_sqlite:
        with contextlib.closing(sqlite3.connect(database.name)) as connection:
            connection.execute(sql)
            connection.commit()
    else:
        with psycopg.connect(database.url) as connection:
            connection.execute(sql)


def names(hub: Hub) -> set[str]:
    """Return the content types and permissions of the tables that moved."""
    found = hub.database.rows("SELECT model FROM django_content_type")
    found += hub.database.rows("SELECT codename FROM auth_permission")
    moved = ("allowance", "idempot", "ratelimit", "storedanswer")
    return {name for (name,) in found if any(word in name for word in moved)}


@pytest.mark.slow
def test_a_key_from_before_the_upgrade_replays_after_it(hub):
    key, (first, second) = send(hub, "new", "k-1", "k-2")
    assert first[:2] == second[:2] == [200, None]
    buckets = hub.database.rows(_BUCKETS.format("tat_us", "audit_ratelimitbucket"))
    assert len(buckets) == 1

    # As the version before left it; `capture` goes back with it.
    migrate(hub, "audit", "0014")
    rows = hub.database.rows(_OLD)
    assert [(status, kind) for _, status, kind, _ in rows] == [
        (200, "application/json")
    ] * 2
    assert first[2] in [json.loads(body) for *_, body in rows]
    old = hub.database.rows(_BUCKETS.format("arrives_us", "capture_allowance"))
    assert old == buckets
    assert not {"add_ratelimitbucket", "add_idempotentresponse"} & names(hub)
    expired = next(name for name, *_, body in rows if json.loads(body) == second[2])
    change(
        hub.database,
        "UPDATE capture_idempotencyrecord SET expires_at = '2001-01-01 00:00:00' "
        f"WHERE name = '{expired}'",
    )

    migrate(hub)
    stored = hub.database.rows("SELECT name, response FROM audit_idempotentresponse")
    assert [name for name, _ in stored] == [
        name for name, *_ in rows if name != expired
    ]
    assert "capture_id" not in stored[0][1]
    new = hub.database.rows(_BUCKETS.format("tat_us", "audit_ratelimitbucket"))
    assert new == buckets
    _, (again, anew) = send(hub, key, "k-1", "k-2")
    assert again == [200, "true", first[2]]
    assert anew[:2] == [200, None]
    assert names(hub) == {
        "idempotentresponse",
        "ratelimitbucket",
        *(
            f"{verb}_{model}"
            for verb in ("add", "change", "delete", "view")
            for model in ("idempotentresponse", "ratelimitbucket")
        ),
    }


# Sends one message id from a page and from a server; prints what became of each.
_BOTH_SIDES = """
import django
django.setup()
from audit.tenancy.actors import Actor
from capture import services
from customers.services import create_business
actor = Actor.system("test")
source = services.get_or_create_source(
    create_business("shop", actor=actor), "shop", actor=actor
)
for trust in ("browser", "server"):
    body = {"email": "a@example.org", "message_id": "one", "success": True}
    batch = services.build_envelopes("login", body, trust=trust)
    print(services.ingest(batch, source=source, actor=actor)[0].status)
"""
_IDS = "SELECT trust, message_id FROM capture_capture ORDER BY trust"


@pytest.mark.slow
def test_ids_on_both_sides_keep_the_version_before_away(hub):
    """Going back would lose one of the two; it is refused, and nothing is half done."""
    done = subprocess.run(
        [sys.executable, "-c", _BOTH_SIDES],
        cwd=ROOT,
        env=hub.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["accepted", "accepted"], done.stderr
    both = [("browser", "one"), ("server", "one")]
    assert [tuple(row) for row in hub.database.rows(_IDS)] == both

    refused = hub.manage("migrate", "--verbosity=0", "capture", "0004")
    assert refused.returncode != 0
    assert [tuple(row) for row in hub.database.rows(_IDS)] == both

    # The version that was there goes on, with its rule.
    migrate(hub)
    again = hub.manage("check", "--database", "default")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_ids_on_one_side_go_back_and_forth(hub):
    send(hub, "new", "k-1", "k-2")

    migrate(hub, "capture", "0004")
    migrate(hub)

    # What came twice within ten minutes is one message.
    assert len(hub.database.rows(_IDS)) == 1
