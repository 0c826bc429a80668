"""`manage.py setup`: what a hub needs on its machine's disk, before any database.

The packages are in place when this runs. It writes a first `.env`, with secrets of its
own, and collects the static files. Safe to repeat: that is the upgrade.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEXT = """\
Next, each with python3 manage.py: migrate, createsuperuser, serve.
check --deploy --database default says what is still missing.
docs/operate.md says how to start it with the machine and behind a proxy.
"""


def run(arguments: list[str]) -> None:
    """Prepare the disk for a hub; exits with a sentence when something is wrong.

    Raises ImproperlyConfigured when `.env`, new or old, has a wrong value.
    """
    options = parse(arguments)
    if options.packages_only:
        return
    path = ROOT / ".env"
    if write_configuration(path, options):
        sys.stdout.write(f"Wrote {path}, readable by you alone. Keep a copy of it.\n")
    elif options.host or options.database:
        sys.exit(
            f"There is a {path} already, and it stays as it is. Change "
            "HOLDFAST_ALLOWED_HOSTS and DATABASE_URL there, or move it away."
        )
    else:
        sys.stdout.write(f"Kept {path} as it is.\n")
    collect_static_files()
    sys.stdout.write(NEXT)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="manage.py setup",
        description="Install the pinned packages into .venv, write a first .env with "
        "new secrets, and collect the static files. Safe to repeat; run it after each "
        "upgrade.",
    )
    parser.add_argument(
        "--host",
        metavar="NAME",
        type=host_name,
        help="Name under which the site is reached, such as hub.example.com; goes into "
        "a new .env.",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        type=database_url,
        help="DATABASE_URL of a new .env. Without it the hub keeps its data in the "
        "SQLite file holdfast.sqlite3. A URL with a password is better written into "
        ".env: other people of the machine can read command lines.",
    )
    parser.add_argument(
        "--packages-only",
        action="store_true",
        help="Only install the packages, as the build of an image does.",
    )
    return parser.parse_args(arguments)


def host_name(text: str) -> str:
    """Return a host name that a person typed."""
    if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", text):
        return text.lower()
    msg = f"{text!r} is no host name. Write it like hub.example.com."
    raise argparse.ArgumentTypeError(msg)


def database_url(text: str) -> str:
    """Return a database URL that a person typed; its parts are checked at the start."""
    is_url = re.fullmatch(r"(?:sqlite|postgres(?:ql)?):[^\s'\"\\]+", text)
    if is_url and "%2f" not in text.lower():
        return text
    msg = (
        "not a database URL. Write it like postgresql://user@host:5432/name, or with a "
        "socket like postgresql:///name?host=/run/postgresql."
    )
    raise argparse.ArgumentTypeError(msg)


def write_configuration(path: Path, options: argparse.Namespace) -> bool:
    """Write `.env` from its example with new secrets, for its owner alone.

    Returns False, and changes nothing, when there is one.
    """
    values = {
        "HOLDFAST_SECRET_KEY": secrets.token_urlsafe(48),
        "HOLDFAST_HASH_KEY": secrets.token_urlsafe(48),
        "HOLDFAST_LOOKUP_KEY": secrets.token_urlsafe(48),
        "HOLDFAST_PIN_PEPPER": secrets.token_urlsafe(48),
    }
    if options.host:
        # `serve` listens on this machine only, or on a socket that the proxy may open.
        values |= {
            "HOLDFAST_ALLOWED_HOSTS": f"{options.host},localhost,127.0.0.1",
            "HOLDFAST_PROXY_HTTPS": "true",
            "HOLDFAST_TRUSTED_PROXIES": "1",
        }
    if options.database:
        values["DATABASE_URL"] = options.database
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    # None of the values has a backslash, so each stands for itself.
    for name, value in values.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        path.unlink()  # Half a configuration would count as one from now on.
        raise
    return True


def collect_static_files() -> None:
    """Put scripts and styles where the server serves them from; needs no database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # All three read the settings, which need the .env that was just written.
    import django  # noqa: PLC0415 - after .env is written
    from django.conf import settings  # noqa: PLC0415 - after .env is written
    from django.core.management import call_command  # noqa: PLC0415 - after .env is written

    django.setup()
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
