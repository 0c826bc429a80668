"""The keyboard map: one table for the dialog, for the page and for keys.js."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit.admin.base import ScopedAdmin, render_page

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class Shortcut:
    """Keys, pressed together or one after another, and what they do.

    Or, with `is_range`, the first and the last of several keys.

    `url` is where they lead; empty for those that do something on the page itself.
    """

    keys: tuple[str, ...]
    act: _StrOrPromise
    url: str = ""
    is_chord: bool = False
    is_range: bool = False


_BEFORE = (Shortcut(("?",), _("Show this map")), Shortcut(("/",), _("Search")))
_AFTER = (
    Shortcut(("[",), _("Fold or unfold the navigation")),
    Shortcut(("j",), _("Next row of a list")),
    Shortcut(("k",), _("Previous row")),
    Shortcut(("x",), _("Select the row")),
    Shortcut(("a",), _("Choose what to do with the selected rows")),
    Shortcut(("Enter",), _("Open the row")),
    Shortcut(("e",), _("Edit the customer of the page")),
    Shortcut(("n",), _("Write a note on the customer of the page")),
    Shortcut(("1", "8"), _("The tabs of the page"), is_range=True),
    Shortcut(("Ctrl", "S"), _("Save the form"), is_chord=True),
    Shortcut(("Esc",), _("Close a dialog, leave a field")),
)
# What `g` and a letter lead to: a list, by the label of its model.
_jumps: dict[str, tuple[_StrOrPromise, str]] = {}


def register_jump(letter: str, act: _StrOrPromise, model: str) -> None:
    """Let `g` and a letter lead to the list of a model, like `customers.customer`."""
    _jumps[letter] = (act, model)


def shortcuts_of(request: HttpRequest) -> list[Shortcut]:
    """Return the map of a person: without lists that they may not open."""
    jumps = [Shortcut(("g", "i"), pgettext("page", "Home"), reverse("admin:index"))]
    for letter, (act, label) in _jumps.items():
        page = admin.site._registry.get(apps.get_model(label))
        if isinstance(page, ScopedAdmin) and page.has_view_or_change_permission(
            request
        ):
            jumps.append(Shortcut(("g", letter), act, page.page_url("changelist")))
    return [*_BEFORE, *jumps, *_AFTER]


@require_safe
def keys_view(request: HttpRequest) -> HttpResponse:
    """Show the map as a page, for who has no script."""
    return render_page(request, "hub/keys_page.html", gettext("Keyboard map"))
