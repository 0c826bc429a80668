"""Many rows like one that exists, made in sets; for tests of size."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import connection, models

from audit.history.models import TrackedModel
from audit.history.writing import history_model
from audit.ids import uuid7
from audit.models import User
from audit.tenancy.actors import Actor
from capture.models import Capture
from customers.models import (
    Address,
    Booking,
    Contact,
    Customer,
    CustomerIndex,
    CustomerStats,
    Flag,
    Note,
    Preferences,
    Ticket,
)

# The rows that stand on the page of a customer.
CHILDREN = (Address, Contact, Note, Flag, Booking, Ticket)


def _text() -> str:
    return uuid.uuid4().hex


# What a further row of a model must not share with the first.
UNIQUE: dict[str, Callable[[], dict[str, Any]]] = {
    "audit.User": lambda: {"username": _text(), "email_key": _text()},
    "customers.Address": lambda: {"is_primary": False},
    "customers.Booking": lambda: {"reference": _text()},
    "customers.Business": lambda: {"slug": _text()},
    "customers.Customer": lambda: {
        "unique_id": _text()[:20],
        "email": None,
        "email_key": None,
    },
    "customers.Flag": lambda: {"code": _text()},
    "customers.Ticket": lambda: {"number": uuid.uuid4().int % 2_000_000_000},
    "capture.Source": lambda: {"slug": _text()},
    "capture.ApiKey": lambda: {"key_hash": _text() * 2, "prefix": _text()[:20]},
    "capture.Capture": lambda: {"message_id": _text()},
    "capture.Quarantine": lambda: {"fingerprint": _text()},
    "capture.IdentityReview": lambda: {"user_ref": _text()},
    "capture.Identifier": lambda: {"value": _text()},
    "capture.CapturedValue": lambda: {"field": _text()[:30]},
    "capture.PaymentReference": lambda: {"value": _text()},
    "capture.RefusalCount": lambda: {"name": _text()},
}
# A column of which each row needs its own parent.
OWN_PARENT: dict[str, tuple[str, type[models.Model]]] = {
    "audit.PinCredential": ("user_id", User),
    "customers.Membership": ("user_id", User),
    "customers.Preferences": ("customer_id", Customer),
    "customers.CustomerIndex": ("customer_id", Customer),
    "customers.CustomerStats": ("customer_id", Customer),
    "capture.CaptureLink": ("capture_id", Capture),
    "capture.Signup": ("capture_id", Capture),
    "capture.Login": ("capture_id", Capture),
    "capture.Questionnaire": ("capture_id", Capture),
    "capture.DashboardSnapshot": ("capture_id", Capture),
}


def make_copies(model: type[models.Model], n: int) -> list[Any]:
    """Write n rows like the first one, with histories where the model has them.

    Copies of a customer's rows belong to that customer; a customer's copies come with
    figures, and their first one gets as many rows on its own page. Returns the keys.
    """
    label = model._meta.label
    first: Any = model._base_manager.order_by("pk").first()
    changes = _changes(model, n)
    if label in OWN_PARENT:
        column, parent = OWN_PARENT[label]
        origin = parent._base_manager.order_by("pk").first()
        for change, key in zip(
            changes, _copy(origin, _changes(parent, n)), strict=True
        ):
            change[column] = key
    keys = _copy(first, changes)
    if model is Customer:
        _complete(first, keys)
    return keys


def _changes(model: type[models.Model], n: int) -> list[dict[str, Any]]:
    change = UNIQUE.get(model._meta.label, dict)
    return [change() for _ in range(n)]


def _complete(first: Customer, keys: list[Any]) -> None:
    for model in (CustomerIndex, CustomerStats, Preferences):
        own = model._base_manager.get(customer=first)
        _copy(own, [{"customer_id": key} for key in keys])
    facts: dict[str, Any] = {"customer": first, "business": first.business}
    for child in CHILDREN:
        more = {
            "customers.Contact": {"kind": "emergency"},
            "customers.Booking": {"currency": "EUR"},
            "customers.Note": {"content": "x"},
            "customers.Ticket": {"subject": "x"},
        }.get(child._meta.label, {})
        change, *others = _changes(child, len(keys))
        row: Any = child(**facts, **more, **change)
        child.objects.as_actor(Actor.system("copies")).bulk_create([row])
        _copy(row, others)


def _copy(row: Any, changes: list[dict[str, Any]]) -> list[Any]:
    """Write a copy of a stored row for each change, and of its history; return keys.

    The database itself copies: through the models a thousand rows take a second. So
    what is sealed in them is the text of the first row.
    """
    key = row._meta.pk
    if key.has_default():
        changes = [{key.attname: key.get_default(), **change} for change in changes]
    _insert(row, changes)
    if isinstance(row, TrackedModel):
        log = history_model(type(row))
        version = log._base_manager.filter(id=row.pk).first()
        names = {field.attname for field in log._meta.concrete_fields}
        _insert(
            version,
            [
                {"history_id": uuid7()} | {k: v for k, v in c.items() if k in names}
                for c in changes
            ],
        )
    return [change.get(key.attname) for change in changes]


def _insert(row: Any, changes: list[dict[str, Any]]) -> None:
    if not changes:
        return
    quote, meta = connection.ops.quote_name, row._meta
    named = {field.attname: field for field in meta.concrete_fields}
    changed = [named[name] for name in changes[0]]
    fields = [f for f in named.values() if f in changed or not f.primary_key]
    # Both engines name the columns of a list of values column1, column2 and so on; the
    # first one is a number, so that the list is never empty.
    source = {f: f"n.column{place}" for place, f in enumerate(changed, start=2)}
    columns = ", ".join(quote(f.column) for f in fields)
    picked = ", ".join(source.get(f, f"t.{quote(f.column)}") for f in fields)
    line = f"({', '.join(['%s'] * (len(changed) + 1))})"
    table = quote(meta.db_table)
    sql = (
        f"INSERT INTO {table} ({columns}) SELECT {picked} FROM {table} t, "
        f"(VALUES {', '.join([line] * len(changes))}) n "
        f"WHERE t.{quote(meta.pk.column)} = %s"
    )
    values = [
        value
        for number, change in enumerate(changes)
        for value in (
            number,
            *(f.get_db_prep_save(change[f.attname], connection) for f in changed),
        )
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, meta.pk.get_db_prep_save(row.pk, connection)])
