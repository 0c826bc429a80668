"""Fill every text column of every table with script; print what a crawl needs.

Run by the crawl in the environment of its server. Values are written past the guards,
because what a browser must withstand is whatever may ever have got in.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from typing import Any

import django

django.setup()

from django.apps import apps  # noqa: E402 - the apps must be loaded
from django.conf import settings  # noqa: E402 - after setup
from django.contrib import admin  # noqa: E402 - after setup
from django.contrib.auth import (  # noqa: E402 - after setup
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.db import DatabaseError, connection, models, transaction  # noqa: E402 - after setup
from django.test import RequestFactory  # noqa: E402 - after setup
from django.urls import NoReverseMatch, reverse  # noqa: E402 - after setup

from audit.accounts.session_store import SessionStore  # noqa: E402 - after setup
from audit.database.guards import install_guards, remove_guards  # noqa: E402 - after setup
from audit.models import KeptCatalogue, User  # noqa: E402 - after setup
from audit.tenancy.actors import OperationContext  # noqa: E402 - after setup
from capture.admin.base import ActPages  # noqa: E402 - after setup
from customers import services  # noqa: E402 - after setup
from customers.admin.acts.registry import registered_acts  # noqa: E402 - after setup
from customers.models import Customer, SavedView  # noqa: E402 - after setup
from tests.factories import UserFactory  # noqa: E402 - after setup
from tests.factories.rows import make_row  # noqa: E402 - after setup

OURS = ("audit", "customers", "capture")
HOSTILE = (
    '"><script>window.__xss=1</script>',
    "<img src=x onerror=window.__xss=2>",
    "javascript:window.__xss=3",
    "{{7*7}}{% now 'Y' %}${7*7}",
    "' autofocus onfocus=window.__xss=4 x='",
    "</script></style></textarea></title><svg onload=window.__xss=5>",
    "<style>*{display:none}</style><b style=color:red>",
    "--><!--<iframe srcdoc='<script>parent.__xss=6</script>'>",
    # Nothing in it where a line may end.
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter" * 3,
)
# Read by our own code as what they are; a hostile value would be a broken row.
WORDS = {
    "audit.User": {"time_zone", "password"},
    "customers.Business": {"timezone", "currency"},
    "capture.WebhookEndpoint": {"sealed_secrets"},
    "capture.Payment": {"refunds"},
    "customers.CustomerStats": {"spent"},
}
number = count()


def poison(model: Any) -> None:
    """Overwrite each column of text that takes it, in all rows of a table."""
    skipped = WORDS.get(model._meta.label.replace(".Historical", "."), set())
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(model._meta.pk.column)
    for field in model._meta.concrete_fields:
        if field.primary_key or field.choices or field.name in skipped:
            continue
        is_text = isinstance(field, models.CharField | models.TextField)
        if not is_text and not isinstance(field, models.JSONField):
            continue
        for pk, kept in model._base_manager.values_list("pk", field.attname):
            stored = model._meta.pk.get_db_prep_value(pk, connection)
            sql = f"UPDATE {table} SET {quote(field.column)} = %s WHERE {key} = %s"
            try_to_write(sql, value_for(field, kept), stored)


def value_for(field: Any, kept: Any) -> str:
    """Return script that fits the column, another one each time."""
    n = next(number)
    text = HOSTILE[n % len(HOSTILE)]
    if isinstance(field, models.JSONField):
        return json.dumps(inside(kept, text))
    room = field.max_length
    if field.unique and room:
        text = f"{n}{text}"
    return text[:room] if room else text


def inside(kept: Any, text: str) -> Any:
    """Return a value of the same shape in which each text is script."""
    if isinstance(kept, dict):
        return {name: inside(one, text) for name, one in kept.items()} | {text: text}
    if isinstance(kept, list):
        return [inside(one, text) for one in kept] or [text]
    return text if isinstance(kept, str) else kept or [[text, text]]


def try_to_write(sql: str, value: str, pk: Any) -> None:
    # A column with a rule refuses; what it takes stays.
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [value, pk])
    except DatabaseError:
        return
    written.append(sql)


written: list[str] = []
SINGLE_PAGES = (
    "index",
    "password_change",
    "password_change_done",
    "search",
    "security",
    "access_review",
    "data_checks",
    "account",
    "account_pin",
    "account_preferences",
    "account_second_factor",
    "keys",
    "business",
)


def session_of(user: User) -> str:
    """Return the key of a session in which the user has signed in."""
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def addresses(user: User) -> list[str]:
    """Return the address of each kind of page, with a row of each table."""
    request = RequestFactory().get("/admin/")
    request.user = user  # type: ignore[assignment]
    request.operation = OperationContext(via="admin", route="/")  # type: ignore[attr-defined]
    found = [reverse(f"admin:{name}") for name in SINGLE_PAGES]
    labels = sorted({model._meta.app_label for model in admin.site._registry})
    found += [reverse("admin:app_list", args=[label]) for label in labels]
    for model, page in admin.site._registry.items():
        row = page.get_queryset(request).first()
        found += pages_of(model, page, row)
    return [path for path in found if path]


def pages_of(model: Any, page: Any, row: Any) -> list[str]:
    base = f"{model._meta.app_label}_{model._meta.model_name}"
    found = [named(f"{base}_{view}") for view in ("changelist", "add", "import")]
    found += [named(f"{base}_{view}") for view in ("export", "columns", "view_add")]
    # Leads to the list with the key of this search.
    found.append(f"{found[0]}?q=%3Cscript%3Ewindow.__xss%3D7%3C/script%3E")
    if row is None:
        raise SystemExit(f"{model._meta.label} has no row to look at.")
    views = ("page", "change", "delete", "reveal", "access")
    found += [named(f"{base}_{view}", row.pk) for view in views]
    if isinstance(page, ActPages):
        found += [named(f"{base}_{act}", row.pk) for act in page.acts]
    if model is Customer:
        names = [act.name for act in registered_acts()]
        found += [named(f"{base}_act", row.pk, name) for name in names]
    if hasattr(model, "history"):
        version = model.history.model._base_manager.filter(id=row.pk).first()
        found.append(named(f"{base}_history", row.pk))
        found.append(named(f"{base}_simple_history", row.pk, version.pk))
    return found


def named(name: str, *args: Any) -> str:
    try:
        return reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return ""


if __name__ == "__main__":
    # The server starts on no other catalogue than the one that `migrate` has kept.
    tables = [
        model
        for app in OURS
        for model in apps.get_app_config(app).get_models()
        if model is not KeptCatalogue
    ]
    for table in tables:
        make_row(table)
    # Above the list of everybody.
    SavedView.objects.update(is_shared=True)
    remove_guards("default")
    try:
        for table in tables:
            poison(table)
    finally:
        install_guards("default")
    # People are searched by what they are called now.
    list(services.find_index_differences(repair=True))
    somebody = UserFactory(username="crawler", is_superuser=True)
    # A confirmation gives a session a new key; others go on with theirs.
    enrolling = UserFactory(username="enrolling", is_superuser=True)
    sys.stdout.write(
        json.dumps(
            {
                "cookie": settings.SESSION_COOKIE_NAME,
                "session": session_of(somebody),
                "enrolling": session_of(enrolling),
                "paths": addresses(somebody),
                "columns": len(set(written)),
            }
        )
    )
