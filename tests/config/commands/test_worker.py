"""How long the statements of a worker may last."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.db import connection

from tests.databases import ROOT, copied, environment

# What `manage.py worker` does before it looks for work, and what the server says then.
ASK = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from audit.jobs.worker import Worker

def run(self, **options):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout'), "
                       "current_setting('statement_timeout')")
        print(*cursor.fetchone())

Worker.run = run
call_command("worker")
"""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no limits")
def test_a_statement_that_hangs_ends(tmp_path_factory, tmp_path):
    with copied(tmp_path_factory, tmp_path) as database:
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            cwd=ROOT,
            env=environment(database, tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.stdout.splitlines()[-1:] == ["20s 5min"], done.stderr
