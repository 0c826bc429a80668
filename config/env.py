"""Typed readers of environment variables; each error says the fix.

Every variable can be given as `NAME_FILE`, the path of a file that holds it. Only
`config.settings` imports this module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from audit.json_text import JsonObject

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_SECRET_LENGTH = 32
_SECRET_SIGNS = 10
_LABEL_LENGTH = 20
# As browsers send it: in lower case, without a path, and without the usual port.
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_USUAL = {("http", ":80"), ("https", ":443")}


def read_file(path: Path) -> None:
    """Take over the variables of a `.env` file that the environment does not set."""
    if not path.is_file():
        return
    if not os.access(path, os.R_OK):
        msg = f"{path} cannot be read. Give it to the user who runs this: chown."
        raise ImproperlyConfigured(msg)
    environ.Env.read_env(path)


def text(name: str, default: str | None) -> str:
    """Return NAME, or the content of the file that NAME_FILE names.

    Raises ImproperlyConfigured when there is neither and no default.
    """
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"{name}_FILE={path!r} cannot be read: {error.strerror}. Mend it."
            raise ImproperlyConfigured(msg) from error
    value = os.environ.get(name)
    if value is not None:
        return value
    if default is None:
        msg = (
            f"{name} is not set. `python3 manage.py setup` writes it into .env; to use "
            "the database of a demo put HOLDFAST_DEBUG=true before the command."
        )
        raise ImproperlyConfigured(msg)
    return default


def secret(name: str) -> str:
    """Return NAME, which must be hard to guess; empty when it is not set."""
    value = text(name, "")
    return _strong(name, value) if value else value


def _strong(name: str, value: str) -> str:
    if len(value) < _SECRET_LENGTH or len(set(value)) < _SECRET_SIGNS:
        msg = (
            f"{name} is weak. Set {_SECRET_LENGTH} or more random characters, for "
            "example from `openssl rand -base64 48`."
        )
        raise ImproperlyConfigured(msg)
    return value


def secrets(name: str) -> list[str]:
    """Return NAME as a list of secrets; they are separated by commas."""
    return [_strong(name, value) for value in items(name, "")]


def mail(name: str, default: str) -> JsonObject:
    """Return Django's settings for NAME, the URL of a mail server."""
    try:
        return dict(environ.Env.email_url_config(text(name, default)))
    except (ValueError, KeyError, environ.ImproperlyConfigured) as error:
        msg = (
            f"{name} cannot be read. Write {name}=smtp+tls://user:password@host:587, "
            f"or {name}=dummymail:// to send none."
        )
        raise ImproperlyConfigured(msg) from error


def flag(name: str, *, default: bool) -> bool:
    """Return NAME as a boolean."""
    value = text(name, str(default)).strip().lower()
    if value in _TRUE | _FALSE:
        return value in _TRUE
    msg = f"{name}={value!r} is not a yes or no. Write {name}=true or {name}=false."
    raise ImproperlyConfigured(msg)


def number(name: str, *, default: int, at_least: int = 0) -> int:
    """Return NAME as a whole number that is not too small."""
    value = text(name, str(default)).strip()
    if value.isascii() and value.isdigit() and int(value) >= at_least:
        return int(value)
    least = f" of {at_least} or more" if at_least else ""
    msg = f"{name}={value!r} is not a whole number{least}. Write {name}={default}."
    raise ImproperlyConfigured(msg)


def seconds(name: str, *, default: float, at_least: float) -> float:
    """Return NAME as seconds, whole or with decimals, that are not too few."""
    value = text(name, str(default)).strip()
    is_number = value.isascii() and value.replace(".", "", 1).isdigit()
    if is_number and float(value) >= at_least:
        return float(value)
    msg = f"{name}={value!r} is not {at_least} seconds or more. Write {name}={default}."
    raise ImproperlyConfigured(msg)


def address(name: str, default: str) -> str:
    """Return NAME, the address of a page: a http(s) URL, or a path of this site."""
    value = text(name, default).strip()
    if not value or value.startswith(("https://", "http://", "/")):
        return value
    msg = f"{name}={value!r} is not an address. Write it like https://www.example.com/."
    raise ImproperlyConfigured(msg)


def label(name: str, default: str) -> str:
    """Return the text of NAME, which pages draw: one line of at most 20 characters."""
    value = text(name, "").strip() or default
    if len(value) > _LABEL_LENGTH or not value.isprintable():
        msg = f"{name}={value!r} is no label. Write one line of up to 20 characters."
        raise ImproperlyConfigured(msg)
    return value


def choice(name: str, default: str, *allowed: str) -> str:
    """Return NAME, which is one of the allowed words."""
    value = text(name, default).strip().lower()
    if value in allowed:
        return value
    msg = f"{name}={value!r} is not known. Write {name}={' or '.join(allowed)}."
    raise ImproperlyConfigured(msg)


def rate(name: str, default: str) -> tuple[int, int]:
    """Return NAME, a rate like `50/1000`: units a second, and units at once."""
    value = text(name, default).strip()
    if numbers := re.fullmatch("([0-9]+)/([0-9]+)", value):
        steady, burst = map(int, numbers.groups())
        if 0 < steady <= burst:
            return steady, burst
    msg = (
        f"{name}={value!r} is not a rate. Write units a second and units at once, like "
        f"{name}={default}."
    )
    raise ImproperlyConfigured(msg)


def items(name: str, default: str) -> list[str]:
    """Return NAME as a list; its parts are separated by commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def choices(name: str, default: str, words: Iterable[str]) -> list[str]:
    """Return NAME as a list whose parts are all among these words."""
    values = items(name, default)
    if wrong := sorted(set(values) - set(words)):
        msg = f"{name} has {wrong[0]!r}, which is none of {', '.join(words)}. Mend it."
        raise ImproperlyConfigured(msg)
    return values


def origins(name: str) -> list[str]:
    """Return NAME, a list of origins that are compared with what browsers send."""
    values = items(name, "")
    for text in values:
        parts = _ORIGIN.fullmatch(text)
        if parts is None or (parts[1], parts[3]) in _USUAL:
            msg = (
                f"{name} has {text!r}, which no browser sends as an origin. Write "
                "scheme, host and port alone, in lower case and without the usual "
                "port: https://app.example.com, or http://localhost:5173."
            )
            raise ImproperlyConfigured(msg)
    return values


def domain(name: str, allowed: list[str]) -> str:
    """Return NAME, a host name that is among the allowed ones, or above one of them.

    By default the first of them that is a name; empty when all are numbers.
    """
    names = [host.lstrip(".") for host in allowed if _is_name(host)]
    value = text(name, "").strip().lower() or next(iter(names), "")
    is_ours = "*" in allowed or any(_lies_in(host, value) for host in names)
    if not value or (_is_name(value) and is_ours):
        return value
    msg = (
        f"{name}={value!r} is no name of HOLDFAST_ALLOWED_HOSTS, nor above one. "
        "Browsers keep passkeys for a name of this site, never for a number."
    )
    raise ImproperlyConfigured(msg)


def passkey_origins(name: str, domain: str, *, is_https: bool) -> list[str]:
    """Return NAME, a list of origins that are all of a domain."""
    for each in (values := origins(name)):
        if not _lies_in(urlsplit(each).hostname or "", domain):
            msg = (
                f"{name} has {each!r}, which is not of {domain!r}: browsers keep "
                "passkeys for that name. Mend it, or HOLDFAST_PASSKEY_DOMAIN."
            )
            raise ImproperlyConfigured(msg)
    usual = f"https://{domain}" if is_https else f"http://{domain}:8000"
    return values or ([usual] if domain else [])


def _is_name(host: str) -> bool:
    """Tell whether a host is a name: no number, and no sign for all names."""
    plain = host.strip("[].")
    if not plain or "*" in plain:
        return False
    try:
        ip_address(plain)
    except ValueError:
        return True
    return False


def _lies_in(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def database(name: str, default: str) -> JsonObject:
    """Return NAME, a database URL, as Django's dictionary."""
    url = text(name, default)
    scheme = url.split(":", 1)[0]
    fix = (
        f"Write {name}=sqlite:///holdfast.sqlite3 or "
        f"{name}=postgresql://user:password@host:5432/name."
    )
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        msg = f"{name} begins with {scheme!r}, which is no database we know. {fix}"
        raise ImproperlyConfigured(msg)
    if "%2f" in url.split("?")[0].lower():
        msg = (
            f"{name} holds a socket path in the host. Write "
            f"{name}=postgresql://user:password@/name?host=/run/postgresql."
        )
        raise ImproperlyConfigured(msg)
    try:
        return dict(environ.Env.db_url_config(url))
    except (ValueError, KeyError, environ.ImproperlyConfigured) as error:
        msg = f"{name} cannot be read. {fix}"
        raise ImproperlyConfigured(msg) from error
