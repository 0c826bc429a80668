"""Each page of the admin can be read and used: by everybody, at every width, anywhere.

Over rows in which every text is long script, so that nothing fits by chance.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

WIDTHS = (320, 390, 768, 1366, 2560)
HEIGHT = 900
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
# The innermost of those that reach as far to the right as any.
WIDEST = """() => {
  const ends = [...document.querySelectorAll('body *')].map(
    (element) => [element.getBoundingClientRect().right, element]);
  const last = Math.max(...ends.map(([end]) => end));
  return ends.filter(([end]) => end === last).pop()[1].outerHTML.slice(0, 200);
}"""
# What scripts of Django write after the page has loaded.
SETTLED = "() => document.readyState === 'complete'"
FIRST_PAGES = ("/admin/login/", "/admin/customers/customer/?status__exact=active")


class Inspector:
    """Looks at a page with the eyes of axe, at its width, and at what it loads."""

    def __init__(self, visitor: Any) -> None:
        from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - e2e only

        self.axe, self.visitor, self.page = Axe(), visitor, visitor.page
        # Of axe; those of a page are noted as refused by the policy.
        visitor.expected += ("Applying inline style",)
        self.page.on("response", self._answered)
        self.page.on("requestfailed", self._failed)

    def look(self, path: str, options: dict[str, Any]) -> None:
        """Open a page and note each finding with the rule and the element."""
        self.visitor.open(path, 200, 403)
        self.page.wait_for_function(SETTLED)
        # Pages of jobs load themselves anew.
        self.page.evaluate("window.stop()")
        # Before axe comes, which has styles of its own.
        self.visitor.look()
        self.page.evaluate("window.__refused = []")
        for violation in self.axe.run(self.page, options=options).response[
            "violations"
        ]:
            for node in violation["nodes"][:3]:
                self._note(violation["id"], node["html"][:200])

    def measure(self) -> None:
        """Note each width at which the page is wider than its window."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            if (over := self.page.evaluate(OVERFLOW)) > 0:
                widest = self.page.evaluate(WIDEST)
                self._note(f"{width} pixels", f"{over} too wide: {widest}")
        self.page.set_viewport_size({"width": 1366, "height": HEIGHT})

    def _answered(self, response: Any) -> None:
        if not response.url.startswith((self.visitor.base, "data:")):
            self._note(response.url, "is elsewhere")
        request = response.request
        # By script axe asks for style sheets, from the wrong place.
        is_of_axe = request.resource_type in ("xhr", "fetch") and ".css" in request.url
        is_expected = request.is_navigation_request() or is_of_axe
        if response.status >= 400 and not is_expected:
            self._note(response.url, str(response.status))

    def _failed(self, request: Any) -> None:
        # What a page still asked for when it was left.
        if request.failure != "net::ERR_ABORTED":
            self._note(request.url, "failed")

    def _note(self, what: str, text: str) -> None:
        self.visitor.wrong.append(f"{self.visitor.at} {what}: {text}")


@pytest.fixture
def inspector(visitor):
    visitor.page.set_viewport_size({"width": 1366, "height": HEIGHT})
    return Inspector(visitor)


def test_every_page_is_accessible_and_fits(inspector, visitor, hostile):
    _, facts = hostile

    for path in (*facts["paths"], *FIRST_PAGES):
        inspector.look(path, {})
        inspector.measure()

    assert visitor.wrong == [], "\n".join(visitor.wrong)


def test_every_page_has_contrast_in_the_dark_and_fits_in_german(
    inspector, visitor, hostile
):
    _, facts = hostile
    visitor.page.emulate_media(color_scheme="dark")
    # Its words are longer.
    visitor.page.set_extra_http_headers({"Accept-Language": "de"})

    for path in (*facts["paths"], *FIRST_PAGES):
        inspector.look(path, {"runOnly": ["color-contrast", "link-in-text-block"]})
        inspector.measure()
    language = visitor.page.locator("html").get_attribute("lang")

    assert language == "de"

    assert visitor.wrong == [], "\n".join(visitor.wrong)


def test_on_phones_a_customer_of_the_list_names_its_values(visitor):
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": HEIGHT})
    page.set_extra_http_headers({"Accept-Language": "de"})
    visitor.open("/admin/customers/customer/")

    name = "one => getComputedStyle(one, '::before').content"
    cell = page.locator("#result_list td.field-spent").first

    assert cell.evaluate(name) not in ("none", "normal")
    assert cell.get_attribute("data-l") == "Kundenwert"


def test_the_inspector_sees_what_it_looks_for(inspector, visitor):
    inspector.look("/admin/", {})
    visitor.page.evaluate(
        """() => {
          const box = document.createElement('div');
          box.innerHTML = '<input type=text><img src="/nowhere.png">';
          box.className = 'results';
          const wide = document.createElement('p');
          wide.textContent = 'x'.repeat(4000);
          document.querySelector('#content').append(box, wide);
        }"""
    )
    visitor.page.wait_for_load_state("networkidle")
    inspector.measure()
    for violation in inspector.axe.run(visitor.page).response["violations"]:
        visitor.wrong.append(violation["id"])

    seen = " ".join(visitor.wrong)
    for sign in ("too wide", "404", "label", "image-alt"):
        assert sign in seen
