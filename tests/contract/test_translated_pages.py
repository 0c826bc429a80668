"""Every word that a page of an empty hub says comes out of a catalogue.

In place of the German texts stand the English ones between marks, so that what passes
by the catalogues is what stands between none.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.utils.translation import trans_real

from tests.conftest import signed_in
from tests.contract.doors import doors
from tests.factories import BusinessFactory, UserFactory

# Where what is listed are addresses or codes of what was done.
LISTS = {"/admin/audit/operation/", "/admin/audit/event/"}
BEGIN, END = "⟦", "⟧"
MARKED = re.compile(f"{BEGIN}[^{BEGIN}{END}]*{END}")
SPOKEN = {"title", "aria-label", "aria-description", "placeholder", "alt", "label"}
# Names, which are the same in every language, and what is typed and stored.
SAME = re.compile(
    r"Holdfast|CSV|XLSX|JSON|OpenAPI|API|UTC|GMT|UUID|PIN|QR|PayPal|Stripe|Zelle|Shopify|"
    r"Demo|forbidden|csv|xlsx|json|null|True|EUR|x…@e….org|"
    r"Ctrl|Esc|Enter|Alt|Shift|Tab|English|Deutsch|manage\.py \w+|https?://\S+|"
    r"[\w.+-]+@[\w.-]+|\b[a-z]+(?:[._]\w+)+\b"
)


class Texts(HTMLParser):
    """Collects what a reader sees of a page, or hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        # Data, and what people type, stand in elements of their own.
        self._unread += tag in {"script", "style", "code", "kbd", "bdi", "template"}
        is_button = tag == "input" and named.get("type") in {"submit", "button"}
        self.texts += [
            value or ""
            for name, value in attrs
            if name in SPOKEN or (name == "value" and is_button)
        ]

    def handle_endtag(self, tag):
        self._unread -= tag in {"script", "style", "code", "kbd", "bdi", "template"}

    def handle_data(self, data):
        if not self._unread:
            self.texts.append(data)


@pytest.fixture
def marked(monkeypatch):
    """Put the English text between marks in the place of each German one."""

    def mark(text: str) -> str:
        text = text.rpartition("\x04")[2]
        return f"{BEGIN}{text}{END}" if text.strip() else text

    german = trans_real.translation("de")
    monkeypatch.setattr(german, "gettext", mark, raising=False)
    monkeypatch.setattr(
        german,
        "ngettext",
        lambda one, many, number: mark(one if number == 1 else many),
        raising=False,
    )


def unmarked(page: str) -> list[str]:
    """Return the texts of a page that came out of no catalogue."""
    # The innermost first: one text may be a value of another.
    while MARKED.search(page):
        page = MARKED.sub("", page)
    reader = Texts()
    reader.feed(page)
    reader.close()
    texts = [" ".join(text.split()) for text in reader.texts]
    return [t for t in texts if re.search(r"[^\W\d_]{2}", SAME.sub("", t))]


def plain_pages() -> list[str]:
    """Return the addresses of the admin's pages that name no row."""
    return sorted(
        {
            f"/{door.route}"
            for door in doors()
            if door.is_admin and not re.search(r"[<(^]", door.route)
        }
    )


def test_no_page_of_an_empty_hub_says_a_word_past_the_catalogues(db, marked):
    owner = UserFactory(is_superuser=True, username="x")
    BusinessFactory(name="1", slug="1")
    client = signed_in(owner)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"

    missed: dict[str, list[str]] = {}
    for path in plain_pages():
        if path in LISTS:
            continue
        answer = client.get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            for text in unmarked(answer.text):
                missed.setdefault(text, []).append(path)

    lines = [
        f"{text!r}: {pages[0]} and {len(pages) - 1} more"
        for text, pages in missed.items()
    ]
    assert not missed, "\n".join(lines)
