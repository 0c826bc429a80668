"""Whether the process lives, and whether it can do its work: for load balancers.

Both answer anybody, so they name what was looked at and nothing else. Why a check
failed stands in the log.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import re_path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from audit.database.guards import missing_migrations, require_guards, require_hardening
from audit.maintenance import CAN_WRITE, MAINTAINED, beat, catalogue_faults, last_beat
from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_response
from config.backends.waiting import within

logger = logging.getLogger(__name__)

OK, WARNING, FAILED = "ok", "warning", "failed"
CHECK_SECONDS = 1.0
# Asked more often, the answer is the one of a moment ago.
CACHE_SECONDS = 1.0
RETRY_AFTER = 5
# Free bytes of the folders that we write to: too few, and soon too few.
DISK_FAILED, DISK_WARNING = 100_000_000, 1_000_000_000
CATALOGUE_SECONDS = 60.0
# `maintain` runs once a day.
MAINTAIN_HOURS = 36
# Large enough to need a page of its own; the row is written again each time.
_FILLER_BYTES = 4000
_View = Callable[[HttpRequest], HttpResponse]


class HealthMiddleware:
    """Takes cookies away from questions about health, which are nobody's.

    A session would be looked up in the database, which may be what is away.
    """

    def __init__(self, get_response: _View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_health_path(request.path_info):
            request.COOKIES.clear()
        return self.get_response(request)


def is_health_path(path: str) -> bool:
    """Tell whether a path asks about the process or its readiness."""
    return path.rstrip("/") in ("/healthz", "/readyz")


def alive(request: HttpRequest) -> HttpResponse:
    """Answer 200: this process serves requests; nothing else is checked."""
    return JsonResponse({"status": OK})


def ready(request: HttpRequest) -> HttpResponse:
    """Tell what this process needs, check by check; 503 when one has failed."""
    checks = _results.read()
    states = set(checks.values())
    status = "unavailable" if FAILED in states else WARNING if WARNING in states else OK
    body = {
        "status": status,
        "checks": {name: {"status": result} for name, result in checks.items()},
    }
    if FAILED not in states:
        return JsonResponse(body)
    response = JsonResponse(body, status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def run_checks() -> dict[str, str]:
    """Return `ok`, `warning` or `failed` of each check, each within a second.

    Once the database has failed it is not asked again: what needs it fails too.
    """
    results: dict[str, str] = {}
    for name, check in CHECKS.items():
        if results.get("database") == FAILED and name != "disk":
            results[name] = FAILED
            continue
        try:
            with within(CHECK_SECONDS):
                results[name] = check()
        except Exception as error:
            # Whatever it is, it keeps us from our work.
            logger.error("not ready: %s: %s", name, type(error).__name__)
            results[name] = FAILED
    return results


def _database() -> str:
    """Ask for a connection and an answer."""
    pool = getattr(connection, "pool", None)
    if pool is not None and connection.connection is None:
        # As connecting does, but no longer than a check may take.
        pool.open()
        with pool.connection(timeout=CHECK_SECONDS):
            pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def _migrations() -> str:
    """Look for migrations of this code that the database lacks."""
    return FAILED if missing_migrations() else OK


def _guards() -> str:
    """Compare the guards, and a hardened database, with their declaration."""
    require_guards()
    require_hardening()
    return OK


def _catalogue() -> str:
    """Compare the rest of the catalogue with what `migrate` left; seldom, it is long.

    Only a warning: it may be an index that an operator made to help.
    """
    if time.monotonic() - _looked.at > CATALOGUE_SECONDS:
        _looked.result = WARNING if catalogue_faults() else OK
        _looked.at = time.monotonic()
    return _looked.result


class _Looked:
    """When this process last compared the catalogue, and the result."""

    def __init__(self) -> None:
        self.at, self.result = float("-inf"), OK


_looked = _Looked()


def _maintain() -> str:
    """Look when `maintain` ran last; a hub works without for a while."""
    ran = last_beat(MAINTAINED)
    if ran is None or timezone.now() - ran > timedelta(hours=MAINTAIN_HOURS):
        return WARNING
    return OK


def _can_write() -> str:
    """Write a row, the same one each time, and keep it."""
    with _lock_awaited(CHECK_SECONDS):
        beat(CAN_WRITE, filler=secrets.token_hex(_FILLER_BYTES // 2))
    return OK


@contextmanager
def _lock_awaited(seconds: float) -> Iterator[None]:
    """Wait no longer than this for the lock of SQLite; PostgreSQL is `within` it."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    raw = connection.connection
    (before,) = raw.execute("PRAGMA busy_timeout").fetchone()
    raw.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA busy_timeout = {before}")


def _disk() -> str:
    """Look at the free space of the folders that this machine writes to."""
    folders = [Path(settings.MEDIA_ROOT)]
    database: Any = connection
    if database.vendor == "sqlite" and not database.is_in_memory_db():
        folders.append(Path(database.settings_dict["NAME"]).parent)
    free = min(shutil.disk_usage(_present(folder)).free for folder in folders)
    if free < DISK_FAILED:
        return FAILED
    return WARNING if free < DISK_WARNING else OK


def _present(folder: Path) -> Path:
    """Return a folder, or the one in which it would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())


# In this order: one that fails may take those after it with it.
CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "guards": _guards,
    "catalogue": _catalogue,
    "maintain": _maintain,
    "can_write": _can_write,
    "disk": _disk,
}


class _Results:
    """The last results of this process, so that many questions cost one look."""

    def __init__(self) -> None:
        self.at, self.results = float("-inf"), dict[str, str]()

    def read(self) -> dict[str, str]:
        if time.monotonic() - self.at > CACHE_SECONDS:
            self.results, self.at = run_checks(), time.monotonic()
        return self.results


_results = _Results()


def _for_monitors(
    answer: _View,
) -> _View:
    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            response = answer(request)
        else:
            refusal = ApiError(405, "method_not_allowed", "Use GET here.")
            response = problem_response(request, refusal)
            response["Allow"] = "GET, HEAD"
        response["Cache-Control"] = "no-store"
        return response

    # Counting them would write to the database.
    view.skips_page_limits = True  # type: ignore[attr-defined]  # config.limits looks at it
    return view


healthz_view, readyz_view = _for_monitors(alive), _for_monitors(ready)

urlpatterns = [
    re_path(r"^healthz/?$", healthz_view),
    re_path(r"^readyz/?$", readyz_view),
]
