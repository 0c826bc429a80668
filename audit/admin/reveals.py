"""Contact data shown in clear for some minutes, to one person in one session."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest

from audit import clock
from audit.accounts import LIFETIMES
from audit.models import Scope

REVEAL_SECONDS = int(LIFETIMES[Scope.REVEAL].total_seconds())
_KEY = "revealed"


def reveal(request: HttpRequest, subject: UUID) -> None:
    """Let this session see a person's contact data in clear for a while."""
    until = clock.now().timestamp() + REVEAL_SECONDS
    request.session[_KEY] = {**_revealed_until(request), str(subject): until}


def hide(request: HttpRequest, subject: UUID | None) -> None:
    """Mask a person's contact data again."""
    revealed = _revealed_until(request)
    revealed.pop(str(subject), None)
    request.session[_KEY] = revealed


def is_revealed(request: HttpRequest, subject: UUID | None) -> bool:
    """Tell whether this session may see a person's contact data now."""
    return subject is not None and str(subject) in _revealed_until(request)


def minutes_left(request: HttpRequest, subject: UUID) -> int:
    """Return for how many minutes, rounded up; 0 when it is masked."""
    until = _revealed_until(request).get(str(subject), 0.0)
    seconds = int(until - clock.now().timestamp())
    return max(0, -(-seconds // 60)) if until else 0


def _revealed_until(request: HttpRequest) -> dict[str, float]:
    """Return until when each person is shown in clear, by the id of the subject."""
    # Not every entrance has a session.
    session = getattr(request, "session", None) or {}
    revealed, longest = session.get(_KEY, {}), timedelta(seconds=REVEAL_SECONDS)
    return {pk: until for pk, until in revealed.items() if clock.lasts(until, longest)}
