"""The demo shop, clicked through in a browser under its own strict policy."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from config.demo import POLICY
from tests.e2e.collector import ROOT, wait_for
from tests.e2e.conftest import KEY

pytestmark = pytest.mark.e2e


@pytest.fixture
def said():
    return []


@pytest.fixture
def shop(site, page, hub, said):
    """The page as the view shows it."""
    for name in ("demo.js", "demo.css", "frontend_data_capture_integration.js"):
        text = (ROOT / "static" / "capture" / name).read_text(encoding="utf-8")
        kind = "text/css" if name.endswith("css") else "text/javascript"
        site.put(f"/static/capture/{name}", text, Content_Type=kind)
    html = render_to_string("demo/index.html", {"key": KEY, "business": None})
    # The view's own page has the hub at its own address.
    html = html.replace("data-key", f'data-host="{hub.url}" data-key')
    policy = POLICY.replace("connect-src 'self'", f"connect-src {hub.url}")
    page.on("console", lambda message: said.append(message.text))
    page.goto(site.put("/demo/", html, Content_Security_Policy=policy))
    return page


def test_each_step_is_captured_and_shown(shop, hub, said):
    shop.click("#signup button")
    shop.click("#payment button")
    shop.set_input_files(
        "[name=accountScreenshot]",
        {"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG"},
    )
    shop.click("#questionnaire button")
    shop.focus("#equity")
    shop.keyboard.press("ArrowRight")
    shop.click("#dashboard button")

    kinds = {"signup", "payment", "questionnaire", "dashboard"}
    hub.wait(lambda: {item["type"] for item in hub.items} == kinds)
    wait_for(
        lambda: shop.locator("#parts [data-state=sent]").count() == 4, "four captured"
    )
    assert shop.text_content("#summary") == (
        "Signup, payment and questionnaire are captured."
    )
    [answers] = hub.of("questionnaire")
    assert answers["accountScreenshot"] == "data:image/png;base64,iVBORw=="
    assert answers["user_email"] == hub.of("signup")[0]["email"]
    assert shop.text_content("#payment output") == "Paid. Thank you."
    assert said == []


@pytest.mark.parametrize(
    ("choice", "shown", "outcome"),
    [
        ("error", "The shop's own save says: duplicate key.", "error"),
        ("reject", "The shop's own save failed: no connection.", "threw"),
        ("throw", "The shop's own save failed: not ready.", "threw"),
    ],
)
def test_a_save_that_fails_is_the_shops_own_affair(shop, hub, choice, shown, outcome):
    shop.select_option("[name=outcome]", choice)
    shop.click("#payment button")

    hub.wait(lambda: hub.of("payment"))
    assert shop.text_content("#payment output") == shown
    assert hub.of("payment")[0]["outcome"] == outcome


def test_opting_out_is_shown(shop, hub):
    shop.click("[data-do=optOut]")
    wait_for(lambda: "opted out" in shop.text_content("#summary"), "the refusal")
    shop.click("#payment button")
    shop.wait_for_selector("#payment output:not(:empty)")

    assert hub.items == []
