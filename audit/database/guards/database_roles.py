"""The role that a hardened PostgreSQL is served as: its making, rights and faults."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connections, transaction
from django.db.backends.utils import CursorWrapper

from audit.database.guards import policies
from audit.database.guards.declarations import (
    changeable_columns,
    guarded_tables,
    undeletable_tables,
)

# Written by `migrate` alone.
_READ_ONLY = {
    "audit_keptcatalogue",
    "auth_permission",
    "django_content_type",
    "django_migrations",
}
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PRIVILEGES = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
)
_HARDEN = "Run `manage.py harden_database` as the owner of the tables."
_SERVE = "Serve as the role that `manage.py harden_database` makes."


class HardeningError(Exception):
    """Why a database cannot be hardened; the message says the fix."""


# --- making it --------------------------------------------------------------------


def create(cursor: CursorWrapper, role: str, password_file: str | None) -> list[str]:
    """Return the statement that makes the role, if there is none yet.

    Raises HardeningError for a name that is none, for a role that no policy holds, and
    where the owner may not make roles; then with the line that a superuser runs.
    """
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
    flags = cursor.fetchone()
    if flags is not None:
        if any(flags):
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
        secret = ""
        if password_file:
            secret = (
                f" PASSWORD '{_hashed(cursor, role, _read_password(password_file))}'"
            )
        msg = (
            "This role may not make roles. Let a superuser run "
            f"CREATE ROLE {role} LOGIN{secret}; and then run the same command again."
        )
        raise HardeningError(msg)
    return [f"CREATE ROLE {quoted(role)} LOGIN"]


def set_password(role: str, path: str, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Give the role the password that a file holds, unless it has it already.

    It is hashed here, so that no log of the server ever sees it. Raises HardeningError,
    with the line that a superuser runs, where the owner may not set it.
    """
    password = _read_password(path)
    connection = connections[using]
    with connection.cursor() as cursor:
        hashed = _hashed(cursor, role, password)
        statement = f"ALTER ROLE {quoted(role)} PASSWORD '{hashed}'"
        try:
            with transaction.atomic(using=using):
                cursor.execute(statement)
        except ProgrammingError as error:
            # Who made the role for us has given it the password, too.
            if _opens(cursor, role, password):
                return
            msg = (
                f"This role may not set the password of {role}. Let a superuser run "
                f"{statement}; and then run the same command again."
            )
            raise HardeningError(msg) from error


def _read_password(path: str) -> str:
    password = Path(path).read_text(encoding="utf-8").strip()
    if not password:
        msg = f"{path} is empty. Write the password of the role into it."
        raise HardeningError(msg)
    return password


def _hashed(cursor: CursorWrapper, role: str, password: str) -> str:
    # A role's password takes no parameter; what libpq makes holds no quote.
    made: bytes = cursor.connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    return made.decode()


def _opens(cursor: CursorWrapper, role: str, password: str) -> bool:
    """Tell whether role and password connect to this database."""
    import psycopg  # noqa: PLC0415 - only where PostgreSQL is

    place = cursor.connection.info.get_parameters()
    try:
        with psycopg.connect(**place | {"user": role, "password": password}):
            return True
    except psycopg.OperationalError:
        return False


# --- its rights -------------------------------------------------------------------


def privileges(tables: set[str]) -> dict[str, str]:
    """Return the rights of a runtime role on each of these tables, as SQL names them.

    What is guarded is only ever added to, and rows with a history are never deleted.
    `changeable_columns` of a table have a right of their own.
    """
    guarded = {g.table for g in guarded_tables()}
    undeletable = undeletable_tables()
    granted = dict.fromkeys(tables, "SELECT, INSERT, UPDATE, DELETE")
    granted |= dict.fromkeys(tables & undeletable, "SELECT, INSERT, UPDATE")
    granted |= dict.fromkeys(tables & guarded, "SELECT, INSERT")
    granted |= dict.fromkeys(
        tables & changeable_columns().keys(), "SELECT, INSERT, DELETE"
    )
    granted |= dict.fromkeys(tables & _READ_ONLY, "SELECT")
    return granted


def grants(cursor: CursorWrapper, schema: str, role: str) -> list[str]:
    """Return the statements that give a runtime role its rights and no others."""
    to = f"TO {quoted(role)}"
    by_permissions: dict[str, list[str]] = defaultdict(list)
    tables = _tables(cursor)
    for table, given in sorted(privileges(tables).items()):
        by_permissions[given].append(f"{schema}.{quoted(table)}")
    return [
        *revocations(cursor, schema, role),
        f"GRANT USAGE ON SCHEMA {schema} {to}",
        *(
            f"GRANT EXECUTE ON FUNCTION {schema}.{name}() {to}"
            for name in policies.FUNCTIONS
        ),
        *(
            f"GRANT {given} ON {', '.join(t)} {to}"
            for given, t in by_permissions.items()
        ),
        *(
            f"GRANT UPDATE ({', '.join(map(quoted, sorted(columns)))}) "
            f"ON {schema}.{quoted(table)} {to}"
            for table, columns in sorted(changeable_columns().items())
            if table in tables
        ),
        *(
            f"GRANT USAGE ON SEQUENCE {schema}.{quoted(name)} {to}"
            for name in _sequences(cursor)
        ),
        # What somebody makes beside `migrate`; `migrate` itself comes back here.
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT ON TABLES "
        f"{to}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES {to}",
    ]


def revocations(cursor: CursorWrapper, schema: str, role: str) -> list[str]:
    """Return the statements that take all rights of a role away."""
    role = quoted(role)
    names = ", ".join(f"{schema}.{quoted(t)}" for t in sorted(_tables(cursor)))
    sequences = ", ".join(f"{schema}.{quoted(name)}" for name in _sequences(cursor))
    defaults = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON"
    return [
        *([f"REVOKE ALL ON {names} FROM {role}"] if names else []),
        *([f"REVOKE ALL ON SEQUENCE {sequences} FROM {role}"] if sequences else []),
        f"REVOKE ALL ON SCHEMA {schema} FROM {role}",
        f"{defaults} TABLES FROM {role}",
        f"{defaults} SEQUENCES FROM {role}",
    ]


def runtime_roles(cursor: CursorWrapper) -> list[str]:
    """Return the roles that this database was hardened for."""
    cursor.execute(
        "SELECT DISTINCT r.rolname FROM pg_proc p "
        "JOIN pg_namespace n ON n.oid = p.pronamespace, "
        "aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee "
        "WHERE n.nspname = current_schema() AND p.proname = ANY (%s) "
        "AND a.grantee <> p.proowner ORDER BY r.rolname",
        [list(policies.FUNCTIONS)],
    )
    return [name for (name,) in cursor.fetchall()]


# --- what everybody may in the database -------------------------------------------


def closing(cursor: CursorWrapper, schema: str) -> list[str]:
    """Return what closes the database to temporary tables, as far as it is open.

    A temporary table of the name of ours would be found before it, on a connection that
    others use next: their events would vanish in it. Raises HardeningError, with the
    lines for a superuser, where the database is not the owner's.
    """
    name, is_ours, is_open, path = _database(cursor)
    search_path = f"search_path={schema}, pg_temp"
    statements = []
    if is_open:
        statements.append(f"REVOKE TEMPORARY ON DATABASE {quoted(name)} FROM PUBLIC")
    if path != search_path:
        statements.append(
            f"ALTER DATABASE {quoted(name)} SET search_path = {schema}, pg_temp"
        )
    if statements and not is_ours:
        msg = (
            "The database is not this role's. Let a superuser run "
            f"{'; '.join(statements)}; and then run the same command again."
        )
        raise HardeningError(msg)
    return statements


def opening(cursor: CursorWrapper) -> list[str]:
    """Return what takes `closing` back, where the database is the owner's."""
    name, is_ours, _, _ = _database(cursor)
    if not is_ours:
        return []
    return [
        f"GRANT TEMPORARY ON DATABASE {quoted(name)} TO PUBLIC",
        f"ALTER DATABASE {quoted(name)} RESET search_path",
    ]


def _database(cursor: CursorWrapper) -> tuple[str, bool, bool, str]:
    """Return the database: name, whether it is ours, open to all, and its path."""
    cursor.execute(
        "SELECT d.datname, pg_has_role(d.datdba, 'MEMBER'), EXISTS ("
        "SELECT 1 FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a "
        "WHERE a.grantee = 0 AND a.privilege_type = 'TEMPORARY'), coalesce("
        "(SELECT setting FROM pg_db_role_setting s, unnest(s.setconfig) setting "
        "WHERE s.setdatabase = d.oid AND s.setrole = 0 "
        "AND setting LIKE 'search_path=%%'), '') "
        "FROM pg_database d WHERE d.datname = current_database()",
        [],
    )
    database: tuple[str, bool, bool, str] = cursor.fetchone()
    return database


# --- what is wrong with it --------------------------------------------------------


def faults(cursor: CursorWrapper, schema: str) -> list[str]:
    """Return one sentence, with its fix, for each right that this role has too much."""
    faults = _of_the_role(cursor) or _of_its_tables(cursor)
    cursor.execute(
        "SELECT current_user, has_schema_privilege(%s, 'CREATE'), "
        "has_database_privilege(current_database(), 'TEMPORARY'), "
        "current_setting('search_path')",
        [schema],
    )
    role, creates, makes_temporary, path = cursor.fetchone()
    if faults:
        return faults
    if creates:
        fix = f"Let a superuser run REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC."
        faults.append(f"the role {role} may create tables and functions. {fix}")
    if makes_temporary:
        faults.append(f"the role {role} may create temporary tables. {_HARDEN}")
    if path.rpartition(",")[2].strip() != "pg_temp":
        faults.append(f"temporary tables are found before ours. {_HARDEN}")
    return faults


def _of_the_role(cursor: CursorWrapper) -> list[str]:
    cursor.execute(
        "SELECT r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, "
        "r.rolreplication, ARRAY(SELECT p.rolname FROM pg_roles p "
        "WHERE p.rolname LIKE 'pg\\_%%' AND pg_has_role(r.oid, p.oid, 'MEMBER')) "
        "FROM pg_roles r WHERE r.rolname = current_user",
        [],
    )
    role, is_super, bypasses, *abilities, memberships = cursor.fetchone()
    cursor.execute(
        "SELECT coalesce(bool_or(pg_has_role(c.relowner, 'MEMBER')), false) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
    )
    (owns,) = cursor.fetchone()
    wrong = {
        "is a superuser": is_super,
        "passes by row-level security": bypasses,
        "owns tables or is a member of their owner": owns,
    }
    faults = [
        f"the role {role} {what}. {_SERVE}" for what, is_so in wrong.items() if is_so
    ]
    if is_super:
        return faults
    takes = {
        "NOCREATEROLE": "make roles",
        "NOCREATEDB": "make databases",
        "NOREPLICATION": "copy all that is written",
    }
    for (word, what), is_so in zip(takes.items(), abilities, strict=True):
        if is_so:
            fix = f"Let a superuser run ALTER ROLE {role} {word}."
            faults.append(f"the role {role} may {what}. {fix}")
    for name in memberships:
        fix = f"Let a superuser run REVOKE {name} FROM {role}."
        faults.append(f"the role {role} has the rights of {name}. {fix}")
    return faults


def _of_its_tables(cursor: CursorWrapper) -> list[str]:
    """Return a sentence for each right on a table that was not given by `grants`."""
    cursor.execute(
        "SELECT current_user, c.relname, p.name FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(%s::text[]) AS p(name) "
        "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') "
        "AND CASE WHEN p.name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') "
        "THEN has_any_column_privilege(c.oid, p.name) "
        "ELSE has_table_privilege(c.oid, p.name) END ORDER BY c.relname, p.name",
        [list(_PRIVILEGES)],
    )
    held = cursor.fetchall()
    given = privileges({table for _, table, _ in held})
    changeable = changeable_columns()
    too_much = [
        (role, privilege, table)
        for role, table, privilege in held
        if privilege not in given[table].split(", ")
        and (privilege, table in changeable) != ("UPDATE", True)
    ]
    too_much += [
        (role, "UPDATE", f"{table}.{column}")
        for role, table, column in _changed_columns(cursor, list(changeable))
        if column not in changeable[table]
    ]
    return [
        f"the role {role} has the right {privilege} on {what}. {_HARDEN}"
        for role, privilege, what in too_much
    ]


def _changed_columns(
    cursor: CursorWrapper, tables: list[str]
) -> list[tuple[str, str, str]]:
    """Return this role, table and column, for each that it may change."""
    cursor.execute(
        "SELECT current_user, c.relname, a.attname FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE n.nspname = current_schema() AND c.relname = ANY (%s) "
        "AND a.attnum > 0 AND NOT a.attisdropped "
        "AND has_column_privilege(c.oid, a.attnum, 'UPDATE') "
        "ORDER BY c.relname, a.attnum",
        [tables],
    )
    columns: list[tuple[str, str, str]] = cursor.fetchall()
    return columns


def _tables(cursor: CursorWrapper) -> set[str]:
    """Return the tables that are ours to give rights on."""
    return set(_relations(cursor, ["r", "p"]))


def _sequences(cursor: CursorWrapper) -> list[str]:
    return _relations(cursor, ["S"])


def _relations(cursor: CursorWrapper, kinds: list[str]) -> list[str]:
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE n.nspname = current_schema() "
        "AND c.relkind::text = ANY (%s) AND pg_get_userbyid(c.relowner) = current_user "
        "ORDER BY c.relname",
        [kinds],
    )
    return [name for (name,) in cursor.fetchall()]


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
