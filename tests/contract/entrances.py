"""Ways in that take many values at once: a file, and a batch of captures."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.test import Client

from customers import services
from tests.factories import ApiKeyFactory, SourceFactory


def written(*rows: list[str]) -> str:
    """Return rows as a file of CSV, the header first."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


def load_file(
    text: str, *, table: str, business: Any, actor: Any
) -> dict[int, list[list[str]]]:
    """Load a file; return the errors of its rejected rows, by line."""
    upload, _findings = loaded_file(text, table=table, business=business, actor=actor)
    report = services.import_report(upload)
    return {each["line"]: each["errors"] for each in report["rejected"]}


def loaded_file(
    text: str, *, table: str, business: Any, actor: Any
) -> tuple[Any, dict[str, Any]]:
    """Preview, confirm and load a file; return it, and what the preview found."""
    upload = services.keep_upload(
        text.encode(),
        name="list.csv",
        kind="csv",
        table=services.IMPORT_TABLES[table],
        business=business,
        actor=actor,
    )
    findings = services.preview_import(upload, actor=actor)
    services.confirm_import(upload, actor=actor, update_existing=True)
    services.load_import(upload, actor=actor)
    return upload, findings


def send_captures(messages: list[dict[str, Any]], business: Any) -> list[Any]:
    """Send captures in batches; return what became of each."""
    key = ApiKeyFactory(source=SourceFactory(business=business))
    results: list[Any] = []
    for start in range(0, len(messages), 100):
        answer = Client().post(
            "/api/v1/captures/batch",
            {"captures": messages[start : start + 100]},
            "application/json",
            headers={"Authorization": f"Bearer {key.prefix}"},
        )
        assert answer.status_code in {200, 207, 422}, answer.content
        results += answer.json()["results"]
    return results
