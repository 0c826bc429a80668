"""Every address of the product, found in its URL resolver, with a row to ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from audit.history.writing import history_model
from audit.log import record
from audit.models import Event, Operation, User
from audit.tenancy.actors import Actor, OperationContext
from capture.models import (
    Capture,
    Quarantine,
    Source,
    WebhookEndpoint,
)
from customers.models import (
    Address,
    Booking,
    Business,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    Flag,
    Membership,
    Note,
    Refund,
    Ticket,
)
from tests.factories import BusinessFactory, MembershipFactory
from tests.factories.rows import make_row

# Where captures go, and there is nothing.
MISSING_CAPTURES = (
    "^(?:beacon|api/(?:customer-data|data-capture|v1/captures|v1/quarantine|v1/schemas|"
    "v1/tracking|v1/webhooks))/"
)
_CONVERTER = re.compile(r"(?<!P)<(?:\w+:)?(\w+)>")
_ADMIN_MODEL = re.compile(r"^admin/(audit|customers|capture)/(\w+)/")
# Which rows an address of the API is about.
_API_MODELS: tuple[tuple[str, type[models.Model]], ...] = (
    ("api/v1/quarantine", Quarantine),
    ("api/v1/webhooks/", WebhookEndpoint),
    ("api/v1/captures", Capture),
    ("admin/customers/<str:reference>", Customer),
    ("api/data-capture/stats/", Customer),
    ("api/admin/customers", Customer),
    ("api/customers/(?P<business>", Customer),
    *(
        (f"api/v1/customers/(?P<customer>[^/]+)/{name}", model)
        for name, model in {
            "addresses": Address,
            "bookings": Booking,
            "consents": ConsentEvent,
            "contacts": Contact,
            "flags": Flag,
            "notes": Note,
            "tickets": Ticket,
        }.items()
    ),
    *(
        (f"api/v1/{name}", model)
        for name, model in {
            "bookings": Booking,
            "credits": Credit,
            "customers": Customer,
            "refunds": Refund,
            "tickets": Ticket,
        }.items()
    ),
    ("api/customer-data/get", Customer),
    ("api/customer-data/export", Customer),
    ("api/v1/tracking/targeted", Customer),
    ("api/v1/tracking/marketing-export", Customer),
    ("api/v1/segments", Customer),
)


@dataclass(frozen=True)
class Door:
    """One pattern of the resolver: its route, and the model it is about."""

    route: str
    model: type[models.Model] | None
    view: Any = None

    @property
    def is_admin(self) -> bool:
        """Tell whether it is a page, which knows only GET and POST."""
        return self.route.startswith("admin/")


@dataclass
class Asked:
    """What a door is asked for: a row, its business, and what fills the route."""

    row: Any
    business: Business
    values: dict[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> set[str]:
        """Return texts of which one stands in any answer that shows the row."""
        found = {str(self.row.pk)} if self.row is not None else set()
        customer = self.row if isinstance(self.row, Customer) else None
        customer = customer or getattr(self.row, "customer", None)
        return found | ({customer.unique_id} if customer is not None else set())


def doors() -> list[Door]:
    """Return every pattern of the resolver, in its order."""
    return [
        Door(route, _model_of(route, pattern.callback), pattern.callback)
        for route, pattern in _walk(get_resolver())
    ]


def path_of(route: str, values: dict[str, str]) -> str:
    """Return an address of a route: parameters filled in, optional ends left out."""
    route = _CONVERTER.sub(lambda found: values.get(found.group(1), "x"), route)
    path, position = "", 0
    unnamed = iter((values.get("object_id", "x"), values.get("version_id", "x")))
    while position < len(route):
        if route[position] == "(":
            end = _closing(route, position)
            inside = route[position + 1 : end]
            name = re.match(r"\?P<(\w+)>", inside)
            if name:
                path += values.get(name.group(1), "x")
            elif not inside.startswith("?:"):
                path += next(unnamed)
            else:
                path += inside[2:].split("|")[0]
            position = end + 1
            continue
        path += route[position]
        position += 1
    return "/" + path.replace("/?$", "").replace("^", "").rstrip("$").replace("\\", "")


def find_path(described: dict[str, Any], path: str) -> str | None:
    """Return the most literal path of a description that fits an address."""
    fitting = [
        known
        for known in described["paths"]
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(known)), path)
    ]
    return min(fitting, key=lambda known: known.count("{"), default=None)


def ask_for(door: Door) -> Asked:
    """Make the row that a door is about, and what its route needs."""
    return asked_about(_row(door.model) if door.model is not None else None)


def asked_about(row: Any) -> Asked:
    """Return what the routes of a row need."""
    business = _business_of(row)
    values = {"object_id": str(row.pk), "pk": str(row.pk)} if row is not None else {}
    if row is not None and type(row) in admin.site._registry:
        values |= _version(row)
    values |= {
        "business": business.slug,
        "customer": str(_customer_of(row)),
        "reference": str(_customer_of(row)),
        "app_label": "customers",
        "url": "nothing-here/",
        "endpoint_id": str(row.pk) if row is not None else "x",
        "segment": "inactive",
        "user_email": getattr(row, "email", None) or "x@example.org",
        "kind": "payment",
        "version": "1",
        "act": "note" if isinstance(row, Customer) else "discard",
        "write_key": "pk_unknown",
        "code": "verified",
        "token": "x",
        "content_type_id": "1",
        # Nobody's file and nobody's view: they are their owner's alone.
        "file_id": str(business.pk),
        "view_id": str(business.pk),
    }
    return Asked(row, business, values)


def _row(model: type[models.Model]) -> Any:
    business = BusinessFactory()
    if model is Event:
        return record("t.done", actor=Actor.system("t"), business_id=business.pk)
    if model is Operation:
        user = MembershipFactory(business=business).user
        context = OperationContext(via="admin", route="/t")
        record("t.done", actor=Actor.from_user(user, context))
        return Operation.objects.get(pk=context.id)
    if model is User:
        return MembershipFactory(business=business).user
    return make_row(model)


def _business_of(row: Any) -> Business:
    if isinstance(row, Business):
        return row
    if isinstance(row, User):
        membership = Membership.objects.filter(user=row).first()
        return membership.business if membership else BusinessFactory()
    business_id = getattr(row, "business_id", None)
    return Business.objects.get(pk=business_id) if business_id else BusinessFactory()


def _customer_of(row: Any) -> Any:
    """Return the id of the customer whose address a row stands below."""
    return row.pk if isinstance(row, Customer) else getattr(row, "customer_id", "x")


def _version(row: Any) -> dict[str, str]:
    try:
        log: Any = history_model(type(row))
    except (LookupError, AttributeError):
        return {}
    newest = log._base_manager.filter(id=row.pk).first()
    return {"version_id": str(newest.history_id)} if newest else {}


def _model_of(route: str, view: Any) -> type[models.Model] | None:
    if found := _ADMIN_MODEL.match(route):
        return apps.get_model(found.group(1), found.group(2))
    # Tables of the canonical API say it themselves, unless they are below another row.
    parent = getattr(view, "initkwargs", {}).get("parent", "")
    model = getattr(getattr(view, "cls", None), "model", None)
    if model is not None and not parent:
        return model
    for start, model in _API_MODELS:
        if route.lstrip("^").startswith(start):
            return model
    return Source if "v1/projects" in route else None


def _walk(resolver: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, route)
        else:
            yield route, pattern


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise AssertionError(text)
