"""Run what is due; print all that is stored then, as each run of the job leaves it.

Instead of ids that the job gave stands what their rows say, and no time of its own. Run
by the drill of the worker, in its environment: `-m tests.e2e.finish_jobs`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import django

django.setup()

from django.apps import apps  # noqa: E402 - the apps must be loaded
from django.db import models  # noqa: E402 - after setup

from audit.models import Job  # noqa: E402 - after setup
from audit.tenancy.scope import tenant_scope  # noqa: E402 - after setup
from customers import services  # noqa: E402 - after setup
from customers.models import ImportFile  # noqa: E402 - after setup
from tests.jobs import run_jobs  # noqa: E402 - after setup

OURS = ("audit", "customers", "capture")
# What tells of kills, what is encrypted anew each time, and a folded random reference.
LEFT_OUT = {
    "customers.CustomerIndex": {"reference"},
    "audit.Job": {"attempt", "failures", "worker"},
    "customers.ImportFile": {"preview", "report"},
}
UUIDS = re.compile(r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b")
REFERENCES = re.compile(r"\b[A-Z](?:-[0-9A-Z]{4}){2}\b")
TIMES = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+")


class Picture:
    """The rows of a database after a job, each as a text that no run changes."""

    def __init__(self, job: Job) -> None:
        self.job = job
        # What a row says but for ids, by its id.
        self.marks: dict[Any, str] = {}

    def take(self) -> dict[str, list[str]]:
        tables = [m for app in OURS for m in apps.get_app_config(app).get_models()]
        found = {table._meta.label: self._rows(table) for table in tables}
        for table in tables:
            label, key = table._meta.label, table._meta.pk.attname
            for row in found[label]:
                text = UUIDS.sub("", self._plain(row))
                mark = hashlib.sha256(text.encode()).hexdigest()[:12]
                self.marks[row.get(key)] = f"{label} {mark}"
        return {
            label: sorted(UUIDS.sub(self._named, self._plain(row)) for row in rows)
            for label, rows in found.items()
        }

    def _rows(self, table: Any) -> list[dict[str, Any]]:
        left_out = LEFT_OUT.get(table._meta.label, set())
        columns = [
            field.attname
            for field in table._meta.concrete_fields
            if not isinstance(field, models.AutoField | models.BinaryField)
            and field.name not in left_out
        ]
        rows = list(table._base_manager.values(*columns))
        if table is ImportFile:
            for row in rows:
                upload = table._base_manager.get(pk=row["id"])
                row["found"] = services.import_findings(upload)
                row["told"] = services.import_report(upload)
        return rows

    def _plain(self, row: dict[str, Any]) -> str:
        text = ", ".join(f"{k}={self._value(v)}" for k, v in row.items())
        return TIMES.sub("a time", REFERENCES.sub("a reference", text))

    def _value(self, value: Any) -> str:
        if isinstance(value, datetime):
            return "later" if value > self.job.enqueued_at else str(value)
        return json.dumps(value, default=str, ensure_ascii=False)

    def _named(self, match: re.Match[str]) -> str:
        # Ids grow with time.
        key = UUID(match[0])
        return self.marks.get(key, "new") if key > self.job.pk else match[0]


if __name__ == "__main__":
    run_jobs()
    with tenant_scope(None):
        picture = Picture(Job.objects.get()).take()
    json.dump(picture, sys.stdout)
