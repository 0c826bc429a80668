"""Pages in Chromium that work with the staff API: elsewhere, and at the hub's origin.

They run the code of docs/examples as it stands there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e import live
from tests.e2e.collector import ROOT, Site, open_site
from tests.e2e.server.office import Office
from tests.e2e.tls import Https
from tests.factories.audit import PASSWORD

pytestmark = pytest.mark.e2e
EXAMPLES = ROOT / "docs" / "examples"
CLIENT = (EXAMPLES / "hub.js").read_text(encoding="utf-8")
PACKAGES = ("react@19.3.1", "react-dom@19.3.1", "esbuild@0.28.2")
LIST = "/api/v1/customers?fields=id,name,customer_type&page_size=3"
PAGE = """<!doctype html><meta charset="utf-8"><title>Staff</title><div id="app"></div>
<script type="module">
  import { connect } from "./hub.js";
  window.hub = connect(%s);
  window.told = (promise) => promise.then(
    (found) => ({ ok: true, ...found }),
    (error) => ({ ok: false, code: error.code ?? "", said: String(error.message) }));
  window.ready = true;
</script>"""
REACT = """
  import { createRoot } from "react-dom/client";
  import { connect } from "./hub.js";
  import { Customers } from "./Customers.jsx";
  createRoot(document.getElementById("app")).render(<Customers hub={connect(%s)} />);
"""
WHO = {"username": "office", "password": PASSWORD}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Site]:
    """An origin that the hub allows, on another site: localhost is not 127.0.0.1."""
    with open_site() as site:
        yield site


@pytest.fixture(scope="module")
def stranger() -> Iterator[Site]:
    """An origin that the hub does not know, though on the same site."""
    with open_site() as site:
        yield site


@pytest.fixture(scope="module")
def hub(template, live_folder, elsewhere) -> Iterator[live.Hub]:
    """A hub that allows one other origin, and believes a proxy on https."""
    hub = live.Hub(template.copy(live_folder), live_folder)
    origin = f"http://localhost:{elsewhere.port}"
    hub.environment["HOLDFAST_API_ORIGINS"] = origin
    try:
        hub.server.start()
        yield hub
    finally:
        hub.server.kill()
        hub.database.drop()


@pytest.fixture(scope="module")
def office(hub) -> Office:
    return Office.open(hub, 5)


def put(site: Site, origin: str, hub: str) -> str:
    """Serve the page and its client at a site; return the address of the page."""
    site.put("/hub.js", CLIENT)
    site.put("/", PAGE % json.dumps(hub))
    return f"{origin}/"


def ask(page: Any, call: str, *arguments: Any) -> dict[str, Any]:
    """Call something of the client, and return what the page was told."""
    text = ", ".join(json.dumps(each) for each in arguments)
    return page.evaluate(f"told(hub.{call}({text}))")


def opened(context: Any, url: str) -> Any:
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("window.ready")
    return page


# --- elsewhere ------------------------------------------------------------------


def test_an_allowed_page_signs_in_lists_changes_and_signs_out(
    context, hub, office, elsewhere
):
    origin = f"http://localhost:{elsewhere.port}"
    page = opened(context, put(elsewhere, origin, hub.server.url))

    wrong = ask(page, "signIn", WHO | {"password": "no"})
    assert (wrong["ok"], wrong["code"]) == (False, "invalid_credentials")
    assert ask(page, "signIn", WHO)["ok"]
    [row, *_] = ask(page, "call", LIST)["data"]["results"]
    path = f"/api/v1/customers/{row['id']}"
    etag = ask(page, "call", path)["etag"]
    assert etag.startswith('"r')
    kind = "vip" if row["customer_type"] != "vip" else "regular"
    change = {
        "method": "PATCH",
        "body": {"customer_type": kind},
        "headers": {"If-Match": etag},
    }
    assert ask(page, "call", path, change)["data"]["customer_type"] == kind
    stale = ask(page, "call", path, change)
    assert (stale["ok"], stale["code"]) == (False, "stale_version")
    assert ask(page, "signOut")["ok"]
    assert ask(page, "call", LIST) == {
        "ok": False,
        "code": "",
        "said": "Sign in first.",
    }
    # Nothing was kept in the browser.
    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_the_next_pair_comes_before_the_first_has_ended(
    context, hub, office, elsewhere
):
    origin = f"http://localhost:{elsewhere.port}"
    page = context.new_page()
    page.clock.install()
    page.goto(put(elsewhere, origin, hub.server.url))
    page.wait_for_function("window.ready")
    refreshed: list[str] = []
    page.on(
        "response", lambda r: refreshed.append(r.url) if "refresh" in r.url else None
    )
    assert ask(page, "signIn", WHO)["ok"]
    page.clock.fast_forward("09:45")

    calls = f"Promise.all([1, 2, 3].map(() => told(hub.call({json.dumps(LIST)}))))"
    found = page.evaluate(calls)

    assert [one["ok"] for one in found] == [True] * 3
    assert len(refreshed) == 1


def test_a_page_of_another_origin_gets_nothing(context, hub, office, stranger):
    page = opened(context, put(stranger, stranger.url, hub.server.url))

    assert ask(page, "signIn", WHO) == {
        "ok": False,
        "code": "",
        "said": "Failed to fetch",
    }
    for method in ("GET", "PATCH"):
        outcome = page.evaluate(
            """([url, method, token]) => fetch(url, {
              method, headers: {Authorization: `Bearer ${token}`},
            }).then((r) => r.status, String)""",
            [f"{hub.server.url}/api/v1/customers", method, office.token],
        )
        assert outcome == "TypeError: Failed to fetch"


# --- at the hub's own origin ----------------------------------------------------


@pytest.fixture(scope="module")
def https(hub, office, elsewhere, tmp_path_factory) -> Iterator[Https]:
    """The same people behind https, with the names of cookies that it brings."""
    folder = tmp_path_factory.mktemp("https")
    environment = hub.environment | {
        "HOLDFAST_HTTPS": "true",
        "HOLDFAST_PROXY_HTTPS": "true",
    }
    server = live.Server(environment, folder / "log")
    server.start()
    with closing(Https(server.port, folder)) as door:
        yield door
    server.kill()


@pytest.fixture
def browser_at_home(chromium, https) -> Iterator[Any]:
    """A browser that finds the page at the hub's own origin, below /app/."""
    context = chromium.new_context(
        ignore_https_errors=True, extra_http_headers={"X-Forwarded-Proto": "https"}
    )
    context.set_default_timeout(60_000)
    files = {"": PAGE % '""', "hub.js": CLIENT}

    def answer(route: Any) -> None:
        name = route.request.url.rpartition("/app/")[2]
        kind = "text/javascript" if name.endswith(".js") else "text/html"
        route.fulfill(body=files[name], content_type=f"{kind}; charset=utf-8")

    context.route(f"{https.url}/app/*", answer)
    yield context
    context.close()


def refresh_cookie(context: Any) -> dict[str, Any]:
    [cookie] = [one for one in context.cookies() if "refresh" in one["name"]]
    return cookie


def test_at_home_no_script_sees_the_refresh_token(browser_at_home, https):
    seen: list[str] = []
    page = browser_at_home.new_page()
    page.on("request", lambda r: seen.append(r.post_data or ""))
    page.on("response", lambda r: seen.append(r.text()) if "/api/" in r.url else None)
    page.goto(f"{https.url}/app/")
    page.wait_for_function("window.ready")

    nobody = ask(page, "call", LIST)
    assert (nobody["ok"], nobody["code"]) == (False, "invalid_token")
    assert ask(page, "signIn", WHO)["ok"]
    first = refresh_cookie(browser_at_home)
    assert first["name"] == "__Secure-holdfast_refresh"
    assert (first["httpOnly"], first["secure"], first["sameSite"]) == (
        True,
        True,
        "Strict",
    )
    assert (first["path"], first["domain"]) == ("/api/v1/auth/", "127.0.0.1")
    assert ask(page, "call", LIST)["ok"]
    # Loaded anew the page knows nothing; the browser knows enough.
    page.reload()
    page.wait_for_function("window.ready")
    assert ask(page, "call", LIST)["ok"]
    second = refresh_cookie(browser_at_home)
    assert second["value"] != first["value"]
    kept = page.evaluate(
        "document.cookie + JSON.stringify([localStorage, sessionStorage])"
    )
    for cookie in (first, second):
        assert cookie["value"] not in kept
        assert all(cookie["value"] not in text for text in seen)
    assert ask(page, "signOut")["ok"]
    assert not [c for c in browser_at_home.cookies() if "refresh" in c["name"]]
    assert ask(page, "call", LIST)["code"] == "invalid_token"


def test_tabs_that_open_at_once_stay_signed_in(browser_at_home, https):
    first = opened(browser_at_home, f"{https.url}/app/")
    assert ask(first, "signIn", WHO)["ok"]
    tabs = [opened(browser_at_home, f"{https.url}/app/") for _ in range(4)]

    for page in tabs:
        page.evaluate(f"window.got = told(hub.call({json.dumps(LIST)})); 1")
    found = [page.evaluate("window.got") for page in tabs]

    assert [one["ok"] for one in found] == [True] * 4
    first.reload()
    first.wait_for_function("window.ready")
    assert ask(first, "call", LIST)["ok"]


TRY = """([url, csrf, credentials]) => fetch(url, {
    method: "POST", credentials, body: '{"cookie": true}',
    headers: {"Content-Type": "application/json", "X-CSRFToken": csrf},
  }).then((r) => r.status, String)"""
SNEAK = """(url) => fetch(url, {method: "POST", credentials: "include",
    mode: "no-cors", body: '{"cookie": true}'}).then((r) => r.type, String)"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_pages_elsewhere_cannot_use_the_cookie(browser_at_home, https, elsewhere, host):
    """On another site, and on the same site at another origin."""
    own = opened(browser_at_home, f"{https.url}/app/")
    assert ask(own, "signIn", WHO)["ok"]
    csrf = own.evaluate("fetch('/api/v1/auth/csrf').then(r => r.json())")["csrf_token"]
    before = refresh_cookie(browser_at_home)
    origin = f"http://{host}:{elsewhere.port}"
    other = opened(browser_at_home, put(elsewhere, origin, https.url))

    for name in ("refresh", "revoke"):
        url = f"{https.url}/api/v1/auth/{name}"
        sent = other.evaluate(TRY, [url, csrf, "include"])
        assert sent == "TypeError: Failed to fetch"
        # Without the cookie the allowed page reads why: it is not at home.
        plain = other.evaluate(TRY, [url, csrf, "omit"])
        assert plain == (403 if host == "localhost" else sent)
        other.evaluate(SNEAK, url)

    assert refresh_cookie(browser_at_home)["value"] == before["value"]
    own.reload()
    own.wait_for_function("window.ready")
    assert ask(own, "call", LIST)["ok"]


# --- the example in React -------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Callable[[str], str]:
    """Make one script of the example and React; skipped where npm has neither."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed; React comes from its registry.")
    folder = tmp_path_factory.mktemp("react")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", f"--prefix={folder}"]
    done = subprocess.run(
        [npm, "install", *options, *PACKAGES],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install React: {done.stderr[-200:]}")
    for name in ("hub.js", "Customers.jsx"):
        shutil.copy(EXAMPLES / name, folder)

    def build(hub: str) -> str:
        (folder / "main.jsx").write_text(REACT % json.dumps(hub), encoding="utf-8")
        tool = folder / "node_modules" / ".bin" / "esbuild"
        command = [tool, "main.jsx", "--bundle", "--jsx=automatic", "--format=esm"]
        made = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        return made.stdout

    return build


SLOW_LISTS = """() => {
  const { fetch } = window;
  window.fetch = async (path, init) => {
    const answer = await fetch(path, init);
    if (path.includes("/customers?")) await new Promise((go) => setTimeout(go, 1000));
    return answer;
  };
}"""


def test_the_example_in_react_works(new_page, hub, office, elsewhere, bundle):
    elsewhere.put("/main.js", bundle(hub.server.url))
    elsewhere.put(
        "/react",
        '<!doctype html><meta charset="utf-8"><div id="app"></div>'
        '<script type="module" src="/main.js"></script>',
    )
    page = new_page()
    page.goto(f"http://localhost:{elsewhere.port}/react")

    page.fill("[name=username]", "office")
    page.fill("[name=password]", "wrong")
    page.click("text=Sign in")
    page.wait_for_selector("[role=alert]:has-text('do not fit together')")
    page.fill("[name=password]", PASSWORD)
    page.click("text=Sign in")
    page.wait_for_selector("li")
    assert page.text_content("[role=alert]") == ""
    page.locator("li button").first.click()
    page.wait_for_selector("li:has-text(', vip')")
    # What is still on its way shows nobody to whoever sits there next.
    page.evaluate(SLOW_LISTS)
    page.locator("li button").first.click()
    page.click("text=Sign out")
    page.wait_for_selector("form")
    page.wait_for_timeout(2000)
    assert page.locator("form").is_visible()
