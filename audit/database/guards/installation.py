"""Installing the declared triggers, and telling where the database differs."""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

from audit.database.guards import postgresql, sqlite
from audit.database.guards.declarations import (
    TenantTable,
    guarded_tables,
    tenant_tables,
)

# Table and name of each column, without a look at what the role may read.
_COLUMNS_OF_POSTGRESQL = """
SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
AND a.attnum > 0 AND NOT a.attisdropped
"""
_COLUMNS_OF_SQLITE = """
SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
WHERE m.type = 'table'
"""
_FIX = "Run `python3 manage.py migrate`, which installs the guards again."


def install_guards(using: str = DEFAULT_DB_ALIAS) -> None:
    """Make the database's guards equal to the declared ones, in one transaction."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _install_postgresql(cursor, tables)
        else:
            _install_sqlite(cursor, tables)


def remove_guards(using: str = DEFAULT_DB_ALIAS) -> None:
    """Take the guards away: before SQLite remakes a table, and between tests."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table, name in _installed_postgresql(cursor)[0]:
                cursor.execute(f"DROP TRIGGER {name} ON {table}")
        else:
            for _, name in _installed_sqlite(cursor):
                cursor.execute(f'DROP TRIGGER "{name}"')


def differences(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return one sentence for each guard that is missing, altered or not ours."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            schema = current_schema(cursor)
            installed, functions = _installed_postgresql(cursor)
            tenants = _tenants_in(cursor, _COLUMNS_OF_POSTGRESQL)
            expected = _existing(
                postgresql.triggers(guarded_tables(), tenants, schema), tables
            )
            if not expected:
                return []  # Nothing was migrated yet, so nothing is guarded.
            declared = postgresql.functions(tenants, schema)
            return _compare(expected, installed) + _altered(declared, schema, functions)
        tenants = _tenants_in(cursor, _COLUMNS_OF_SQLITE)
        expected = _existing(sqlite.triggers(guarded_tables(), tenants), tables)
        return _compare(expected, _installed_sqlite(cursor))


def require_guards(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured unless every guard stands. Servers call it first."""
    if faults := differences(using):
        msg = f"{len(faults)} guards differ from their declaration: {faults[0]} {_FIX}"
        raise ImproperlyConfigured(msg)


def _compare(
    declared: dict[tuple[str, str], str], installed: dict[tuple[str, str], str]
) -> list[str]:
    missing = [
        f"{name} on {table} is missing." for table, name in declared.keys() - installed
    ]
    extra = [
        f"{name} on {table} is not ours." for table, name in installed.keys() - declared
    ]
    altered = [
        f"{key[1]} on {key[0]} was altered."
        for key in declared.keys() & installed
        if declared[key] != installed[key]
    ]
    return sorted(missing + altered + extra)


def _existing(
    texts: dict[tuple[str, str], str], tables: set[str]
) -> dict[tuple[str, str], str]:
    # Half-way through a migration, or back from one, not every table is there.
    return {key: text for key, text in texts.items() if key[0] in tables}


def _tenants_in(cursor: CursorWrapper, columns: str) -> list[TenantTable]:
    """Return the tables that are there, with those of their parents that are, too."""
    cursor.execute(columns)
    present = set(cursor.fetchall())
    return [
        replace(
            tenant,
            parents=tuple(
                p for p in tenant.parents if (tenant.table, p.column) in present
            ),
        )
        for tenant in tenant_tables()
        if (tenant.table, "business_id") in present
    ]


def _install_sqlite(cursor: CursorWrapper, tables: set[str]) -> None:
    tenants = _tenants_in(cursor, _COLUMNS_OF_SQLITE)
    declared = _existing(sqlite.triggers(guarded_tables(), tenants), tables)
    installed = _installed_sqlite(cursor)
    for key in installed:
        if declared.get(key) != installed[key]:
            cursor.execute(f'DROP TRIGGER "{key[1]}"')
    for key, text in declared.items():
        if installed.get(key) != text:
            cursor.execute(text)


def _installed_sqlite(cursor: CursorWrapper) -> dict[tuple[str, str], str]:
    cursor.execute(
        "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"
    )
    return {(table, name): sql for table, name, sql in cursor.fetchall()}


def _install_postgresql(cursor: CursorWrapper, tables: set[str]) -> None:
    schema = current_schema(cursor)
    tenants = _tenants_in(cursor, _COLUMNS_OF_POSTGRESQL)
    declared = _existing(postgresql.triggers(guarded_tables(), tenants, schema), tables)
    for function in postgresql.functions(tenants, schema):
        cursor.execute(function.statement(schema))
    installed, _ = _installed_postgresql(cursor)
    for (table, name), text in installed.items():
        if declared.get((table, name)) != text:
            cursor.execute(f"DROP TRIGGER {name} ON {schema}.{table}")
    for key, text in declared.items():
        if installed.get(key) != text:
            table, name = key
            cursor.execute(text)
            # A plain trigger is skipped under session_replication_role = replica.
            cursor.execute(f"ALTER TABLE {schema}.{table} ENABLE ALWAYS TRIGGER {name}")


def current_schema(cursor: CursorWrapper) -> str:
    """Return the schema in which the tables are made and found."""
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])


def _installed_postgresql(
    cursor: CursorWrapper,
) -> tuple[dict[tuple[str, str], str], dict[str, list[object]]]:
    schema = current_schema(cursor)
    cursor.execute(
        """
        SELECT c.relname, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND n.nspname = %s
        """,
        [schema],
    )
    triggers = {}
    for table, name, enabled, text in cursor.fetchall():
        # The server leaves the schema out where the search path finds the function.
        full = text.replace("FUNCTION holdfast", f"FUNCTION {schema}.holdfast")
        triggers[table, name] = full if enabled == "A" else f"not always: {full}"
    cursor.execute(
        """
        SELECT p.proname, p.prosrc, p.proconfig, p.prosecdef
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.proname LIKE 'holdfast%%' AND n.nspname = %s
        """,
        [schema],
    )
    return triggers, {name: rest for name, *rest in cursor.fetchall()}


def _altered(
    declared: list[postgresql.Function], schema: str, installed: dict[str, list[object]]
) -> list[str]:
    config = [f"search_path={postgresql.search_path(schema)}"]
    return [
        f"function {function.name} is missing or was altered."
        for function in declared
        if installed.get(function.name) != [function.body, config, True]
    ]
