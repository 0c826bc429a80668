"""Row-level security on PostgreSQL, and the role that the application serves as."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from audit.database.guards import HardeningError, harden, soften
from audit.maintenance import catalogue_faults, keep_catalogue
from audit.tenancy.actors import Actor

_DONE = """\
Hardened for the role {role}: {count} statements. Now serve as that role, with
HOLDFAST_HARDENED=true and DATABASE_URL=postgresql://{role}:…; migrate as the owner,
with HOLDFAST_HARDENED=true too. A role without a password gets one by
--password-file or psql's \\password {role}."""


class Command(BaseCommand):
    help = (
        "Let the database itself keep the businesses apart (PostgreSQL only). Makes "
        "the runtime role, its rights and the policies; run it as the owner of the "
        "tables while the server is stopped. It can be repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--role",
            default="holdfast_app",
            help="The role that the application serves as. Default: holdfast_app.",
        )
        parser.add_argument(
            "--password-file",
            metavar="FILE",
            help="Give the role the password in this file. Without it the password "
            "stays as it is; a new role has none.",
        )
        parser.add_argument(
            "--undo",
            action="store_true",
            help="Take policies, functions and the rights of runtime roles away. The "
            "roles stay.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Print the statements and change nothing.",
        )

    def handle(
        self,
        *,
        role: str,
        password_file: str | None,
        undo: bool,
        dry_run: bool,
        **_: object,
    ) -> None:
        if connection.vendor != "postgresql":
            self.stdout.write(
                "There is nothing to do: SQLite has no roles and no row-level security."
            )
            return
        faults_before = catalogue_faults()
        try:
            if undo:
                statements = soften(is_dry=dry_run)
            else:
                statements = harden(role, is_dry=dry_run, password_file=password_file)
        except HardeningError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            msg = f"--password-file {password_file!r} cannot be read. Mend it."
            raise CommandError(msg) from error
        if not dry_run:
            keep_catalogue(
                actor=Actor.system("harden_database"), faults_before=faults_before
            )
        if dry_run:
            self.stdout.write("\n".join(f"{statement};" for statement in statements))
        elif undo:
            self.stdout.write("Undone. Set HOLDFAST_HARDENED=false.")
        else:
            self.stdout.write(_DONE.format(role=role, count=len(statements)))
