"""Many rows like one that exists, made in sets; for tests of size."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import models

from audit.actors import Actor
from audit.models import User
from audit.tracking import TrackedModel
from capture.models import Capture
from customers.models import (
    Address,
    Booking,
    Contact,
    Customer,
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
    "customers.Customer": lambda: {"unique_id": _text()[:20], "email": None},
    "customers.Flag": lambda: {"code": _text()},
    "customers.Ticket": lambda: {"number": uuid.uuid4().int % 2_000_000_000},
    "capture.Source": lambda: {"slug": _text()},
    "capture.ApiKey": lambda: {"key_hash": _text() * 2, "prefix": _text()[:20]},
    "capture.Capture": lambda: {"message_id": _text()},
    "capture.Quarantine": lambda: {"fingerprint": _text()},
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
    "customers.CustomerStats": ("customer_id", Customer),
    "capture.CaptureLink": ("capture_id", Capture),
    "capture.Signup": ("capture_id", Capture),
    "capture.Login": ("capture_id", Capture),
    "capture.Questionnaire": ("capture_id", Capture),
    "capture.DashboardSnapshot": ("capture_id", Capture),
}


def make_copies(model: type[models.Model], n: int) -> list[models.Model]:
    """Write n rows like the first one, with histories where the model has them.

    Copies of a customer's rows belong to that customer; a customer's copies come with
    figures, and their first one gets as many rows on its own page.
    """
    label = model._meta.label
    first: Any = model._base_manager.order_by("pk").first()
    skipped = {"id", "salt", "commitment"}
    values = {
        f.attname: getattr(first, f.attname)
        for f in model._meta.fields
        if f.name not in skipped
    }
    parents: list[Any] = [None] * n
    if label in OWN_PARENT:
        column, parent = OWN_PARENT[label]
        parents = [{column: row.pk} for row in _parents(parent, n)]
    rows = [
        model(**{**values, **UNIQUE.get(label, dict)(), **(own or {})})
        for own in parents
    ]
    _write(model, rows)
    if model is Customer:
        _complete(first, rows, n)
    return rows


def _parents(model: type[models.Model], n: int) -> list[models.Model]:
    if model is not Customer:
        return make_copies(model, n)
    first = Customer.objects.order_by("pk").first()
    rows = [
        Customer(
            business=first.business,
            name="Copy",
            unique_id=_text()[:20],
            joined_at=first.joined_at,
        )
        for _ in range(n)
    ]
    _write(Customer, rows)
    return rows


def _complete(first: Customer, rows: list[Any], n: int) -> None:
    _write(
        CustomerStats,
        [CustomerStats(customer=row, business_id=row.business_id) for row in rows],
    )
    _write(
        Preferences,
        [Preferences(customer=row, business_id=row.business_id) for row in rows],
    )
    facts: dict[str, Any] = {"customer": first, "business": first.business}
    for child in CHILDREN:
        more = {
            "customers.Contact": {"kind": "emergency"},
            "customers.Booking": {"currency": "EUR"},
            "customers.Note": {"content": "x"},
            "customers.Ticket": {"subject": "x"},
        }.get(child._meta.label, {})
        _write(
            child,
            [
                child(**facts, **more, **UNIQUE.get(child._meta.label, dict)())
                for _ in range(n)
            ],
        )


def _write(model: Any, rows: list[Any]) -> None:
    if issubclass(model, TrackedModel):
        model.objects.by(Actor.system("copies")).bulk_create(rows)
    else:
        model._base_manager.bulk_create(rows)
