"""What must be true before a server takes requests, and the start of both kinds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import django
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from config import bootstrap, database_errors

_T = TypeVar("_T")
OLDEST_POSTGRESQL = 15
# gunicorn stops on this status of a worker, and starts another one on any other.
CANNOT_BOOT = 3


def application(make: Callable[[], _T]) -> _T:
    """Return the application that `make` returns, once all is ready for it.

    Otherwise ends the process with one line on standard error. Requests then share
    HOLDFAST_DATABASE_POOL connections; until here there is no pool, which would hide
    why a connection fails.
    """
    try:
        django.setup()
        require_ready()
        made = make()
    except ImproperlyConfigured as error:
        refuse(" ".join(str(error).split()))
    connections[DEFAULT_DB_ALIAS].close()
    answer_in_time()
    return made


def refuse(sentence: str) -> NoReturn:
    """End the process with one line that says why the server does not start."""
    sys.stderr.write(f"Holdfast does not start: {sentence}\n")
    sys.stderr.flush()
    raise SystemExit(CANNOT_BOOT)


def require_ready(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured, with the fix, unless a server can do its work.

    Looks at packages, static files, the database and its version, migrations, guards,
    hardening and the rest of the catalogue; only reads.
    """
    from audit.database.guards import (  # noqa: PLC0415 - models must be ready
        require_guards,
        require_hardening,
    )
    from audit.maintenance import require_catalogue  # noqa: PLC0415 - models must be ready

    require_packages()
    require_static_files()
    try:
        require_database(using)
        require_migrations(using)
        require_guards(using)
        require_hardening(using)
        require_catalogue(using)
    except DatabaseError as error:
        if sentence := database_errors.explain(error):
            raise ImproperlyConfigured(sentence) from error
        raise


def require_packages() -> None:
    """Raise ImproperlyConfigured if `setup` made .venv from other requirements."""
    if bootstrap.is_outdated("base.txt"):
        msg = (
            "The packages are those of another version. Run `python3 manage.py setup`."
        )
        raise ImproperlyConfigured(msg)


def require_static_files() -> None:
    """Raise ImproperlyConfigured if a page would name a file that was not collected."""
    if missing := missing_static_files():
        msg = (
            f"{len(missing)} static files are not in {settings.STATIC_ROOT}, such as "
            f"{missing[0]}. Run `python3 manage.py setup`."
        )
        raise ImproperlyConfigured(msg)


def missing_static_files() -> list[str]:
    """Return the files of the apps that the collected ones lack, by name.

    None with HOLDFAST_DEBUG, where they are served from where they lie.
    """
    storage: Any = staticfiles_storage  # One of several classes, as the settings say.
    if not isinstance(storage, ManifestFilesMixin):
        return []
    collected = {name.replace("\\", "/") for name in storage.hashed_files}
    # Leftovers of editors, which are not collected either.
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]  # the class has it
    present = {path for finder in get_finders() for path, _ in finder.list(ignored)}
    return sorted(present - collected)


def require_database(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured for a file that is not there or an old PostgreSQL."""
    # What only one of the two backends has is asked of it.
    connection: Any = connections[using]
    if connection.vendor == "postgresql":
        version = connection.pg_version // 10_000
        if version < OLDEST_POSTGRESQL:
            msg = (
                f"PostgreSQL {version} is too old. Upgrade the server to "
                f"{OLDEST_POSTGRESQL} or newer."
            )
            raise ImproperlyConfigured(msg)
    elif not connection.is_in_memory_db():
        # SQLite would make an empty one, in a place that may be mistyped.
        path = Path(connection.settings_dict["NAME"])
        if not path.exists():
            msg = f"There is no database {path}. Run `python3 manage.py migrate`."
            raise ImproperlyConfigured(msg)


def require_migrations(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise ImproperlyConfigured if the tables are older than the code."""
    executor = MigrationExecutor(connections[using])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        msg = (
            f"{len(plan)} migrations are not applied, first {plan[0][0]}. Stop other "
            "servers and workers and run `python3 manage.py migrate`."
        )
        raise ImproperlyConfigured(msg)


def limit_statements(options: str, using: str = DEFAULT_DB_ALIAS) -> None:
    """Give connections of this process such limits of locks and statements.

    On PostgreSQL alone, and not where the URL has options of its own. PgBouncer, where
    server-side cursors are off, refuses a connection that brings any.
    """
    database = connections.settings[using]
    is_postgresql = connections[using].vendor == "postgresql"
    if is_postgresql and not database.get("DISABLE_SERVER_SIDE_CURSORS"):
        database["OPTIONS"].setdefault("options", options)


def answer_in_time(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let the requests of this process wait DATABASE_WAIT_SECONDS for the database.

    SQLite: for its lock, and without making a file where there is none. PostgreSQL:
    for a lock, for an answer of a silent server, and for a connection of the pool,
    which is tried when it is taken out. Commands connect without a pool: it would try
    again for a while, and then tell that it got no connection instead of why.
    """
    database = connections.settings[using]
    options = database["OPTIONS"]
    if connections[using].vendor == "postgresql":
        from config.backends.postgresql.base import (  # noqa: PLC0415 - not on SQLite
            BoundedConnection,
            forget_reach,
        )

        options["pool"] = {
            **settings.DATABASE_POOL,
            "connection_class": BoundedConnection,
        }
        if settings.HARDENED:
            options["pool"]["reset"] = forget_reach
        limit_statements(settings.DATABASE_SERVER_OPTIONS, using)
        # No request waits for it longer, and the least that its driver can do.
        options["connect_timeout"] = 2
        database["CONN_HEALTH_CHECKS"] = True
    else:
        options["timeout"] = settings.DATABASE_WAIT_SECONDS
        options["must_exist"] = True
