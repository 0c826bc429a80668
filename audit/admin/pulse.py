"""Whether a page that is open has changed: a version, and no word more.

Pages ask every few seconds. The answer holds no personal data, so it is no access and
writes no event; a page that has changed loads what is new by an ordinary request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from audit.tenancy.actors import Actor

# Returns what changes when a page does, for what the person may see of it; None for
# what is missing or foreign.
Version = Callable[[str, Actor], object | None]

_versions: dict[str, Version] = {}


def register_pulse(kind: str, version: Version) -> None:
    """Let pages of a kind ask for their version, as `?p=kind:key`."""
    _versions[kind] = version


@require_safe
def pulse_view(request: HttpRequest) -> HttpResponse:
    """Answer the version of a page; 304 while it is the one that the page has."""
    kind, _, key = request.GET.get("p", "").partition(":")
    find = _versions.get(kind)
    # Whichever business is chosen: a link opens pages of others, too.
    value = find(key, Actor.from_request(request)) if find else None
    if value is None:
        raise Http404
    # In another language the page is another one, too.
    seen = repr((value, get_language()))
    version = hashlib.sha256(seen.encode()).hexdigest()[:16]
    etag = quote_etag(version)
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=304)
    else:
        response = JsonResponse({"version": version})
    response["ETag"] = etag
    return response
