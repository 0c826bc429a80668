"""What tests of exports share: confirming, reading the file."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Any

from django.test import Client

from audit.models import Event
from customers.cells import unescape_cell
from tests.conftest import confirm
from tests.customers.api.sending import post


def confirmed(browser: Client, path: str, body: Any, **headers: str) -> Any:
    """Post JSON, confirm what the refusal names, and post it again."""
    asked = post(browser, path, body, **headers)
    if asked.status_code != 401:
        return asked
    problem = asked.json()
    assert problem["code"] == "step_up_required"
    confirm(browser, "export", problem["digest"])
    return post(browser, path, body, **headers)


def read(response: Any) -> list[dict[str, str]]:
    """Return the rows of a file, as an import would read them."""
    assert response.status_code == 200, response.content
    text = b"".join(response).decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{k: unescape_cell(v) for k, v in row.items()} for row in rows]


def manifest_of(response: Any) -> Event:
    """Return the event that ended an export whose file was read."""
    return Event.objects.get(
        action="export.finished", object_id=response["X-Export-Id"]
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
