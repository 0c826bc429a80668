"""A hardened PostgreSQL: policies, and a runtime role with no more than it needs.

The owner of the tables migrates and hardens; the application serves as another role.
The runtime roles are those that may ask what is within reach: whoever has the right
to execute `holdfast_all()`. So nothing has to remember their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from audit.guards import policies
from audit.guards.declared import guarded_tables, kept_tables

# Written by `migrate` alone.
_READ_ONLY = {"auth_permission", "django_content_type", "django_migrations"}
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class HardeningError(Exception):
    """Why a database cannot be hardened; the message says the fix."""


def harden(
    role: str, *, using: str = DEFAULT_DB_ALIAS, is_dry: bool = False
) -> list[str]:
    """Harden the database for a runtime role, and return the statements it took.

    Run as the owner of the tables, in one transaction. Safe to repeat: policies that
    stand stay, and the role's rights are given anew. With `is_dry` nothing is changed.
    Raises HardeningError when the role cannot be made, or is none to serve with.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        _require_owner(cursor)
        made = _role(cursor, role)
        schema = _schema(cursor)
        statements = [
            *made,
            *policies.install(cursor, schema),
            *_grants(cursor, schema, role),
        ]
        if not is_dry:
            _run(cursor, statements)
    return statements


def harden_again(using: str = DEFAULT_DB_ALIAS) -> None:
    """Secure what a migration made, if the database was hardened before."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if not policies.is_hardened(cursor):
            return
        schema = _schema(cursor)
        _run(cursor, policies.install(cursor, schema))
        for role in _runtime_roles(cursor):
            _run(cursor, _grants(cursor, schema, role))


def soften(*, using: str = DEFAULT_DB_ALIAS, is_dry: bool = False) -> list[str]:
    """Take policies, functions and the rights of runtime roles away.

    The roles themselves stay: other databases of the server may know them.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        _require_owner(cursor)
        schema = _schema(cursor)
        roles = _runtime_roles(cursor) if policies.is_hardened(cursor) else []
        statements = [s for role in roles for s in _revocations(cursor, schema, role)]
        statements += policies.remove(cursor, schema)
        if not is_dry:
            _run(cursor, statements)
    return statements


def set_password(role: str, path: str, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Give the role the password that a file holds.

    It is hashed here, so that no log of the server ever sees it.
    """
    password = Path(path).read_text(encoding="utf-8").strip()
    if not password:
        msg = f"{path} is empty. Write the password of the role into it."
        raise HardeningError(msg)
    connection = connections[using]
    with connection.cursor() as cursor:
        pgconn = connection.connection.pgconn
        hashed = pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        )
        # A role's password takes no parameter; what libpq made holds no quote.
        cursor.execute(f"ALTER ROLE {_quoted(role)} PASSWORD '{hashed.decode()}'")


def hardening_faults(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return one sentence, with its fix, for each way the second lock stands open.

    Empty where nothing is to be hardened: HOLDFAST_HARDENED is off and the database
    was never hardened.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return [_NO_POSTGRESQL] if settings.HARDENED else []
    with connection.cursor() as cursor:
        if not settings.HARDENED:
            return [_NOT_TOLD] if policies.is_hardened(cursor) else []
        schema = _schema(cursor)
        open_doors = [
            f"{sentence} {_HARDEN}" for sentence in policies.faults(cursor, schema)
        ]
        return _faults_of_role(cursor, schema) + open_doors


def require_hardening(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured unless the second lock is shut. Servers call it."""
    if found := hardening_faults(using):
        msg = f"The database is not hardened as it should be: {found[0]}"
        raise ImproperlyConfigured(msg)


def require_migrating_owner(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured where a migration would see no rows, or may not run.

    Only a hardened database is looked at; others migrate as they always did.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if not policies.is_hardened(cursor):
            return
        if not settings.HARDENED:
            raise ImproperlyConfigured(_NOT_TOLD)
        try:
            _require_owner(cursor)
        except HardeningError as error:
            raise ImproperlyConfigured(str(error)) from error


_HARDEN = "Run `manage.py harden_database` as the owner of the tables."
_SERVE = "Serve as the role that `manage.py harden_database` makes."
_NO_POSTGRESQL = (
    "HOLDFAST_HARDENED=true needs PostgreSQL; SQLite has no row-level security. Set "
    "HOLDFAST_HARDENED=false, or DATABASE_URL to a PostgreSQL database."
)
_NOT_TOLD = (
    "The database is hardened and shows no rows to whoever does not say for which "
    "business. Set HOLDFAST_HARDENED=true."
)


def _require_owner(cursor: Any) -> None:
    # Not a superuser either: what it makes would belong to it.
    cursor.execute(
        "SELECT pg_get_userbyid(c.relowner), "
        "pg_get_userbyid(c.relowner) = current_user FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relname = 'django_migrations'"
    )
    found = cursor.fetchone()
    if found is None:
        msg = "There are no tables yet. Run `manage.py migrate` first."
        raise HardeningError(msg)
    if not found[1]:
        msg = (
            f"Only the owner of the tables, {found[0]}, may do this. Run the same "
            "command with DATABASE_URL of that role."
        )
        raise HardeningError(msg)


def _role(cursor: Any, role: str) -> list[str]:
    """Return the statement that makes the role, if there is none yet."""
    if not _IDENTIFIER.fullmatch(role):
        msg = f"{role!r} is no name for a role. Take a-z, 0-9 and _ only."
        raise HardeningError(msg)
    cursor.execute(
        "SELECT r.rolsuper OR r.rolbypassrls, pg_has_role(r.oid, c.relowner, 'MEMBER') "
        "FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE r.rolname = %s AND n.nspname = current_schema() "
        "AND c.relname = 'django_migrations'",
        [role],
    )
    found = cursor.fetchone()
    if found is not None:
        if any(found):
            msg = (
                f"{role} is a superuser, passes by row-level security or owns the "
                "tables, so no policy holds it. Name another one with --role."
            )
            raise HardeningError(msg)
        return []
    cursor.execute(
        "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    )
    if not cursor.fetchone()[0]:
        msg = (
            "This role may not make roles. Let a superuser run "
            f"CREATE ROLE {role} LOGIN; and then run the same command again."
        )
        raise HardeningError(msg)
    return [f"CREATE ROLE {_quoted(role)} LOGIN"]


def _grants(cursor: Any, schema: str, role: str) -> list[str]:
    """Return the statements that give a runtime role its rights and no others.

    What is guarded is only ever added to, and rows with a history are never deleted.
    """
    tables = _tables(cursor)
    guarded = {g.table for g in guarded_tables()}
    kept = kept_tables()
    rest = tables - guarded - kept - _READ_ONLY
    to = f"TO {_quoted(role)}"
    return [
        *_revocations(cursor, schema, role),
        f"GRANT USAGE ON SCHEMA {schema} {to}",
        *(
            f"GRANT EXECUTE ON FUNCTION {schema}.{name}() {to}"
            for name in policies.FUNCTIONS
        ),
        *_grant("SELECT", schema, tables & _READ_ONLY, to),
        *_grant("SELECT, INSERT", schema, tables & guarded, to),
        *_grant("SELECT, INSERT, UPDATE", schema, tables & kept, to),
        *_grant("SELECT, INSERT, UPDATE, DELETE", schema, rest, to),
        *(
            f"GRANT USAGE ON SEQUENCE {schema}.{_quoted(name)} {to}"
            for name in _sequences(cursor)
        ),
        # What somebody makes beside `migrate`; `migrate` itself comes back here.
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT ON TABLES "
        f"{to}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES {to}",
    ]


def _grant(rights: str, schema: str, tables: Iterable[str], to: str) -> list[str]:
    names = ", ".join(f"{schema}.{_quoted(table)}" for table in sorted(tables))
    return [f"GRANT {rights} ON {names} {to}"] if names else []


def _revocations(cursor: Any, schema: str, role: str) -> list[str]:
    role = _quoted(role)
    names = ", ".join(f"{schema}.{_quoted(t)}" for t in sorted(_tables(cursor)))
    sequences = ", ".join(f"{schema}.{_quoted(name)}" for name in _sequences(cursor))
    defaults = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON"
    return [
        *([f"REVOKE ALL ON {names} FROM {role}"] if names else []),
        *([f"REVOKE ALL ON SEQUENCE {sequences} FROM {role}"] if sequences else []),
        f"REVOKE ALL ON SCHEMA {schema} FROM {role}",
        f"{defaults} TABLES FROM {role}",
        f"{defaults} SEQUENCES FROM {role}",
    ]


def _runtime_roles(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT DISTINCT r.rolname FROM pg_proc p "
        "JOIN pg_namespace n ON n.oid = p.pronamespace, "
        "aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee "
        "WHERE n.nspname = current_schema() AND p.proname = ANY (%s) "
        "AND a.grantee <> p.proowner ORDER BY r.rolname",
        [list(policies.FUNCTIONS)],
    )
    return [name for (name,) in cursor.fetchall()]


def _faults_of_role(cursor: Any, schema: str) -> list[str]:
    cursor.execute(
        "SELECT current_user, r.rolsuper, r.rolbypassrls, "
        "has_schema_privilege(%s, 'CREATE') FROM pg_roles r "
        "WHERE r.rolname = current_user",
        [schema],
    )
    role, is_super, bypasses, creates = cursor.fetchone()
    cursor.execute(
        "SELECT coalesce(bool_or(pg_has_role(c.relowner, 'MEMBER')), false), "
        "coalesce(bool_or(has_table_privilege(c.oid, 'TRUNCATE')), false) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
    )
    owns, truncates = cursor.fetchone()
    wrong = {
        "is a superuser": is_super,
        "passes by row-level security": bypasses,
        "owns tables or is a member of their owner": owns,
        "may truncate tables": truncates,
    }
    found = [
        f"the role {role} {what}. {_SERVE}" for what, is_so in wrong.items() if is_so
    ]
    if creates and not found:
        fix = f"Let a superuser run REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC."
        found.append(f"the role {role} may create tables and functions. {fix}")
    return found


def _tables(cursor: Any) -> set[str]:
    """Return the tables that are ours to give rights on."""
    return set(_relations(cursor, ["r", "p"]))


def _sequences(cursor: Any) -> list[str]:
    return _relations(cursor, ["S"])


def _relations(cursor: Any, kinds: list[str]) -> list[str]:
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE n.nspname = current_schema() "
        "AND c.relkind::text = ANY (%s) AND pg_get_userbyid(c.relowner) = current_user "
        "ORDER BY c.relname",
        [kinds],
    )
    return [name for (name,) in cursor.fetchall()]


def _schema(cursor: Any) -> str:
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])


def _run(cursor: Any, statements: list[str]) -> None:
    for statement in statements:
        cursor.execute(statement)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
