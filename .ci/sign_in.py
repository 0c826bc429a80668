"""Sign in as the owner through nginx, as a browser would.

    python3 sign_in.py FOLDER FILE

The first time this sets up the second factor that the owner needs, and writes its seed
to the file; after that the code of the app is asked for.
"""

from __future__ import annotations

import base64
import os
import re
import sys
import time
from pathlib import Path
from urllib.error import URLError

folder, file = sys.argv[1], Path(sys.argv[2])
# Not by their packages, which want Django.
sys.path += [f"{folder}/bench/drills", f"{folder}/audit/accounts"]

import totp  # noqa: E402 - found in the folder
from browser import Browser, Page  # noqa: E402 - found in the folder

PASSWORD = os.environ["DJANGO_SUPERUSER_PASSWORD"]
SITE = "https://hub.example.com"


def first_page(browser: Browser) -> Page:
    """Return what the address without TLS leads to, once the server is there."""
    for _ in range(60):
        try:
            page = browser.get("http://hub.example.com/")
        except URLError:
            page = Page("", 0, "")
        if page.status == 200:
            return page
        time.sleep(1)
    sys.exit("The sign-in page did not come.")


def code_of(seed: bytes, used: int = 0) -> str:
    """Return the code of now, once it is not the one that was used before."""
    while totp.step_at(time.time()) <= used:
        time.sleep(1)
    return totp.code_of(seed, totp.step_at(time.time()))


def set_up(browser: Browser, page: Page) -> None:
    """Set an authenticator up, on the page that a first sign-in leads to."""
    assert "Your role needs a second factor" in page.text, page.words
    page = browser.post(page.url, act="begin", password=PASSWORD)
    text = re.search(r"Key: <code>([A-Z2-7 ]+)</code>", page.text)
    assert text, page.words
    seed = base64.b32decode(text[1].replace(" ", ""))
    code, ticket = code_of(seed), page.hidden("ticket")
    page = browser.post(page.url, act="confirm", code=code, ticket=ticket)
    assert "recovery codes" in page.words, page.words
    file.write_text(f"{seed.hex()} {totp.step_at(time.time())}")


def main() -> None:
    browser = Browser(SITE, timeout=30)
    page = first_page(browser)
    assert page.url.startswith(f"{SITE}/admin/login/"), page.url
    assert 'name="password"' in page.text, page.words
    style = re.search(r'"(/static/hub/css/hub[^"]*)"', page.text)
    assert style, page.words
    page = browser.post(page.url, username="owner", password=PASSWORD)
    if not file.exists():
        set_up(browser, page)
    else:
        seed, used = file.read_text().split()
        code = code_of(bytes.fromhex(seed), int(used))
        page = browser.post(page.url, code=code, next="/admin/")
    index = browser.get("/admin/")
    assert "Log out" in index.text, index.words
    # Styles are there under the names of this version.
    assert browser.get(style[1]).status == 200, style[1]
    print("Signed in.")


if __name__ == "__main__":
    main()
