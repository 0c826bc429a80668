"""Makes a working hub with demo data out of nothing, and serves it."""

from __future__ import annotations

import argparse
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandParser, call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.migrations.exceptions import InconsistentMigrationHistory

from audit import accounts, log
from audit.jobs.worker import Worker
from audit.tenancy.actors import Actor
from config import seeding
from customers import services as customers

HOST = "127.0.0.1"
# Browsers keep passkeys for names, not for numbers.
NAME = "localhost"
LAST_PORT = 65_535
USERNAME = "admin"
SEED = 7


class Command(BaseCommand):
    help = (
        "Prepare the database, fill it with demo data if it has no customers, create "
        "the user admin if there is none, and serve the hub. Keeps what is there."
    )
    # They need tables; migrate and runserver run them when there are some.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=port, default=8000, help="Port to serve on (default 8000)."
        )
        parser.add_argument(
            "--no-serve",
            action="store_true",
            help="Prepare everything, then exit instead of serving.",
        )
        parser.add_argument(
            "--customers",
            type=count,
            default=0,
            metavar="N",
            help="Generate N customers besides those of the demo (default 0).",
        )

    def handle(self, *, port: int, no_serve: bool, **options: Any) -> None:
        if not no_serve:
            require_serving(port)
        prepare_database()
        actor = Actor.system("demo")
        # Archived customers count as well: they are data to keep.
        customer = apps.get_model("customers", "Customer")
        if customers.list_visible(customer, actor=actor).exists():
            self.stdout.write("The database has customers; they are kept as they are.")
            if options["customers"]:
                self.stdout.write(seeding.how_to_add_more(options["customers"]))
        else:
            self.seed(options["customers"])
        password = create_superuser(actor)
        use_name(port)
        self.stdout.write(summary(port, password))
        self.stdout.flush()
        if not no_serve:
            with worker():
                call_command("runserver", f"{HOST}:{port}", use_reloader=False)

    def seed(self, generated: int) -> None:
        """Make the demo data: all of it or, if interrupted, none."""
        with transaction.atomic():
            call_command(
                "seed", stdout=self.stdout, full=True, customers=generated, seed=SEED
            )
        finish_jobs()


def finish_jobs() -> None:
    """Do the long work that the made-up staff have asked for, so that none waits."""
    worker_here = Worker(settings.TASKS["default"]["QUEUES"])
    while worker_here.run_next():
        pass


@contextmanager
def worker() -> Iterator[None]:
    """Run a worker beside the server: a process of its own, which ends with this one.

    Not a thread: long work would take the server's time from the pages.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]
    command.append("--with-parent")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def use_name(port: int) -> None:
    """Let the server that this process starts lead to its name, and ask there."""
    if settings.PASSKEY_DOMAIN == NAME:
        settings.LOCAL_ORIGIN = f"http://{NAME}:{port}"
        settings.PASSKEY_ORIGINS = [settings.LOCAL_ORIGIN]


def port(text: str) -> int:
    """Return a port number that a person typed."""
    if text.isascii() and text.isdigit() and 0 < int(text) <= LAST_PORT:
        return int(text)
    msg = f"{text!r} is no port. Write a number from 1 to {LAST_PORT}."
    raise argparse.ArgumentTypeError(msg)


def count(text: str) -> int:
    """Return a number of customers that a person typed."""
    if text.isascii() and text.isdigit():
        return int(text)
    msg = f"{text!r} is no number of customers. Write 0 or more."
    raise argparse.ArgumentTypeError(msg)


def require_serving(port: int) -> None:
    """Refuse before anything is done if the server could not be reached afterwards."""
    if not settings.DEBUG:
        msg = (
            "demo serves with HOLDFAST_DEBUG=true only, and .env or the environment "
            "says false. Unset it, or use --no-serve and a real server."
        )
        raise CommandError(msg)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server does: a port that only waits for late packets is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            msg = (
                f"Port {port} cannot be used ({error.strerror}). Stop the other "
                f"program, or use another one: python3 manage.py demo --port {port + 1}"
            )
            raise CommandError(msg) from error


def prepare_database() -> None:
    """Bring the tables up to date, or say in one sentence why not."""
    # Asked without the pool, which would try again for a while before it says no.
    direct = connection.copy()
    direct.settings_dict["OPTIONS"].pop("pool", None)
    direct.ensure_connection()
    direct.close()
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except (DatabaseError, InconsistentMigrationHistory) as error:
        if isinstance(error, OperationalError) and "already exists" not in str(error):
            raise  # The connection: manage.py has the sentence.
        name = settings.DATABASES["default"]["NAME"]
        msg = (
            f"The database {name} holds a half-finished or foreign set-up "
            f"({' '.join(str(error).split())}). Move it away, or name another one in "
            "DATABASE_URL, and run the same command again."
        )
        raise CommandError(msg) from error


def create_superuser(actor: Actor) -> str | None:
    """Create the platform owner and return the new password; None if there is one."""
    if accounts.list_users(actor=actor).filter(username=USERNAME).exists():
        return None
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user = get_user_model()._default_manager.create_superuser(
            username=USERNAME, email="admin@example.com", password=password
        )
        log.record("user.created", user, actor=actor, reason="demo")
    return password


def summary(port: int, password: str | None) -> str:
    """Return what a person needs to sign in."""
    password_line = f"{password}   (shown only this once)"
    if password is None:
        prefix = "HOLDFAST_DEBUG=true " if settings.DEBUG else ""
        password_line = (
            "as set before; for a new one: "
            f"{prefix}python3 manage.py changepassword {USERNAME}"
        )
    return (
        "\nHoldfast is ready.\n"
        f"  address   http://{NAME}:{port}/admin/\n"
        f"  user      {USERNAME}\n"
        f"  password  {password_line}\n"
    )
