"""Run jobs: imports, bulk acts, replays, and whatever else takes long."""

from __future__ import annotations

import os
import signal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.jobs.worker import Worker
from config.startup import limit_statements, require_ready


class Command(BaseCommand):
    help = (
        "Run jobs until the process is told to end. One SIGTERM ends it after the "
        "piece that is being written; its job goes on with the next worker."
    )

    # They write about what does not keep it from starting.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue",
            action="append",
            default=[],
            help="Only jobs of this queue (default or long); may be given several "
            "times. Without it: all.",
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=0.5,
            help="Seconds between two looks for work (default 0.5).",
        )
        parser.add_argument(
            "--with-parent",
            action="store_true",
            help="End when the process that started this one has ended.",
        )

    def handle(
        self, *, queue: list[str], interval: float, with_parent: bool, **_: object
    ) -> None:
        queues = settings.TASKS["default"]["QUEUES"]
        if unknown := sorted(set(queue) - set(queues)):
            msg = f"There is no queue {', '.join(unknown)}. Use {' or '.join(queues)}."
            raise CommandError(msg)
        limit_statements(settings.DATABASE_WORKER_OPTIONS)
        try:
            require_ready()
        except ImproperlyConfigured as error:
            msg = f"The worker does not start: {' '.join(str(error).split())}"
            raise CommandError(msg) from error
        worker = Worker(queue or queues, interval=interval)
        parent = os.getppid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        self.stdout.write(f"Worker {worker.name} runs {', '.join(worker.queues)}.")
        self.stdout.flush()
        worker.run(is_orphan=lambda: with_parent and os.getppid() != parent)
