"""Every text of a page is in the catalogues, and every catalogue is complete.

Read from the sources by Django's own readers, so that no tool of gettext is needed.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType
from django.utils.translation import trans_real
from django.utils.translation.template import templatize

from config.management.commands.makemessages import LIST
from config.translations import model_texts

ROOT: Path = settings.BASE_DIR
CATALOGUES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
# Names and signs that are the same in every language.
SAME = re.compile(
    r"Holdfast|CSV|XLSX|JSON|API|OpenAPI|UTC|PIN|QR|NOV20|Ctrl|Esc|Enter|Alt|Shift|"
    r"manage\.py \w+|https?://\S+|&\w+;"
)
# A context, mostly none, and a text of it.
Text = tuple[str, str]
SPOKEN = {"title", "aria-label", "aria-description", "placeholder", "alt", "label"}
CALLS = {
    "_": 1,
    "gettext": 1,
    "gettext_lazy": 1,
    "gettext_noop": 1,
    "ngettext": 2,
    "ngettext_lazy": 2,
    "pgettext": 2,
    "pgettext_lazy": 2,
    "npgettext": 3,
    "npgettext_lazy": 3,
}


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SOURCES = [
    path
    for app in ("audit", "customers", "capture", "config")
    for path in sorted((ROOT / app).rglob("*.py"))
    if "migrations" not in path.parts
]


# --- templates ------------------------------------------------------------------------


class Words(HTMLParser):
    """Collects what a reader sees of a page, or hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._unread += tag in {"script", "style", "code", "kbd"}
        for name, value in attrs:
            is_button = tag == "input" and named.get("type") in {"submit", "button"}
            if name in SPOKEN or (name == "value" and is_button):
                self.texts.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in {"script", "style", "code", "kbd"}

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.texts.append(data)


def untranslated(source: str) -> list[str]:
    """Return the texts of a template that pass by the catalogues."""
    page, missed, inside = [], [], None
    for token in Lexer(source).tokenize():
        words = token.contents.split()
        if inside:
            inside = None if words[:1] == [f"end{inside}"] else inside
        elif token.token_type == TokenType.TEXT:
            page.append(token.contents)
        elif token.token_type in (TokenType.BLOCK, TokenType.VAR):
            page.append("\N{OBJECT REPLACEMENT CHARACTER}")
            if words[0] in {"blocktranslate", "blocktrans", "comment"}:
                inside = words[0]
            elif words == ["block", "bodyclass"]:  # its text is of CSS
                inside = "block"
            elif words[0] not in {"translate", "trans"}:
                missed += literals(token.contents)
    reader = Words()
    reader.feed("".join(page))
    reader.close()
    texts = [*missed, *(" ".join(text.split()) for text in reader.texts)]
    return [t for t in texts if re.search(r"[^\W\d_]{2}", SAME.sub("", t))]


def literals(tag: str) -> Iterator[str]:
    """Yield the texts that a tag or variable shows without asking a catalogue."""
    for name, text in re.findall(r'\|(\w+)(?::"([^"]*)")?', tag):
        if name == "pluralize" or (
            name in {"default", "default_if_none", "yesno", "add", "join"} and text
        ):
            yield text or "pluralize"
    for text in re.findall(r'\b(?:title|label|words|text|name)="([^"]*)"', tag):
        yield text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_text_of_a_template_goes_through_translations(path):
    assert untranslated(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>All customers</p>",
        '<input type="submit" value="Save it">',
        '<a title="More of it" href="/">{{ x }}</a>',
        "{{ count }} row{{ count|pluralize }}",
        '{{ seen|default:"never" }}',
        '{% include "x.html" with title="Customers" %}',
        "{% if a %}yes{% endif %}",
    ],
)
def test_a_text_that_is_not_marked_is_found(source):
    assert untranslated(source)


@pytest.mark.parametrize(
    "source",
    [
        '<p class="note">{% translate "All customers" %}</p>',
        '<input type="submit" value="{% translate "Save it" %}">',
        "{% blocktranslate count n=n %}a row{% plural %}rows{% endblocktranslate %}",
        '{{ seen|default:_("never") }}',
        "<code>manage.py worker</code> · {{ x }} %",
        "{% block bodyclass %}{{ block.super }} login{% endblock %}",
        '<script type="application/json">{"key": "value"}</script>',
    ],
)
def test_a_text_that_is_marked_is_not_found(source):
    assert untranslated(source) == []


# --- catalogues -----------------------------------------------------------------------


def marked_texts() -> set[Text]:
    """Return every text that templates and Python hand to the catalogues."""
    marked: set[Text] = set()
    for path in TEMPLATES:
        marked |= set(texts_in(ast.parse(as_python(path.read_text()))))
    for path in SOURCES:
        marked |= set(texts_in(ast.parse(path.read_text())))
    return {text for text in marked if text[1]}


def as_python(template: str) -> str:
    """Return the calls of a template as Python, a line for each."""
    calls = re.findall(
        r"""\b(n?p?gettext|_)\(((?:\s*u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|'''.*?'''|\"\"\".*?\"\"\")\s*,?)+)""",
        templatize(template),
        re.DOTALL,
    )
    return "\n".join(f"{name}({arguments})" for name, arguments in calls)


def texts_in(tree: ast.AST) -> Iterator[Text]:
    """Yield the texts of calls, each with its context; both numbers of a plural."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        arguments = [
            each.value
            for each in call.args[: CALLS.get(call.func.id, 0)]
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        has_context = "pgettext" in call.func.id
        context = arguments[0] if arguments and has_context else ""
        yield from ((context, text) for text in arguments[has_context:])


class Entry(NamedTuple):
    """One of a catalogue: its English, both numbers of a plural, and translations."""

    english: list[str]
    texts: list[str]
    is_fuzzy: bool


def entries(path: Path) -> dict[Text, Entry]:
    """Return what a .po file has, by each of its English texts."""
    read: dict[Text, Entry] = {}
    for block in re.split(r"\n\s*\n", path.read_text()):
        lines = [line for line in block.splitlines() if not line.startswith("#~")]
        is_fuzzy = any(line.startswith("#,") and "fuzzy" in line for line in lines)
        parts: dict[str, str] = {}
        name = ""
        for line in lines:
            match = re.match(r'(?:(msg\w+(?:\[\d\])?) )?(".*")$', line)
            if match:
                name = match[1] or name
                parts[name] = parts.get(name, "") + ast.literal_eval(match[2])
        english = [parts[key] for key in ("msgid", "msgid_plural") if parts.get(key)]
        texts = [text for key, text in parts.items() if key.startswith("msgstr")]
        for text in english:
            context = parts.get("msgctxt", "")
            read[context, text] = Entry(english, texts, is_fuzzy)
    return read


def names_in(*texts: str) -> set[str]:
    """Return the values that texts have a place for."""
    return {
        name
        for text in texts
        for name in re.findall(r"%\(\w+\)[sd]|%[sd]|\{\w*\}", text)
    }


def test_there_is_a_catalogue_of_each_language():
    languages = {path.parts[-3] for path in CATALOGUES}

    assert languages == {code for code, _ in settings.LANGUAGES} - {"en"}


def test_the_texts_of_models_are_listed():
    listed = {text for _, text in texts_in(ast.parse(LIST.read_text()))}

    fix = "Run `manage.py makemessages -a`, translate, then `compilemessages`."
    assert listed == set(model_texts()), fix


def test_no_text_of_a_library_is_on_familiar_terms():
    german = trans_real.translation("de")
    # Of pages that the hub draws itself, and with quotes that Django has changed.
    unused = (
        "%(exc_name)s enc",
        "No valid data to import",
        "Please correct these",
        'Enter a valid "slug"',
    )

    familiar = re.compile(r"\b(Gib|Wähle|Korrigiere|[Dd](u|ir|ich|ein\w*))\b")
    texts = {text for text, _ in german._catalog.items() if isinstance(text, str)}
    wrong = [t for t in texts if familiar.search(german.gettext(t))]
    assert [t for t in wrong if not t.startswith(unused)] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: p.parts[-3])
class TestCatalogue:
    def test_it_has_every_text_and_no_other(self, path):
        known, marked = set(entries(path)), marked_texts()

        fix = "Run `manage.py makemessages -a`, translate, then `compilemessages`."
        assert sorted(marked - known) == [], fix
        assert sorted(known - marked) == [], fix

    def test_every_text_is_translated(self, path):
        known = entries(path).items()

        assert [text for text, entry in known if not all(entry.texts)] == []
        assert [text for text, entry in known if entry.is_fuzzy] == []

    def test_a_translation_names_the_same_values(self, path):
        wrong = []
        for entry in entries(path).values():
            names = names_in(*entry.english)
            for text in entry.texts:
                # A singular may say "one" where its plural has the number.
                lost = names - names_in(text) if len(entry.texts) == 1 else set()
                if lost or names_in(text) - names:
                    wrong.append((entry.english, text))

        assert wrong == []

    def test_what_pages_read_is_what_was_compiled(self, path):
        with path.with_suffix(".mo").open("rb") as file:
            compiled = gettext.GNUTranslations(file)

        for (context, text), entry in entries(path).items():
            if len(entry.texts) > 1:
                one, many = entry.english
                spoken = [
                    compiled.npgettext(context, one, many, number)
                    if context
                    else compiled.ngettext(one, many, number)
                    for number in (1, 2)
                ]
            elif context:
                spoken = [compiled.pgettext(context, text)]
            else:
                spoken = [compiled.gettext(text)]
            assert spoken == entry.texts
