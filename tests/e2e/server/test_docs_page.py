"""The viewer of the API in a browser: it shows all, and asks nobody but us."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.e2e
WATCH = """
  window.__refused = [];
  document.addEventListener('securitypolicyviolation', event =>
    window.__refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""


def test_the_viewer_works_under_our_policy(context, hub):
    context.set_default_timeout(60_000)
    context.add_init_script(WATCH)
    page = context.new_page()
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))

    page.goto(f"{hub.server.url}/api/docs/")
    page.locator(".opblock-tag").nth(10).wait_for()
    page.locator(".opblock-tag").first.click()
    page.locator(".opblock-summary-get").first.click()
    page.wait_for_selector(".opblock-body")

    assert page.evaluate("window.__refused") == []
    assert failed == []
    ours = (hub.server.url, "data:")
    assert [url for url in asked if not url.startswith(ours)] == []
