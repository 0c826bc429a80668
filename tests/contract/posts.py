"""Every address of staff that takes a POST, found in the resolver, and fed with a text.

Bodies of the API come from its description, forms from the pages themselves; so a new
entrance is fed by itself, or the test says that it was not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.views.generic import RedirectView

from audit.models import User
from capture.models import ApiKey, Quarantine
from customers.models import Business
from tests.conftest import confirm, post_confirmed, signed_in
from tests.contract.descriptions import COPIES, joined
from tests.contract.doors import (
    MISSING_CAPTURES,
    Asked,
    Door,
    ask_for,
    asked_about,
    doors,
    find_path,
    path_of,
)
from tests.contract.hostile import SIZE, TEXTS, Meter
from tests.contract.test_access import read_matrix
from tests.factories import UserFactory
from tests.long import IS_LONG

# Doors that take a POST and no text, or that nobody feeds; and why.
NOT_FED = {
    "^v1/": "there is nothing here",
    "^api/": "there is nothing here",
    MISSING_CAPTURES: "there is nothing here",
    r"^api/v1/refunds/(?P<pk>[^/]+)/approve/?$": "takes no body",
}
# Keys whose value is a shape of its own.
_SHAPES = {
    "rule": lambda text: {
        "any": [
            {"field": "name", "op": "eq", "value": text},
            *[{"all": [{"field": text[:200], "op": text[:200], "value": [text[:999]]}]}]
            * 20,
        ]
    },
    "segment": lambda _: "inactive",
    "currency": lambda _: "EUR",
}
# Of these a row is used up: the key that everything came in by, and who is signed in.
_SPENT = (ApiKey, User)
_MANY = 100
_matrix = cache(read_matrix)
_TEXTS = {"text", "password", "email", "search", "url", "number", "tel", ""}


def posts() -> list[Door]:
    """Return the doors that take a POST from somebody, by what the matrix says."""
    matrix = _matrix()
    found = []
    for door in doors():
        cells = matrix[f"POST {door.route}"]
        owner = cells.split(",")[0].removeprefix("owner ").rstrip("*")
        is_closed = owner in ("403", "405") or (door.is_admin and owner == "404")
        view = getattr(door.view, "view_class", None)
        is_signpost = isinstance(view, type) and issubclass(view, RedirectView)
        if not is_closed and not is_signpost:
            found.append(door)
    return found


def is_of_staff(door: Door) -> bool:
    """Tell whether a session opens the door; the others take a key or a signature."""
    cells = _matrix()[f"POST {door.route}"]
    return not cells.startswith("owner 401") and "/webhooks/" not in door.route


def unfed(fed: set[str]) -> list[str]:
    """Return the routes of doors that no text came in by."""
    # Django leaves out the beginning of a pattern that stands below another.
    known = fed | NOT_FED.keys()
    routes = [door.route for door in posts()]
    return [r for r in routes if r not in known and r.replace("/^", "/") not in known]


def asked_in(business: Business, door: Door) -> Asked:
    """Return what a door is asked for: the newest row of a business, or a new one."""
    asked = _asked_in(business, door)
    # Its slug is one of the texts.
    asked.values["business"] = str(asked.business.pk)
    return asked


def _asked_in(business: Business, door: Door) -> Asked:
    model = door.model
    if model is None:
        return asked_about(business)
    if model in _SPENT or "/archive" in door.route or _actions(door):
        return ask_for(door)
    rows = model._base_manager.order_by("pk")
    if hasattr(model, "business_id"):
        rows = rows.filter(business_id=business.pk)
    if model is Quarantine:
        rows = rows.filter(decisions=None)
    row = rows.last()
    return asked_about(row) if row is not None else ask_for(door)


# --- the API ------------------------------------------------------------------------


@cache
def _description() -> dict[str, Any]:
    return joined(json.loads(path.read_text()) for path in COPIES.values())


def body_of(door: Door, asked: Asked, text: Any, size: int) -> Any:
    """Return a body that a door's description allows, with a text in each place."""
    described = _description()
    path = find_path(described, path_of(door.route, asked.values))
    taken = described["paths"][path]["post"].get("requestBody") if path else None
    if taken is None:
        return {"reason": text(size)}
    content = next(iter(taken["content"].values()))
    return _filled("", content["schema"], asked, text, size)


def _filled(
    name: str, shape: dict[str, Any], asked: Asked, text: Any, size: int
) -> Any:
    if "$ref" in shape:
        part = shape["$ref"].rpartition("/")[2]
        shape = _description()["components"]["schemas"][part]
    if name in _SHAPES:
        return _SHAPES[name](text(size))
    if "anyOf" in shape:
        return _filled(name, shape["anyOf"][0], asked, text, size)
    kinds = shape.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if "enum" in shape:
        return shape["enum"][0]
    if kind == "object":
        parts = shape.get("properties") or {"essay": {"type": "string"}}
        share = size // len(parts)
        return {n: _filled(n, s, asked, text, share) for n, s in parts.items()}
    if kind == "array":
        share = size // _MANY
        return [_filled(name, shape.get("items", {}), asked, text, share)] * _MANY
    return _scalar(name, kind, shape, asked, text(size))


def _scalar(
    name: str, kind: str, shape: dict[str, Any], asked: Asked, text: str
) -> Any:
    if kind != "string":
        return True if kind == "boolean" else 1
    known = {"date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
    known |= {
        "uuid": asked.values.get(name.removesuffix("_id"), asked.values["business"])
    }
    return known.get(shape.get("format", ""), text[: shape.get("maxLength", len(text))])


def post_to_api(
    meter: Meter, client: Client, door: Door, asked: Asked, kind: str
) -> None:
    """Send a text in each place of a body, and as the names of thousands of keys."""
    text = TEXTS[kind]
    path, name = path_of(door.route, asked.values), f"POST {door.route} ({kind}"
    headers = {"X-Business": str(asked.business.pk)}

    def post(body: Any) -> Any:
        return client.post(path, body, "application/json", headers=headers)

    body = body_of(door, asked, text, SIZE)
    for _ in range(3):
        answer = meter.ask(f"{name})", lambda b=body: post(b))
        if answer.status_code == 401 and "digest" in answer.json():
            needed = answer.json()
            confirm(client, needed["scope"], needed["digest"])
            continue
        if answer.status_code not in (400, 422) or not isinstance(body, dict):
            break
        wrong = _wrong_parts(answer.json())
        if not wrong & body.keys():
            break
        body = {key: value for key, value in body.items() if key not in wrong}
    # Keys that are not known here are looked up among those that are.
    strange = {f"{n}{text(100)[:40]}": 1 for n in range(8000)}
    meter.ask(f"{name}, keys)", lambda: post(strange))


def _wrong_parts(problem: dict[str, Any]) -> set[str]:
    errors = problem.get("errors", ())
    return {part for e in errors for part in e["pointer"].split("/")[1:2]}


# --- pages --------------------------------------------------------------------------


@dataclass
class _Form:
    """What a browser would send of a form: what is filled in, and what can be."""

    values: dict[str, Any] = field(default_factory=dict)
    empty: dict[str, int | None] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class _Forms(HTMLParser):
    """Finds the forms of a page that are posted to where the page is."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._form: _Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an input of the form that is open."""
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_posted = has.get("method", "").lower() == "post"
            # Those of every page, such as signing out, lead elsewhere.
            is_here = not has.get("action", "").startswith("/")
            self._form = _Form() if is_posted and is_here else None
            self.forms += [self._form] if self._form else []
        elif self._form is not None and tag == "option" and self._select:
            if "selected" in has or not self._form.values.get(self._select):
                self._form.values[self._select] = has.get("value", "")
        elif self._form is not None and has.get("name"):
            self._note(self._form, tag, has)

    def _note(self, form: _Form, tag: str, has: dict[str, str]) -> None:
        name, kind = has["name"], has.get("type", "")
        if tag == "select":
            self._select = name
        elif tag == "textarea" or (tag == "input" and kind in _TEXTS):
            longest = has.get("maxlength")
            form.empty[name] = int(longest) if longest else None
        elif tag == "input" and kind == "file":
            form.files.append(name)
        elif tag == "input" and (kind == "hidden" or "checked" in has):
            form.values[name] = has.get("value", "") or "on"

    def handle_endtag(self, tag: str) -> None:
        """Close what was open."""
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = ""


def _forms(page: Any) -> list[_Form]:
    if page.status_code != 200 or "html" not in page.headers.get("Content-Type", ""):
        return []
    parser = _Forms()
    parser.feed(page.getvalue().decode())
    return parser.forms


def _typed(form: _Form, text: str) -> dict[str, Any]:
    written = {name: text[:longest] for name, longest in form.empty.items()}
    files = {n: SimpleUploadedFile("a.csv", text.encode()) for n in form.files}
    return {**form.values, **written, **files}


def post_to_page(
    meter: Meter, client: Client, door: Door, asked: Asked, kind: str
) -> None:
    """Write a text into each form of a page; a page without any gets it as a reason."""
    if door.model is None:
        # They sign out, and change the credentials of who asks.
        client = signed_in(UserFactory(is_superuser=True))
    path, text = path_of(door.route, asked.values), TEXTS[kind]
    # Signing out has no form, and a GET does it as well.
    forms = [] if "logout" in path else _forms(client.get(path))
    typed = [_typed(form, text(SIZE // 4)) for form in forms]
    sent = [*typed, *_acts(door, asked)]
    if not sent or IS_LONG:
        # Pages that read no form are sent one all the same; before what is typed, for a
        # form without its fields empties them.
        sent.insert(0, {"reason": text(SIZE // 4)})
    for data in sent:
        answer = meter.ask(
            f"POST {door.route} ({kind})",
            lambda d=data: post_confirmed(client, path, d),
        )
        # What is asked before an act is done: its reason.
        for form in _forms(answer)[:1] if "action" in data else ():
            said = _typed(form, text(SIZE // 4))
            meter.ask(
                f"POST {door.route} ({kind}, act)",
                lambda d=said: post_confirmed(client, path, d),
            )


def _acts(door: Door, asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the acts of a list, on one row."""
    for act in _actions(door):
        yield {"action": act, ACTION_CHECKBOX_NAME: str(asked.row.pk)}


def _actions(door: Door) -> Sequence[str]:
    page = getattr(door.view, "model_admin", None)
    is_list = re.fullmatch(r"admin/\w+/\w+/", door.route) is not None
    return (page.actions or ()) if page is not None and is_list else ()
