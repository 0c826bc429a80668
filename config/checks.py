"""System checks: the web edge, forms, and what a production machine needs."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from drf_spectacular.drainage import GENERATOR_STATS

from audit.json_text import JsonObject
from config import database_errors
from config.paths import HAS_CAPTURE
from config.startup import (
    require_database,
    require_migrations,
    require_static_files,
)

_LOCAL = {"localhost", "127.0.0.1", "::1"}
# Each one stands before those below it; others may stand between.
EDGE: tuple[str, ...] = (
    "audit.middleware.TenancyMiddleware",
    "config.middleware.OperationMiddleware",
    "config.origins.ApiCorsMiddleware",
    "config.unavailable.UnavailableMiddleware",
    *(["capture.middleware.CorsMiddleware"] if HAS_CAPTURE else []),
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.HeadersMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.health.HealthMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.limits.LimitsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "audit.accounts.sessions.SessionAgeMiddleware",
    "config.middleware.LanguageMiddleware",
    "audit.middleware.SecondFactorMiddleware",
    "audit.middleware.TrailMiddleware",
)


@register(Tags.security)
def check_edge(**_: object) -> list[CheckMessage]:
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
    positions = [present.index(name) for name in EDGE]
    return [
        Error(
            f"{name} stands too early in MIDDLEWARE.",
            hint=f"It belongs after {before}.",
            id="config.E002",
        )
        for name, before, place, earlier in zip(
            EDGE[1:], EDGE, positions[1:], positions, strict=False
        )
        if place < earlier
    ]


@register(Tags.admin)
def check_forms(**_: object) -> list[CheckMessage]:
    """Report pages that edit in lists, and forms through which a key can be chosen."""
    errors: list[CheckMessage] = []
    for name, page in _pages():
        if getattr(page, "list_editable", ()):
            errors.append(
                Error(
                    f"{name} edits in its list.",
                    hint="Remove list_editable: each change has a form and a reason.",
                    obj=page,
                    id="config.E003",
                )
            )
        key = page.model._meta.pk
        if key.editable and key.formfield() is not None:
            errors.append(
                Error(
                    f"{name} has a form with an editable primary key.",
                    hint="Give the key editable=False: a forged one reaches any row.",
                    obj=page,
                    id="config.E004",
                )
            )
    return errors


def _pages() -> Iterator[tuple[str, Any]]:
    """Yield each page of the admin and each list of rows inside of one."""
    for page in admin.site._registry.values():
        yield type(page).__name__, page
        for inline in page.inlines:
            yield inline.__name__, inline


@register(Tags.staticfiles, deploy=True)
def check_static_files(**_: object) -> list[CheckMessage]:
    """Report static files that were not collected; the server refuses to start."""
    try:
        require_static_files()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="config.E005")]
    return []


@register(Tags.database, deploy=True)
def check_database(
    databases: Iterable[str] | None = None, **_: object
) -> list[CheckMessage]:
    """Report a database that no server starts on: away, too old, or not migrated."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            require_database(alias)
            require_migrations(alias)
        except ImproperlyConfigured as error:
            messages.append(Error(str(error), id="config.E006"))
        except DatabaseError as error:
            sentence = database_errors.explain(error) or str(error)
            messages.append(Error(sentence, id="config.E007"))
    return messages


@register(Tags.security, deploy=True)
def check_secrets(**_: object) -> list[CheckMessage]:
    """Report secrets that others of the machine can read, or that cannot be renewed."""
    messages: list[CheckMessage] = []
    if settings.HASH_KEY == settings.SECRET_KEY:
        messages.append(
            Warning(
                "HOLDFAST_HASH_KEY is not set: no HOLDFAST_SECRET_KEY changes alone.",
                hint="Set it to the present HOLDFAST_SECRET_KEY, or before the first "
                "start to a new one: openssl rand -base64 48.",
                id="config.W001",
            )
        )
    private = [settings.BASE_DIR / ".env"]
    if connection.vendor == "sqlite":
        private.append(Path(connection.settings_dict["NAME"]))
    return [*messages, *map(_open_to_others, filter(_is_open_to_others, private))]


def _is_open_to_others(path: Path) -> bool:
    return path.is_file() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _open_to_others(path: Path) -> CheckMessage:
    return Warning(
        f"{path} can be read or changed by others of this machine.",
        hint=f"Run `chmod 600 {path}`.",
        id="config.W002",
    )


def _is_private(database: JsonObject) -> bool:
    """Tell whether nobody can stand between the server and its database."""
    if database["ENGINE"].endswith("sqlite3"):
        return True
    options = database["OPTIONS"]
    host = str(options.get("host") or database["HOST"])
    is_local = not host or host.startswith("/") or host in _LOCAL
    return is_local or options.get("sslmode") in ("verify-ca", "verify-full")


@register(deploy=True)
def check_contracts(**_: object) -> list[CheckMessage]:
    """Report what the library warns of when it describes the contracts of the API.

    Its own check looks at the canonical description alone.
    """
    from config.api.schema import ContractsGenerator  # noqa: PLC0415 - needs all apps

    with GENERATOR_STATS.silence():
        ContractsGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the library has no types there
    texts = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    return [Warning(text, id="config.W007") for text in texts]


@register(Tags.security, deploy=True)
def check_origins(**_: object) -> list[CheckMessage]:
    """Report pages without https that may call us: on the way anybody changes them."""
    return [
        Warning(
            f"HOLDFAST_API_ORIGINS has {origin}: whoever stands between that page and "
            "its reader can take the tokens of staff.",
            hint="Serve the page over https, or take it off the list.",
            id="config.W006",
        )
        for origin in settings.CORS_ALLOWED_ORIGINS
        if origin.startswith("http://") and urlsplit(origin).hostname not in _LOCAL
    ]


@register(Tags.security, deploy=True)
def check_surroundings(**_: object) -> list[CheckMessage]:
    """Report a proxy that is not believed, and mails that go nowhere."""
    messages: list[CheckMessage] = []
    if settings.HTTPS and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        messages.append(
            Warning(
                "Pages are redirected to https, and no proxy is believed to have ended "
                "it: behind one, the redirect never ends.",
                hint="Set HOLDFAST_PROXY_HTTPS=true and HOLDFAST_TRUSTED_PROXIES=1 "
                "where a proxy sets X-Forwarded-Proto and X-Forwarded-For.",
                id="config.W003",
            )
        )
    if not _is_private(connection.settings_dict):
        messages.append(
            Warning(
                "The way to PostgreSQL leaves this machine, and the server is not "
                "made to prove who it is: whoever stands between reads everything.",
                hint="Add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to "
                "DATABASE_URL.",
                id="config.W005",
            )
        )
    if settings.EMAIL_BACKEND == "django.core.mail.backends.dummy.EmailBackend":
        messages.append(
            Warning(
                "No mail is sent: nobody hears that a PIN was locked, and no invoice "
                "leaves.",
                hint="Set HOLDFAST_EMAIL_URL to your mail server.",
                id="config.W004",
            )
        )
    return messages
