"""What somebody searches for stands in no address: the session has it, under a key.

A search is sent by POST and answered by a redirect to `?s=<key>`. The key opens the
term in this session alone, for as long as it is one of the newest; terms are encrypted,
so the table of sessions holds no personal value that an erasure would miss. An old
address with `?q=<term>` leads to one with a key, too.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, SEARCH_VAR
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import escape_leading_slashes
from django.utils.translation import gettext_lazy as _

from audit.crypto import decrypt, encrypt

# What the address of a searched page has, and the field of the form.
KEY, TERM = "s", SEARCH_VAR
MAX_TERMS = 20
LONGEST = 200
_PURPOSE = "search term"
_SESSION = "search_terms"
_ENDED = _("That search has ended, so this is not its result. Type it again.")
_NOT_DONE = _("That search has ended. Nothing was done: search again, and choose anew.")


def keep_term(request: HttpRequest, text: str) -> str:
    """Keep what was typed in the session and return its key; empty for nothing."""
    term = clean_term(text)
    if not term:
        return ""
    terms = dict(request.session.get(_SESSION, {}))
    key = next((each for each in terms if get_term(request, each) == term), "")
    if not key:
        key = secrets.token_urlsafe(4)
        owner = _owner(request, key)
        terms[key] = encrypt(term.encode(), purpose=_PURPOSE, owner=owner)
    elif key == [*terms][-1]:
        return key
    # The newest stands last, and the oldest goes.
    terms[key] = terms.pop(key)
    request.session[_SESSION] = dict([*terms.items()][-MAX_TERMS:])
    return key


def get_term(request: HttpRequest, key: str) -> str | None:
    """Return the term of a key; None if it is of no search of this session."""
    box = request.session.get(_SESSION, {}).get(key)
    if box is None:
        return None
    try:
        owner = _owner(request, key)
        return decrypt(box, purpose=_PURPOSE, owner=owner).decode()
    except (ValueError, InvalidTag):
        # Encrypted with a key that has been replaced since.
        return None


def term_of(request: HttpRequest) -> str | None:
    """Return the term that an address means: empty without a key, None for an old one.

    Whoever gets None treats the address as one that finds nothing: an act on all rows
    of a search must never become one on all rows.
    """
    key = request.GET.get(KEY, "")
    return get_term(request, key) if key else ""


def clean_term(text: str) -> str:
    """Return what was typed as it is searched for."""
    return text.replace("\0", "").strip()[:LONGEST]


def is_list_search(request: HttpRequest) -> bool:
    """Tell whether a post to a list is a search, and no action on its rows."""
    return (
        request.method == "POST"
        and TERM in request.POST
        and not {"action", ACTION_CHECKBOX_NAME} & {*request.POST}
    )


def search_redirect(request: HttpRequest, text: str) -> HttpResponseRedirect:
    """Return a redirect to this page with what was typed; its filters stay."""
    return HttpResponseRedirect(searched_url(request, keep_term(request, text)))


def tidy_redirect(
    request: HttpRequest, *, ended_name: str = ""
) -> HttpResponseRedirect | None:
    """Return where an address leads that has a term, or the key of an ended search.

    None for any other. After the end of its search it leads to this page without it,
    or back to the page `ended_name`, and says so.
    """
    if request.method in {"GET", "HEAD"} and TERM in request.GET:
        return search_redirect(request, request.GET[TERM])
    if term_of(request) is None:
        message = _NOT_DONE if request.method == "POST" else _ENDED
        messages.warning(request, message)
        if ended_name:
            return HttpResponseRedirect(reverse(f"admin:{ended_name}"))
        return HttpResponseRedirect(searched_url(request, ""))
    return None


def searched_url(request: HttpRequest, key: str) -> str:
    """Return the address of this page with its filters and the key of a search."""
    query = request.GET.copy()
    for name in (TERM, KEY, PAGE_VAR, ERROR_FLAG):
        query.pop(name, None)
    if key:
        query[KEY] = key
    path = escape_leading_slashes(request.path)
    return f"{path}?{query.urlencode()}" if query else path


def _owner(request: HttpRequest, key: str) -> bytes:
    return f"{request.user.pk} {key}".encode()
