"""Passkeys in a browser with an authenticator: adding one, signing in, confirming."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import ROOT, Database, migrated
from tests.e2e import live
from tests.e2e.collector import Site, open_site
from tests.e2e.hostile import WATCH
from tests.factories.audit import PASSWORD, PIN

pytestmark = pytest.mark.e2e
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# As the list of choices does that is fetched.
CHOOSE = """id =>
  document.querySelector('[name=business]').add(new Option('bakery', id, true, true))"""
FACTOR = "/admin/account/second-factor/"
CLIENT = (ROOT / "docs" / "examples" / "hub.js").read_text(encoding="utf-8")
# What a page of a frontend does: signs in, and calls; `%s` is where the hub is.
FRONTEND = """<!doctype html><meta charset="utf-8"><title>Staff</title>
<script type="module">
  import { connect } from "./hub.js";
  const hub = connect(%s);
  const list = () => hub.call("/api/v1/customers?page_size=1").then(({ data }) => data);
  const code = (error) => error.code || error.name;
  window.signIn = () => hub.signInWithPasskey().then(list).then(() => "in", code);
  window.leave = () => hub.signOut();
  window.ready = true;
</script>"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Site]:
    """A page of another origin, of the name for which passkeys are kept."""
    with open_site() as site:
        yield site


@pytest.fixture(scope="module")
def hub(
    tmp_path_factory: pytest.TempPathFactory, elsewhere: Site
) -> Iterator[live.Hub]:
    """A hub with the user `office`, who runs the bakery."""
    folder = tmp_path_factory.mktemp("passkeys")
    database: Database = migrated(tmp_path_factory).copy(folder)
    hub = live.Hub(database, folder)
    origin = f"http://localhost:{elsewhere.port}"
    ours = f"http://localhost:{hub.server.port}"
    hub.environment["HOLDFAST_PASSKEY_ORIGINS"] = f"{ours},{origin}"
    hub.environment["HOLDFAST_API_ORIGINS"] = origin
    hub.environment["HOLDFAST_SECOND_FACTOR_ROLES"] = "admin"
    try:
        made = subprocess.run(
            [sys.executable, "-m", "tests.e2e.make_office", "1"],
            cwd=ROOT,
            env=hub.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        hub.facts = json.loads(made.stdout)  # type: ignore[attr-defined]  # for the tests
        hub.server.start()
        yield hub
    finally:
        hub.server.kill()
        database.drop()


class Visitor:
    """Somebody with a browser and a device that keeps passkeys."""

    def __init__(self, context: Any, page: Any, hub: live.Hub) -> None:
        self.context, self.page = context, page
        self.base = f"http://localhost:{hub.server.port}"
        context.add_init_script(WATCH)
        self.tools = context.new_cdp_session(page)
        self.tools.send("WebAuthn.enable")
        made = self.tools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        self.device = made["authenticatorId"]

    def open(self, path: str) -> Any:
        self.page.goto(f"{self.base}{path}")
        return self.page

    def sign_in_with_password(self) -> None:
        page = self.open("/admin/login/")
        page.fill("[name=username]", "office")
        page.fill("[name=password]", PASSWORD)
        page.click("#login-form [type=submit]")

    def press(self, text: str) -> None:
        """Press a button whose form asks the device, and wait for the next page."""
        with self.page.expect_navigation():
            self.page.click(f"input[value='{text}']")

    def verifies(self, is_verified: bool) -> None:
        facts = {"authenticatorId": self.device, "isUserVerified": is_verified}
        self.tools.send("WebAuthn.setUserVerified", facts)

    def said(self) -> str:
        """Return what the form says once it has something to say."""
        spot = "form[data-passkey] [role=alert]:not(:empty)"
        return str(self.page.wait_for_selector(spot).inner_text())

    def refused(self) -> list[str]:
        return list(self.page.evaluate("window.__refused"))


@pytest.fixture
def visitor(context: Any, page: Any, hub: live.Hub) -> Visitor:
    return Visitor(context, page, hub)


def test_a_passkey_is_added_signs_in_and_confirms(visitor, hub, elsewhere):
    add(visitor)
    sign_in(visitor)
    confirm(visitor, hub.facts["business"])
    take_tokens(visitor, elsewhere)

    rows = hub.database.rows
    assert rows("SELECT name FROM capture_source WHERE name = 'kiosk'") == [("kiosk",)]
    asked = "SELECT scope, method FROM audit_grant ORDER BY created_at"
    assert rows(asked) == [
        ("account", "pin"),
        ("account", "passkey"),
        ("manage_keys", "passkey"),
    ]
    assert hub.server.faults() == []


def add(visitor: Visitor) -> None:
    visitor.sign_in_with_password()
    page = visitor.page
    # The role needs one, so nothing else opens.
    assert page.url.endswith(FACTOR)
    assert not page.locator("#key_password").count()
    visitor.press("Confirm, then add a passkey")
    assert "Nothing has happened yet" in page.content()
    page.fill("#id_code", PIN)
    visitor.press("Confirm")
    page.fill("#key_password", "wrong")
    page.fill("#key_name", "Laptop")
    page.click("input[value='Add a passkey']")
    assert "not your password" in visitor.said()
    page.fill("#key_password", PASSWORD)
    visitor.press("Add a passkey")
    assert page.locator("li code").count() == 10
    visitor.open(FACTOR)
    assert "Laptop" in page.inner_text("#content table")
    # Another one takes what there is already, and the password alone is not enough.
    visitor.press("Confirm, then add a passkey")
    visitor.press("Confirm with a passkey")
    page.fill("#key_password", PASSWORD)
    page.fill("#key_name", "Laptop again")
    page.click("input[value='Add a passkey']")
    assert "has a passkey of yours" in visitor.said()
    assert visitor.refused() == []


def sign_in(visitor: Visitor) -> None:
    """After the password, and without one."""
    visitor.context.clear_cookies()
    visitor.sign_in_with_password()
    assert "/admin/login/code/" in visitor.page.url
    visitor.press("Sign in with a passkey")
    assert visitor.page.url == f"{visitor.base}/admin/"

    visitor.context.clear_cookies()
    visitor.open("/admin/login/?next=/admin/account/")
    assert visitor.refused() == []
    visitor.press("Sign in with a passkey")
    assert visitor.page.url == f"{visitor.base}/admin/account/"


def confirm(visitor: Visitor, business: str) -> None:
    page = visitor.open("/admin/capture/source/add/")
    page.evaluate(CHOOSE, business)
    page.fill("[name=name]", "kiosk")
    page.fill("#id_slug", "kiosk")
    visitor.press("Save")
    assert "Nothing has happened yet" in page.content()
    assert visitor.refused() == []
    visitor.press("Confirm with a passkey")


def take_tokens(visitor: Visitor, elsewhere: Site) -> None:
    """At a page of the hub's own origin, with a cookie; and at one elsewhere."""
    visitor.context.clear_cookies()
    files = {"": FRONTEND % '""', "hub.js": CLIENT}

    def answer(route: Any) -> None:
        name = route.request.url.rpartition("/app/")[2]
        kind = "text/javascript" if name.endswith(".js") else "text/html"
        route.fulfill(body=files[name], content_type=f"{kind}; charset=utf-8")

    visitor.context.route(f"{visitor.base}/app/*", answer)
    assert token_sign_in(visitor, f"{visitor.base}/app/") == "in"
    [refresh] = [c for c in visitor.context.cookies() if "refresh" in c["name"]]
    assert refresh["httpOnly"]
    visitor.page.evaluate("leave()")
    visitor.verifies(False)
    assert token_sign_in(visitor, f"{visitor.base}/app/") == "NotAllowedError"
    visitor.verifies(True)

    visitor.context.clear_cookies()
    elsewhere.put("/hub.js", CLIENT)
    elsewhere.put("/", FRONTEND % json.dumps(visitor.base))
    origin = f"http://localhost:{elsewhere.port}"
    assert token_sign_in(visitor, f"{origin}/") == "in"
    assert visitor.context.cookies() == []


def token_sign_in(visitor: Visitor, address: str) -> str:
    """Return what signing in says to a page of a frontend."""
    visitor.page.goto(address)
    visitor.page.wait_for_function("window.ready")
    return str(visitor.page.evaluate("signIn()"))


def test_whoever_is_not_verified_does_not_come_in(visitor):
    visitor.open("/admin/login/")
    visitor.page.click("input[value='Sign in with a passkey']")
    assert "Nothing was done" in visitor.said()
    visitor.verifies(False)
    visitor.page.click("input[value='Sign in with a passkey']")

    assert "Nothing was done" in visitor.said()
    assert visitor.open("/admin/").url.startswith(f"{visitor.base}/admin/login/")


def test_on_an_address_of_numbers_no_passkey_is_offered(visitor, hub):
    visitor.page.goto(f"{hub.server.url}/admin/login/")

    assert visitor.page.locator("form[data-passkey]").is_hidden()
    assert visitor.page.locator("#login-form").is_visible()
