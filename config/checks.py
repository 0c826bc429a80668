"""System checks: the web edge, forms, and what a production machine needs."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from config.startup import missing_static_files, require_migrations

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


@register(Tags.staticfiles, deploy=True)
def check_static_files(**_: Any) -> list[CheckMessage]:
    """Report files of pages that nobody collected; the server refuses to start."""
    missing = missing_static_files()
    if not missing:
        return []
    return [
        Error(
            f"{len(missing)} static files are not in {settings.STATIC_ROOT}, such as "
            f"{missing[0]}.",
            hint="Run `python3 manage.py setup`.",
            id="config.E005",
        )
    ]


@register(Tags.database, deploy=True)
def check_migrations(
    databases: Iterable[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Report tables that are older than the code; the server refuses to start."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        try:
            require_migrations(alias)
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="config.E006"))
        except DatabaseError:
            # Another check says that the database is away.
            continue
    return found


@register(Tags.security, deploy=True)
def check_secrets(**_: Any) -> list[CheckMessage]:
    """Report secrets that others of the machine can read, or that cannot be renewed."""
    found: list[CheckMessage] = []
    if settings.HASH_KEY == settings.SECRET_KEY:
        found.append(
            Warning(
                "HOLDFAST_HASH_KEY is not set: HOLDFAST_SECRET_KEY may never change.",
                hint="Set it to the present HOLDFAST_SECRET_KEY, or before the first "
                "start to a new one: openssl rand -base64 48.",
                id="config.W001",
            )
        )
    path = settings.BASE_DIR / ".env"
    if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        found.append(
            Warning(
                f"{path} can be read or changed by others, and holds secrets.",
                hint=f"Run `chmod 600 {path}`.",
                id="config.W002",
            )
        )
    return found


@register(Tags.security, deploy=True)
def check_surroundings(**_: Any) -> list[CheckMessage]:
    """Report a proxy that is not believed, and mails that go nowhere."""
    found: list[CheckMessage] = []
    if settings.HTTPS and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        found.append(
            Warning(
                "Pages are redirected to https, and no proxy is believed to have ended "
                "it: behind one, the redirect never ends.",
                hint="Set HOLDFAST_PROXY_HTTPS=true and HOLDFAST_TRUSTED_PROXIES=1 "
                "where a proxy sets X-Forwarded-Proto and X-Forwarded-For.",
                id="config.W003",
            )
        )
    if settings.EMAIL_BACKEND == "django.core.mail.backends.dummy.EmailBackend":
        found.append(
            Warning(
                "No mail is sent: nobody hears that a PIN was locked, and no invoice "
                "leaves.",
                hint="Set HOLDFAST_EMAIL_URL to your mail server.",
                id="config.W004",
            )
        )
    return found
