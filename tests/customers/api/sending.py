"""What tests of the API share: sending JSON, and confirming what a refusal names."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import confirm, enrol


def send(browser, method: str, path: str, body: Any = None, **headers: str) -> Any:
    text = "" if body is None else json.dumps(body)
    return browser.generic(
        method, path, text, content_type="application/json", headers=headers
    )


def post(browser, path: str, body: Any, **headers: str) -> Any:
    return send(browser, "POST", path, body, **headers)


def confirmed(browser, path: str, body: Any, scope: str, **headers: str) -> Any:
    """Send, confirm what the answer asks to be confirmed, and send the same again."""
    enrol(browser)
    refused = post(browser, path, body, **headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "step_up_required")
    confirm(browser, scope, refused.json()["digest"])
    return post(browser, path, body, **headers)
