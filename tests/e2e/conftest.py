"""A browser, a shop and a hub for the tests of the snippet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.collector import Collector, Request, Site, open_site
from tests.e2e.hostile import hostile, visitor  # noqa: F401 - fixtures
from tests.e2e.staff import (  # noqa: F401 - fixtures
    bakery_id,
    colleague,
    customer,
    workplace,
)

KEY = "pk_test_0123456789abcdef"
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NEVER = "600000"
PAY = """enhancedDataCapture.capturePaymentData(
  {user_email: 'ana@example.org', plan_name_payment: 'Team', final_price: 89.99})"""
STORED = "Object.keys(localStorage).filter(name => name.startsWith('capture:q:v1:'))"


def queued(page: Any) -> int:
    """Return how many items wait in the page."""
    return page.evaluate("enhancedDataCapture.status().queued")


def track(page: Any, count: int, size: int = 0) -> None:
    """Capture so many events, numbered from 0."""
    page.evaluate(
        """([count, size]) => { for (let i = 0; i < count; i++)
          enhancedDataCapture.track('step', {i, text: 'x'.repeat(size)}) }""",
        [count, size],
    )


def numbers(request: Request) -> list[int]:
    """Return the numbers of the events in a request."""
    return [item["properties"]["i"] for item in request.items]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium; each test has a profile of its own.

    Ends with the module: while it runs, Django takes the thread for an async one and
    refuses the database.
    """
    library = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    # Without a window it takes half of the time.
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("There is no Chromium on this machine.")
    with library.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    opened = chromium.new_context()
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture
def errors() -> list[str]:
    """The uncaught errors of all pages; no test may leave one it did not expect."""
    return []


@pytest.fixture
def new_page(context: Any, errors: list[str]) -> Iterator[Callable[[], Any]]:
    def opened() -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield opened
    assert errors == []


@pytest.fixture
def page(new_page: Callable[[], Any]) -> Any:
    return new_page()


@pytest.fixture
def hub() -> Iterator[Collector]:
    collector = Collector()
    collector.start()
    yield collector
    collector.stop()


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as opened:
        yield opened


@pytest.fixture
def tag(hub: Collector) -> Callable[..., str]:
    """Return the script tag; keywords become its data attributes."""

    def build(**data: str) -> str:
        facts = {"key": KEY, "host": hub.url, "consent": "granted", "retry_base": "60"}
        named = {
            "data-" + name.replace("_", "-"): value
            for name, value in {**facts, **data}.items()
            if value
        }
        attributes = " ".join(f"{name}={json.dumps(v)}" for name, v in named.items())
        return f'<script src="/capture.js" {attributes}></script>'

    return build


@pytest.fixture
def visit(site: Site, page: Any, tag: Callable[..., str]) -> Callable[..., Any]:
    """Open a page with the snippet and return it."""

    def opened(*, before: str = "", after: str = "", **data: str) -> Any:
        head = f"{before}{tag(**data)}{after}"
        title = "<!doctype html><title>Shop</title>"
        page.goto(site.put("/", f"{title}<body>{head}<p>Shop</p>"))
        return page

    return opened
