"""Parts of names are found by an index on PostgreSQL, and without one all the same."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.db import connection

from customers.models import CustomerIndex
from tests.conftest import actor_of

MIGRATION = importlib.import_module("customers.migrations.0016_trigrams")

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no trigrams"
)


def names_of_indexes() -> set[str]:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(
            cursor, "customers_customerindex"
        )
    return set(constraints)


@pytest.mark.parametrize("text", ["lund.77", "ada lund", "2200 0077", "C-ABCD"])
def test_a_search_is_led_by_the_index(alice, bakery, text):
    with connection.cursor() as cursor:
        # Else three rows are read whole, and rightly so.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    matching = CustomerIndex.objects.matching(text, actor=actor_of(alice.user))

    assert MIGRATION.NAME in matching.order_by().explain()


def test_where_no_extension_may_be_made_the_migration_says_so(db, capsys):
    with connection.schema_editor() as editor:
        MIGRATION.remove_index(apps, editor)
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm")
        cursor.execute("SELECT quote_ident(current_database())")
        (name,) = cursor.fetchone()
        cursor.execute(f"REVOKE CREATE ON DATABASE {name} FROM CURRENT_USER")
        cursor.execute(f"REVOKE CREATE ON DATABASE {name} FROM PUBLIC")

    with connection.schema_editor() as editor:
        MIGRATION.make_index(apps, editor)

    assert "pg_trgm could not be made" in capsys.readouterr().out
    assert MIGRATION.NAME not in names_of_indexes()


def test_the_migration_can_be_taken_back(db):
    assert MIGRATION.NAME in names_of_indexes()
    with connection.schema_editor() as editor:
        MIGRATION.remove_index(apps, editor)
    assert MIGRATION.NAME not in names_of_indexes()
    with connection.schema_editor() as editor:
        MIGRATION.make_index(apps, editor)
    assert MIGRATION.NAME in names_of_indexes()
