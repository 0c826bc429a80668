"""The hub's tables in the canonical API; literal addresses before identifiers."""

from __future__ import annotations

from audit.api.routing import routes
from customers.api.tables.people import Customers

_ANY = "[^/]+"

urlpatterns = [
    *routes("customers", Customers, key=_ANY),
]
