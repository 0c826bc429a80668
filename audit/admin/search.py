"""The search over everything: one field, groups of matches by what they are.

Each app registers what it has, as `register_search_group` says; who may see it is the
matter of its page. Hits are masked as lists mask them before anybody describes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit import log
from audit.admin.base import ScopedAdmin, actor_of, render_page
from audit.admin.once import repeatable
from audit.admin.people import PersonPages
from audit.admin.search_terms import (
    KEY,
    TERM,
    clean_term,
    search_redirect,
    term_of,
    tidy_redirect,
)
from audit.privacy.masking import mask_instance

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Fewer signs would find half of a table.
LEAST = 2
_IN_GROUP = 5
_PAGES = _("Pages")
_SUGGESTED, _SUGGESTED_IN_GROUP, _SUGGESTED_PAGES = 8, 3, 2


class Description(NamedTuple):
    """What a match says of a row that was masked; `contact` is in no suggestion."""

    title: str
    detail: str = ""
    contact: str = ""


@dataclass(frozen=True)
class SearchGroup:
    """One kind of rows that are searched for.

    `find(text, actor=…, limit=…)` is a selector: it returns up to `limit` rows the
    actor may see, each with whether the text is a whole reference, number or address of
    it and so means no other; the best first, by statements that read along indexes.
    `describe` is given a row that was masked.
    """

    title: _StrOrPromise
    model: type[Model]
    find: Callable[..., Sequence[tuple[Model, bool]]]
    describe: Callable[[Any], Description]
    order: int
    # What is searched for by a whole number alone is not suggested while one types.
    is_suggested: bool = True


@dataclass(frozen=True)
class SearchMatch:
    """One row or page that was found, as it is displayed."""

    group: _StrOrPromise
    description: Description
    url: str
    instance: Model | None = None
    is_exact: bool = False


@dataclass(frozen=True)
class GroupMatches:
    """The first matches of a group; `all_url` is its list with the same search."""

    title: _StrOrPromise
    matches: list[SearchMatch]
    has_more: bool = False
    all_url: str = ""

    @property
    def has_exact(self) -> bool:
        """Tell whether one of them is what was typed, and stands first."""
        return any(match.is_exact for match in self.matches)


_groups: dict[type[Model], SearchGroup] = {}


def described(title: str, *parts: object) -> Description:
    """Return what a match says that has no contact data: a title and its details."""
    return Description(title, " · ".join(str(part) for part in parts))


def register_search_group(group: SearchGroup) -> None:
    """Add a kind of rows to the search; packages of pages call it when loaded."""
    _groups[group.model] = group


@repeatable
def search_view(request: HttpRequest) -> HttpResponse:
    """Search everything that the person may see; a single exact match opens at once."""
    if request.method == "POST":
        return search_redirect(request, request.POST.get(TERM, ""))
    redirect = tidy_redirect(request)
    if redirect is not None:
        return redirect
    text = term_of(request) or ""
    is_long_enough = len(text) >= LEAST
    groups = _search(request, text) if is_long_enough else []
    matches = [match for group in groups for match in group.matches]
    exact = [match for match in matches if match.is_exact]
    if is_long_enough:
        seen = exact if len(exact) == 1 else matches
        _note(request, "hub.searched", seen, text)
    if len(exact) == 1:
        [only] = exact
        return HttpResponseRedirect(only.url)
    return render_page(
        request,
        "admin/search.html",
        gettext("Search"),
        groups=groups,
        search_text=text,
        is_long_enough=is_long_enough,
        least=LEAST,
    )


@repeatable
@require_POST
def suggest_view(request: HttpRequest) -> HttpResponse:
    """Return the best matches for what is typed so far, without any contact data.

    An answer that names people is an access, and noted with what was typed, as choices
    of forms note theirs: typing on leaves an event for each pause in which other people
    came up, and these are what a later question is about. An answer that names nobody
    is not noted, because nothing was shown; the search that follows it is.
    """
    text = clean_term(request.POST.get(TERM, ""))
    matches = _suggestions(request, text) if len(text) >= LEAST else []
    if any(match.instance is not None for match in matches):
        _note(request, "hub.suggested", matches, text)
    suggestions = [
        {
            "url": match.url,
            "title": match.description.title,
            "detail": match.description.detail,
            "group": str(match.group),
        }
        for match in matches
    ]
    response = JsonResponse({"suggestions": suggestions})
    response["Cache-Control"] = "no-store"
    return response


def _search(request: HttpRequest, text: str) -> list[GroupMatches]:
    """Return the groups that have matches, those with an exact one first."""
    groups = [
        _group_matches(request, page, group, text)
        for page, group in _groups_of(request)
    ]
    groups.append(GroupMatches(_PAGES, _page_matches(request, text)[:_IN_GROUP]))
    groups = [group for group in groups if group.matches]
    return sorted(groups, key=lambda group: not group.has_exact)


def _group_matches(
    request: HttpRequest, page: ScopedAdmin, group: SearchGroup, text: str
) -> GroupMatches:
    matches = _find(request, page, group, text, limit=_IN_GROUP + 1)
    has_list = bool(page.get_search_fields(request))
    all_url = f"{page.page_url('changelist')}?{KEY}={request.GET[KEY]}"
    return GroupMatches(
        group.title,
        matches[:_IN_GROUP],
        has_more=len(matches) > _IN_GROUP,
        all_url=all_url if has_list else "",
    )


def _suggestions(request: HttpRequest, text: str) -> list[SearchMatch]:
    pages = _page_matches(request, text)[:_SUGGESTED_PAGES]
    matches = [
        match
        for page, group in _groups_of(request)
        if group.is_suggested
        for match in _find(request, page, group, text, limit=_SUGGESTED_IN_GROUP)
    ]
    matches.sort(key=lambda match: not match.is_exact)
    return [*matches[: _SUGGESTED - len(pages)], *pages]


def _groups_of(request: HttpRequest) -> Iterable[tuple[ScopedAdmin, SearchGroup]]:
    """Return the groups whose page the person may open, in their order."""
    for group in sorted(_groups.values(), key=lambda group: group.order):
        page = admin.site._registry.get(group.model)
        if isinstance(page, ScopedAdmin) and page.has_view_permission(request):
            yield page, group


def _find(
    request: HttpRequest, page: ScopedAdmin, group: SearchGroup, text: str, limit: int
) -> list[SearchMatch]:
    matches = group.find(text, actor=actor_of(request), limit=limit)
    return [
        SearchMatch(
            group.title,
            group.describe(mask_instance(instance, is_copy=page.is_copy)),
            _url_of(page, instance),
            instance,
            is_exact,
        )
        for instance, is_exact in matches
    ]


def _url_of(page: ScopedAdmin, instance: Model) -> str:
    """Return the page of a row: of people it is not the form."""
    if isinstance(page, PersonPages):
        return page.person_url(instance.pk)
    return page.page_url("change", instance.pk)


def _page_matches(request: HttpRequest, text: str) -> list[SearchMatch]:
    """Return the pages in the navigation of the person whose name has the text."""
    pages = [
        (str(entry["name"]), str(app["name"]), entry.get("admin_url"))
        for app in admin.site.get_app_list(request)
        for entry in app["models"]
    ]
    return [
        SearchMatch(_PAGES, described(name, group), url)
        for name, group, url in pages
        if url and text.casefold() in name.casefold()
    ]


def _note(
    request: HttpRequest, action: str, matches: Iterable[SearchMatch], text: str
) -> None:
    instances = [match.instance for match in matches if match.instance is not None]
    log.note_access(action, instances, actor=actor_of(request), query=text)
