"""A hardened PostgreSQL: policies, and a runtime role with no more than it needs.

The owner of the tables migrates and hardens; the application serves as another role.
The runtime roles are those that may ask what is within reach: whoever has the right
to execute `holdfast_all()`. So nothing has to remember their names.
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

from audit.database.guards import database_roles, policies
from audit.database.guards.database_roles import HardeningError
from audit.database.guards.installation import current_schema


def harden(
    role: str,
    *,
    using: str = DEFAULT_DB_ALIAS,
    is_dry: bool = False,
    password_file: str | None = None,
) -> list[str]:
    """Harden the database for a runtime role, and return the statements it took.

    Run as the owner of the tables, in one transaction. Safe to repeat: policies that
    stand stay, and the role's rights are given anew. With `is_dry` nothing is changed.
    The role gets the password that a file holds; OSError if that cannot be read.
    Raises HardeningError when the role cannot be made, or is none to serve with, with
    the lines that a superuser runs where the owner may not.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        _require_owner(cursor)
        made = database_roles.create(cursor, role, password_file)
        schema = current_schema(cursor)
        statements = [
            *database_roles.closing(cursor, schema),
            *made,
            *policies.install(cursor, schema),
            *database_roles.grants(cursor, schema, role),
        ]
        if not is_dry:
            _run(cursor, statements)
            if password_file:
                database_roles.set_password(role, password_file, using=using)
    return statements


def harden_again(using: str = DEFAULT_DB_ALIAS) -> None:
    """Secure what a migration made, if the database was hardened before."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if not policies.is_hardened(cursor):
            return
        schema = current_schema(cursor)
        _run(cursor, policies.install(cursor, schema))
        for role in database_roles.runtime_roles(cursor):
            _run(cursor, database_roles.grants(cursor, schema, role))


def soften(*, using: str = DEFAULT_DB_ALIAS, is_dry: bool = False) -> list[str]:
    """Take policies, functions and the rights of runtime roles away.

    The roles themselves stay: other databases of the server may know them.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        _require_owner(cursor)
        schema = current_schema(cursor)
        statements = []
        if policies.is_hardened(cursor):
            statements += database_roles.opening(cursor)
            for role in database_roles.runtime_roles(cursor):
                statements += database_roles.revocations(cursor, schema, role)
        statements += policies.remove(cursor, schema)
        if not is_dry:
            _run(cursor, statements)
    return statements


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
            return [_NO_ROLE] if policies.is_hardened(cursor) else []
        schema = current_schema(cursor)
        open_functions = [
            f"{sentence} {_HARDEN}" for sentence in policies.faults(cursor, schema)
        ]
        return database_roles.faults(cursor, schema) + open_functions


def require_hardening(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured unless the second lock is shut. Servers call it."""
    if faults := hardening_faults(using):
        msg = f"The database is not hardened as it should be: {faults[0]}"
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
            raise ImproperlyConfigured(_NO_ROLE)
        try:
            _require_owner(cursor)
        except HardeningError as error:
            raise ImproperlyConfigured(str(error)) from error


_HARDEN = "Run `manage.py harden_database` as the owner of the tables."
_NO_POSTGRESQL = (
    "HOLDFAST_HARDENED=true needs PostgreSQL; SQLite has no row-level security. Set "
    "HOLDFAST_HARDENED=false, or DATABASE_URL to a PostgreSQL database."
)
_NO_ROLE = (
    "The database is hardened and shows no rows to whoever does not say for which "
    "business. Set HOLDFAST_HARDENED=true."
)


def _require_owner(cursor: CursorWrapper) -> None:
    # Not a superuser either: what it makes would belong to it.
    cursor.execute(
        "SELECT pg_get_userbyid(c.relowner), "
        "pg_get_userbyid(c.relowner) = current_user FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relname = 'django_migrations'"
    )
    owner = cursor.fetchone()
    if owner is None:
        msg = "There are no tables yet. Run `manage.py migrate` first."
        raise HardeningError(msg)
    if not owner[1]:
        msg = (
            f"Only the owner of the tables, {owner[0]}, may do this. Run the same "
            "command with DATABASE_URL of that role."
        )
        raise HardeningError(msg)


def _run(cursor: CursorWrapper, statements: list[str]) -> None:
    for statement in statements:
        cursor.execute(statement)
