"""The side navigation and the index: which pages stand under which job.

Each app registers the entries of its pages in its `admin` package. Who may not open a
page has no entry: Django's own list of models has left it out already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit.admin.base import Context, actor_of
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Where a registered model without an entry stands, folded.
OTHERS = "All records"
# The jobs, in the order in which they stand, and how people read them.
GROUPS = {
    "Customers": _("Customers"),
    "Service": _("Service"),
    "Marketing": _("Marketing"),
    "Capture": _("Capture"),
    "Compliance": _("Compliance"),
    "System": _("System"),
    OTHERS: _("All records"),
}
# How old a count may be, in seconds: every page draws them.
COUNT_AGE = 30


class Waiting(NamedTuple):
    """How much waits in a list, and whether some of it is urgent."""

    number: int
    is_urgent: bool = False


@dataclass(frozen=True)
class Entry:
    """A link of the navigation.

    `page` is a model's label, like `customers.customer`, or the name of a view of the
    site, which also needs `permission`. `count` says how much waits there, for the
    actor; it should read no more rows than it names.
    """

    page: str
    icon: str
    label: _StrOrPromise = ""
    permission: str = ""
    count: Callable[[Actor], Waiting] | None = None


_entries: dict[str, list[Entry]] = {name: [] for name in GROUPS}


def register_entries(group: str, *entries: Entry) -> None:
    """Add entries to a group of the navigation, below those that it has."""
    _entries[group].extend(entries)


def grouped(request: HttpRequest, apps: Mapping[str, Context]) -> list[Context]:
    """Return the groups that the person may open, in the form of `get_app_list`.

    Each item also has its `icon`, and `waiting` where its list is counted.
    """
    models = {
        f"{label}.{model['object_name'].lower()}": model
        for label, app in apps.items()
        for model in app["models"]
    }
    opened = [
        (group, entry, item)
        for group, entries in _entries.items()
        for entry in entries
        if (item := _item(request, entry, models)) is not None
    ]
    waiting = _count(actor_of(request), [each[1] for each in opened])
    groups: dict[str, list[Context]] = {}
    for group, entry, item in opened:
        drawn = {"icon": entry.icon, "waiting": waiting.get(entry.page)}
        groups.setdefault(group, []).append({**item, **drawn})
    if others := sorted(models.values(), key=lambda model: str(model["name"]).lower()):
        groups[OTHERS] = [{**model, "icon": "file"} for model in others]
    return [_group(name, items) for name, items in groups.items()]


def _item(
    request: HttpRequest, entry: Entry, models: dict[str, Context]
) -> Context | None:
    """Return an entry as Django describes a model; None where it may not be opened."""
    if "." in entry.page:
        model = models.pop(entry.page, None)
        if model is None or not model["admin_url"]:
            return None
        return {**model, "name": entry.label or model["name"]}
    if not request.user.has_perm(entry.permission):
        return None
    return {
        "name": entry.label,
        "object_name": entry.page,
        "admin_url": reverse(f"admin:{entry.page}"),
        "add_url": None,
        "view_only": True,
        "perms": {},
    }


def _group(name: str, items: list[Context]) -> Context:
    return {
        "name": str(GROUPS[name]),
        "app_label": name.lower().replace(" ", "-"),
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "is_folded": name == OTHERS,
        "models": items,
    }


def _count(actor: Actor, entries: list[Entry]) -> dict[str, Waiting]:
    """Return how much waits, by page.

    Kept for half a minute in this process, by what the actor may see.
    """
    counted = {entry.page: entry.count for entry in entries if entry.count}
    if not counted:
        return {}
    scope = (actor.permission_fingerprint, sorted(actor.business_ids or ()))
    digest = hashlib.sha256(repr((scope, sorted(counted))).encode()).hexdigest()
    key = f"navigation:{actor.user_id}:{digest}"
    waiting: dict[str, Waiting] | None = cache.get(key)
    if waiting is None:
        waiting = {page: count(actor) for page, count in counted.items()}
        cache.set(key, waiting, COUNT_AGE)
    return waiting


register_entries(
    "Compliance",
    Entry("security", "eye", _("Security monitoring"), "audit.view_event"),
    Entry("audit.event", "list"),
    Entry("audit.operation", "undo", _("Change sets")),
)
register_entries("System", Entry("audit.user", "user"), Entry("audit.job", "clock"))
