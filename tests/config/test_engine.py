"""Proves which database engine a run of the suite really used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_suite_runs_on_the_engine_that_was_asked_for():
    expected = os.environ.get("HOLDFAST_TEST_EXPECT_ENGINE", connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert connection.vendor == expected
    # A run that never happened leaves no proof; the caller looks for it.
    if proof := os.environ.get("HOLDFAST_TEST_PROOF"):
        Path(proof).write_text(f"{connection.vendor}\n", encoding="utf-8")


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's own setting")
def test_a_commit_waits_for_the_disk():
    full = 2
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (full,)
