"""The cache: nothing that lies in the database is run or believed."""

from __future__ import annotations

import base64
import pickle
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from capture.services.paypal import paypal_certificate
from config import health
from tests.factories import WebhookEndpointFactory

CERTIFICATE_URL = "https://api.paypal.com/v1/notifications/certs/CERT-1"


class Opened:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.path), "w")


@pytest.fixture
def poisoned(db, tmp_path):
    """A table where the cache of former versions was, with a pickle in each place."""
    told = tmp_path / "told"
    text = base64.b64encode(pickle.dumps(Opened(told))).decode()
    ends = connection.ops.adapt_datetimefield_value(timezone.now() + timedelta(days=9))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE holdfast_cache (cache_key varchar(255) PRIMARY KEY, "
            "value text NOT NULL, expires timestamp NOT NULL)"
        )
        for key in ("maintained", "health:can_write", "paypal:x", "exposed:x"):
            cursor.execute(
                "INSERT INTO holdfast_cache VALUES (%s, %s, %s)",
                [cache.make_key(key), text, ends],
            )
    return told


def test_no_cache_unpickles_what_lies_in_the_database(poisoned):
    assert all(isinstance(caches[name], LocMemCache) for name in settings.CACHES)

    assert Client().get("/readyz").status_code == 200

    assert not poisoned.exists()


def test_what_lies_in_the_database_is_no_certificate(poisoned, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr("capture.services.paypal._fetch", asked.append)

    assert paypal_certificate(WebhookEndpointFactory(), CERTIFICATE_URL) is None

    assert asked == [CERTIFICATE_URL]


@pytest.mark.django_db
def test_the_table_of_former_versions_is_gone():
    assert "holdfast_cache" not in connection.introspection.table_names()


def test_maintain_leaves_word_for_all_processes(db, monkeypatch):
    monkeypatch.setattr(health, "CACHE_SECONDS", -1)
    call_command("maintain", "--yes")
    cache.clear()

    checks = Client().get("/readyz").json()["checks"]

    assert checks["maintain"] == {"status": "ok"}
