"""Starts the application server, on this machine only unless told otherwise."""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections

from config import admission
from config.startup import require_ready

OPTIONS = (
    # It would open one in the home directory.
    "--no-control-socket",
    # Django alone decides whom to believe about https: HOLDFAST_PROXY_HTTPS.
    "--forwarded-allow-ips=",
    # Together within the 4 KB and 8 KB that the sample of the proxy lets through.
    "--limit-request-line=8190",
    "--limit-request-fields=60",
    "--limit-request-field_size=8190",
    # Its own lines would hold addresses, and parts of requests that it cannot read.
    "--logger-class=config.server_log.ServerLogger",
    "--timeout=60",
    # Longer than Retry-After: who comes again does so on the same connection.
    "--keep-alive=10",
    "--graceful-timeout=30",
)


class Command(BaseCommand):
    help = (
        "Serve the hub with gunicorn. Refuses, in one line, to start on a database or "
        "on files that are not ready. A proxy in front ends https."
    )
    # They write about what does not keep a server from starting.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--bind",
            default="127.0.0.1:8000",
            metavar="ADDRESS",
            help="Address and port, or unix:PATH (default 127.0.0.1:8000).",
        )
        parser.add_argument(
            "--workers",
            type=int,
            help="Processes (default 2; on SQLite always 1, whose lock is fair to "
            "nobody in another process).",
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=settings.SERVER_THREADS,
            help="Requests that a process works on at once (default HOLDFAST_THREADS, "
            "6); others wait a moment or are refused.",
        )

    def handle(
        self, *, bind: str, workers: int | None, threads: int, **_: object
    ) -> None:
        is_sqlite = connection.vendor == "sqlite"
        workers = workers or (1 if is_sqlite else 2)
        if is_sqlite and workers > 1:
            msg = "On SQLite one process serves best. Leave --workers away."
            raise CommandError(msg)
        if threads < 2:  # noqa: PLR2004 - one for captures and one for pages
            msg = "A process works on 2 requests or more at once. Raise --threads."
            raise CommandError(msg)
        try:
            require_ready()
        except ImproperlyConfigured as error:
            msg = f"Holdfast does not start: {' '.join(str(error).split())}"
            raise CommandError(msg) from error
        connections.close_all()
        server = [sys.executable, "-m", "gunicorn", "config.wsgi:application"]
        # Those that work, those that wait, and some that are free to refuse.
        in_all = admission.threads(threads)
        options = [f"--bind={bind}", f"--workers={workers}", f"--threads={in_all}"]
        os.environ["HOLDFAST_THREADS"] = str(threads)
        os.chdir(settings.BASE_DIR)
        sys.stdout.flush()
        os.execv(sys.executable, [*server, *options, *OPTIONS])  # noqa: S606 - no shell, and an address that the operator typed
