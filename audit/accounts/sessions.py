"""How long a session lasts: so long at most, and shorter when nobody is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from audit import clock

_STARTED = "started_at"
_SEEN = "seen_at"
# What pages send that ask by themselves, every few seconds.
BACKGROUND_HEADER = "X-Background"
# Each visit within it leaves the row of the session alone.
_COARSE_SECONDS = 60


class SessionAgeMiddleware:
    """Signs out a session that is too old, or was idle for too long.

    Django's own age starts again with each change of the session; this one does not.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without the cookie there is no session; keys are used without one.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            _keep_or_end(request)
        return self.get_response(request)


def _keep_or_end(request: HttpRequest) -> None:
    if not request.user.is_authenticated:
        return
    now = int(clock.now().timestamp())
    session = request.session
    started, seen = session.get(_STARTED, now), session.get(_SEEN, now)
    if clock.is_ahead(datetime.fromtimestamp(seen, UTC)):
        # The clock went back. The session stays as old as it was at the last visit.
        started, seen = started - (seen - now), now
        session[_STARTED], session[_SEEN] = started, seen
    is_old = now - started >= settings.SESSION_COOKIE_AGE
    if is_old or now - seen >= settings.SESSION_IDLE_SECONDS:
        logout(request)
    elif _STARTED in session and _asks_by_itself(request):
        # A page asks whether it has changed; nobody need sit before it.
        return
    elif _STARTED not in session or now - seen >= _COARSE_SECONDS:
        session[_STARTED], session[_SEEN] = started, now


def _asks_by_itself(request: HttpRequest) -> bool:
    return request.method in ("GET", "HEAD") and BACKGROUND_HEADER in request.headers
