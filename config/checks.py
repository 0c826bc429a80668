"""System checks of the web edge: what must stand around every request, and in forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.checks import CheckMessage, Error, Tags, register

# Each one stands before those below it; others may stand between.
EDGE = (
    "audit.middleware.TenancyMiddleware",
    "config.middleware.OperationMiddleware",
    "capture.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.HeadersMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.limits.LimitsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.sessions.SessionAgeMiddleware",
    "config.middleware.SecondFactorMiddleware",
    "audit.middleware.TrailMiddleware",
)


@register(Tags.security)
def check_edge(**_: Any) -> list[CheckMessage]:
    """Report middleware of the edge that is missing, or in another order."""
    present = list(settings.MIDDLEWARE)
    missing = [name for name in EDGE if name not in present]
    if missing:
        return [
            Error(
                f"MIDDLEWARE lacks {name}.",
                hint="Add it in the order of config/checks.py.",
                id="config.E001",
            )
            for name in missing
        ]
    places = [present.index(name) for name in EDGE]
    return [
        Error(
            f"{name} stands too early in MIDDLEWARE.",
            hint=f"It belongs after {before}.",
            id="config.E002",
        )
        for name, before, place, earlier in zip(
            EDGE[1:], EDGE, places[1:], places, strict=False
        )
        if place < earlier
    ]


@register(Tags.admin)
def check_forms(**_: Any) -> list[CheckMessage]:
    """Report pages that edit in lists, and forms through which a key can be chosen."""
    found: list[CheckMessage] = []
    for name, page in _pages():
        if getattr(page, "list_editable", ()):
            found.append(
                Error(
                    f"{name} edits in its list.",
                    hint="Remove list_editable: each change has a form and a reason.",
                    obj=page,
                    id="config.E003",
                )
            )
        key = page.model._meta.pk
        if key.editable and key.formfield() is not None:
            found.append(
                Error(
                    f"{name} has a form with an editable primary key.",
                    hint="Give the key editable=False: a forged one reaches any row.",
                    obj=page,
                    id="config.E004",
                )
            )
    return found


def _pages() -> Iterator[tuple[str, Any]]:
    """Yield each page of the admin and each list of rows inside of one."""
    for page in admin.site._registry.values():
        yield type(page).__name__, page
        for inline in page.inlines:
            yield inline.__name__, inline
