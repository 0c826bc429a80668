"""Row-level security of PostgreSQL: texts, installing, and telling what differs.

A row is within reach when the transaction was told its business, or a star; see
`audit/tenancy/scope.py`. FORCE binds the owner of the tables too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from audit.database.guards.declarations import ScopedTable, scoped_tables

NAME = "holdfast_tenant"
_CONFIG = ["search_path=pg_catalog"]
# Parallel safe: otherwise no query of a tenant table would use several processes.
_ALL = "holdfast_all"
_BUSINESSES = "holdfast_businesses"
_SOURCES = {
    _ALL: (
        "boolean",
        "SELECT coalesce(current_setting('holdfast.businesses', true) = '*', false)",
    ),
    # Where a transaction had the setting, it is empty afterwards and not null.
    _BUSINESSES: (
        "uuid[]",
        "SELECT string_to_array(nullif(nullif(current_setting("
        "'holdfast.businesses', true), ''), '*'), ',')::uuid[]",
    ),
}
FUNCTIONS = tuple(_SOURCES)


@dataclass(frozen=True)
class Policy:
    """What the catalogue says of one table's policy, in the server's own spelling."""

    using: str
    check: str
    # For all commands, permissive, for every role.
    kind: tuple[object, ...] = ("*", True, True)


def is_hardened(cursor: CursorWrapper) -> bool:
    """Tell whether the database has the functions that the policies ask."""
    cursor.execute(
        "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname = current_schema() AND p.proname = ANY (%s)",
        [list(FUNCTIONS)],
    )
    return bool(cursor.fetchone()[0])


def install(cursor: CursorWrapper, schema: str) -> list[str]:
    """Return the statements that make the policies equal to the declared ones."""
    functions = _functions(cursor)
    statements = []
    for name in FUNCTIONS:
        if functions.get(name) != _declared_function(name):
            statements.append(_create_function(name, schema))
        if name not in functions:
            statements.append(f"REVOKE ALL ON FUNCTION {schema}.{name}() FROM PUBLIC")
    secured, policies = _secured(cursor), _policies(cursor, schema)
    for scoped in _existing(secured):
        installed = policies.get(scoped.table, {})
        on = f"ON {schema}.{scoped.table}"
        declared = _policy(scoped)
        # Policies are joined by OR: one more opens the table.
        statements += [
            f'DROP POLICY "{name}" {on}'
            for name, policy in installed.items()
            if name != NAME or policy != declared
        ]
        if installed.get(NAME) != declared:
            statements.append(
                f"CREATE POLICY {NAME} {on} USING {declared.using} "
                f"WITH CHECK {declared.check}"
            )
        if secured[scoped.table] != (True, True):
            statements.append(
                f"ALTER TABLE {schema}.{scoped.table} "
                "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
            )
    return statements


def remove(cursor: CursorWrapper, schema: str) -> list[str]:
    """Return the statements that take policies and functions away."""
    secured, policies = _secured(cursor), _policies(cursor, schema)
    statements = []
    for scoped in _existing(secured):
        on = f"{schema}.{scoped.table}"
        if NAME in policies.get(scoped.table, {}):
            statements.append(f"DROP POLICY {NAME} ON {on}")
        if secured[scoped.table] != (False, False):
            statements.append(
                f"ALTER TABLE {on} DISABLE ROW LEVEL SECURITY, "
                "NO FORCE ROW LEVEL SECURITY"
            )
    drops = [f"DROP FUNCTION {schema}.{name}()" for name in _functions(cursor)]
    return statements + drops


def faults(cursor: CursorWrapper, schema: str) -> list[str]:
    """Return one sentence for each policy that is missing, altered or not ours."""
    functions = _functions(cursor)
    faults = [
        f"function {name} is missing or was altered."
        for name in FUNCTIONS
        if functions.get(name) != _declared_function(name)
    ]
    secured, policies = _secured(cursor), _policies(cursor, schema)
    for scoped in _existing(secured):
        here = policies.get(scoped.table, {})
        if secured[scoped.table] != (True, True):
            faults.append(f"{scoped.table} has no forced row-level security.")
        if NAME not in here:
            faults.append(f"the policy of {scoped.table} is missing.")
        elif here[NAME] != _policy(scoped):
            faults.append(f"the policy of {scoped.table} was altered.")
        faults += [
            f"policy {n} on {scoped.table} is not ours." for n in {*here} - {NAME}
        ]
    return faults


def _existing(secured: Mapping[str, object]) -> list[ScopedTable]:
    # Half-way through a migration, or back from one, not every table is there.
    return [scoped for scoped in scoped_tables() if scoped.table in secured]


def _policy(scoped: ScopedTable) -> Policy:
    everything = f"( SELECT {_ALL}() AS {_ALL})"
    mine = (
        f"({scoped.column} = ANY (( SELECT {_BUSINESSES}() AS {_BUSINESSES})::uuid[]))"
    )
    nobodys = f" OR ({scoped.column} IS NULL)" if scoped.has_platform_rows else ""
    return Policy(f"({everything} OR {mine})", f"({everything}{nobodys} OR {mine})")


def _create_function(name: str, schema: str) -> str:
    returns, body = _SOURCES[name]
    return (
        f"CREATE OR REPLACE FUNCTION {schema}.{name}() RETURNS {returns} "
        "LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog "
        f"AS $holdfast${body}$holdfast$"
    )


def _declared_function(name: str) -> tuple[object, ...]:
    return (_SOURCES[name][1], _CONFIG, "s", "s", False)


def _functions(cursor: CursorWrapper) -> dict[str, tuple[object, ...]]:
    cursor.execute(
        "SELECT p.proname, p.prosrc, p.proconfig, p.provolatile, p.proparallel, "
        "p.prosecdef FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname = current_schema() AND p.proname = ANY (%s)",
        [list(FUNCTIONS)],
    )
    return {name: tuple(rest) for name, *rest in cursor.fetchall()}


def _secured(cursor: CursorWrapper) -> dict[str, tuple[bool, bool]]:
    """Return each table, and whether its row-level security is enabled and forced."""
    cursor.execute(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
    )
    return {table: (on, forced) for table, on, forced in cursor.fetchall()}


def _policies(cursor: CursorWrapper, schema: str) -> dict[str, dict[str, Policy]]:
    cursor.execute(
        """
        SELECT c.relname, p.polname, pg_get_expr(p.polqual, p.polrelid),
               pg_get_expr(p.polwithcheck, p.polrelid), p.polcmd, p.polpermissive,
               p.polroles = '{0}'
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema()
        """
    )
    policies: dict[str, dict[str, Policy]] = {}
    for table, name, using, check, *kind in cursor.fetchall():
        # The server leaves the schema out where the search path finds the function.
        read, write = (
            (text or "").replace(f"{schema}.holdfast", "holdfast")
            for text in (using, check)
        )
        policies.setdefault(table, {})[name] = Policy(read, write, tuple(kind))
    return policies
