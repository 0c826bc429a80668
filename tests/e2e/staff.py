"""Staff at work in a browser: by mouse, by keys alone, or without script.

A job is written once, and done by a `Person` in each of these ways. A click is a press
of the mouse: on a link, a button, or the first field of a form. Whoever types goes on
to the next field with Tab, chooses with arrows, ticks with Space and may end with
Enter; that is typing, and is not counted.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.databases import ROOT, migrated
from tests.e2e import live
from tests.e2e.hostile import WATCH

HEIGHT = 900
SEARCH = "#top-search"
FORM = "[data-act-form]"
# More than from the first link of a page to the last one.
MOST_TABS = 120
IS_FOCUSED = "one => one === document.activeElement"
IS_IN_SAME_FORM = """one => one.form !== undefined && one.form !== null
  && one.form === document.activeElement.form"""
AT_START = "() => document.activeElement === document.body"
# What has the focus is not behind the head or anything else that stays.
IS_SEEN = """one => {
  const box = one.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return top !== null && (one.contains(top) || top.contains(one));
}"""
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


class Colleague:
    """The other end of `tests.e2e.colleague`: each of its functions is a method."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.colleague"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(json.dumps([name, arguments, options]) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            assert answer, f"The colleague could not {name}."
            return json.loads(answer)

        return call

    def session_of(self, somebody: dict[str, str]) -> dict[str, str]:
        """Return the cookie of a new session of somebody who was hired."""
        return {"name": somebody["cookie"], "value": self.sign_in(somebody["username"])}

    def leave(self) -> None:
        """End the process."""
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Hub]:
    """A hub in which nobody works yet; its server is started by `colleague`."""
    folder = tmp_path_factory.mktemp("workplace")
    hub = live.Hub(migrated(tmp_path_factory).copy(folder), folder)
    # Who signs in here is not sent to set up a second factor first.
    hub.environment["HOLDFAST_SECOND_FACTOR_ROLES"] = ""
    try:
        yield hub
    finally:
        hub.server.kill()
        hub.database.drop()


@pytest.fixture(scope="module")
def colleague(workplace: live.Hub) -> Iterator[Colleague]:
    """Somebody who works there by its services; both start at the same time."""
    somebody = Colleague(workplace.environment)
    try:
        workplace.server.start()
        yield somebody
    finally:
        somebody.leave()


@pytest.fixture(scope="module")
def bakery_id(colleague: Colleague) -> str:
    """The business of that hub."""
    return str(colleague.open_business())


@pytest.fixture
def customer(colleague: Colleague, bakery_id: str) -> dict[str, str]:
    """Somebody whom no other test is about."""
    return dict(colleague.make_customer(bakery_id))


@dataclass
class Person:
    """A member of staff before a page; `hand` is mouse, keys or plain (no script)."""

    page: Any
    base: str
    hand: str
    clicks: int = field(default=0, init=False)
    # Whether single keys act; without them Tab leads everywhere all the same.
    has_shortcuts: bool = field(default=True, init=False)

    # --- going somewhere ----------------------------------------------------------

    def open(self, path: str = "/admin/") -> None:
        """Begin on a page, with nothing clicked yet."""
        self.page.goto(f"{self.base}{path}")
        self.clicks = 0

    def find(self, text: str) -> None:
        """Search everything for a text, and end where the one exact hit leads."""
        self.into_search()
        self.type(self.page.locator(SEARCH), text)
        self.send()

    def into_search(self) -> None:
        """Put the cursor into the field that searches everything."""
        if self.hand == "keys" and self.has_shortcuts:
            self.press("/")
        else:
            self.into(self.page.locator(SEARCH))

    def act(self, label: str) -> Any:
        """Begin an act of the customer's page; return its form."""
        bar = self.page.locator(".acts-bar")
        link = bar.locator("a", has_text=label)
        key = link.get_attribute("data-key")
        if key and self.hand == "keys":
            self.press(key)
        else:
            if not link.is_visible():
                self.click(bar.locator("summary"))
            self.click(link)
        form = self.page.locator(FORM)
        form.wait_for()
        if self.hand != "plain":
            assert form.evaluate("form => form.contains(document.activeElement)")
        return form

    # --- pressing -----------------------------------------------------------------

    def click(self, target: Any) -> None:
        """Press a link or a button of the page; the focus must not get lost by it."""
        self._press(target)
        if self.hand == "keys":
            assert not self.page.evaluate(AT_START), f"{target} loses the focus."

    def go(self, target: Any) -> None:
        """Press what leads to another page, and wait for it."""
        with self.page.expect_navigation():
            self._press(target)

    def send(self) -> None:
        """Send the form in whose field the cursor is."""
        with self.page.expect_navigation():
            self.press("Enter")

    def use(self, keys: list[str], target: Any) -> None:
        """Press keys that lead to another page, or the mouse on what they stand for."""
        with self.page.expect_navigation():
            if self.hand == "keys" and self.has_shortcuts:
                self.press(*keys)
            else:
                self._press(target)

    def _press(self, target: Any) -> None:
        if self.hand == "keys":
            self.reach(target)
            self.press("Enter")
        else:
            target.click()
            self.clicks += 1

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.page.keyboard.press(key)

    def reach(self, target: Any) -> None:
        """Walk with Tab to what is to be pressed; it must be seen there."""
        one = target.element_handle()
        in_main = one.evaluate("one => one.closest('main') !== null")
        if in_main and self.page.evaluate(AT_START):
            self.press("Tab", "Enter")
        for _ in range(MOST_TABS):
            if one.evaluate(IS_FOCUSED):
                assert one.evaluate(IS_SEEN), f"{target} is hidden."
                return
            self.press("Tab")
        raise AssertionError(f"No Tab leads to {target}.")

    # --- filling in ---------------------------------------------------------------

    def type(self, target: Any, text: str) -> None:
        """Write into a field, over what is there."""
        self.into(target)
        self.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def choose(self, target: Any, label: str) -> None:
        """Choose in a list by its words."""
        self.into(target)
        labels = [one.strip() for one in target.locator("option").all_text_contents()]
        at = target.evaluate("one => one.selectedIndex")
        steps = labels.index(label) - at
        self.press(*["ArrowDown" if steps > 0 else "ArrowUp"] * abs(steps))
        if target.evaluate("one => one.selectedIndex") == at != at + steps:
            # A click has opened it, and what it shows is taken by Enter.
            self.press("Enter")
        assert target.evaluate("one => one.selectedIndex") == at + steps

    def tick(self, target: Any) -> None:
        """Tick a box, or untick it."""
        was_ticked = target.is_checked()
        self.into(target)
        if target.is_checked() is was_ticked:
            self.press("Space")
        assert target.is_checked() is not was_ticked

    def into(self, target: Any) -> None:
        """Put the cursor into a field: with Tab from one of the same form."""
        if target.evaluate(IS_FOCUSED):
            return
        if self.hand == "keys" or target.evaluate(IS_IN_SAME_FORM):
            self.reach(target)
        else:
            target.focus() if self.hand == "plain" else target.click()
            self.clicks += 1

    # --- looking ------------------------------------------------------------------

    def message(self) -> str:
        """Return what the page says was done."""
        return str(self.page.wait_for_selector(".messagelist li").inner_text())

    def look(self) -> None:
        """Check that nothing was refused, and that the page fits its window."""
        if self.hand != "plain":
            assert self.page.evaluate("window.__refused") == []
        assert self.page.evaluate(OVERFLOW) <= 0


@contextlib.contextmanager
def person(
    chromium: Any, url: str, hand: str, width: int, cookie: dict[str, str] | None
) -> Iterator[Person]:
    """Open a window for a person, who has signed in with this cookie."""
    size = {"width": width, "height": HEIGHT}
    has_script = hand != "plain"
    context = chromium.new_context(viewport=size, java_script_enabled=has_script)
    context.set_default_timeout(20_000)
    context.add_init_script(WATCH)
    if cookie:
        context.add_cookies([cookie | {"url": url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield Person(page, url, hand)
        assert errors == []
    finally:
        context.close()
