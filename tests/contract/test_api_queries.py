"""Every answer of the API takes as many queries with 10 rows as with 1,000."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.rest.expansion import names_of
from audit.rest.viewsets import ResourceViewSet
from tests.contract.copies import make_copies
from tests.contract.doors import Asked, Door, ask_for, doors, path_of


def is_read(door: Door) -> bool:
    """Tell whether an address answers GET with rows that can be many."""
    if door.model is None or not door.route.startswith("^api/"):
        return False
    view: Any = door.view
    return hasattr(getattr(view, "cls", None), "get") or "get" in getattr(
        view, "actions", {}
    )


READS = [door for door in doors() if is_read(door)]
MODELS = sorted({door.model for door in READS}, key=str)


def query_of(door: Door) -> str:
    """Return what shows most: the largest page, and everything beside each row."""
    view = getattr(door.view, "cls", None)
    if not issubclass(view or object, ResourceViewSet):
        return ""
    is_list = door.view.actions["get"] == "list"  # type: ignore[union-attr]  # only asked where there is one
    size = ["page_size=200"] if is_list else []
    # Those of a list within one are asked for only where there are any.
    every = names_of(view.related, is_list=True)
    names = ",".join(name for name in every if "." not in name)
    beside = [f"expand={names}"] if names else []
    return "?" + "&".join([*size, *beside])


def ask(client: Client, door: Door, asked: Asked) -> tuple[int, list[str]]:
    """Return the status of an answer and the statements that it took."""
    headers: Any = {"X-Business": asked.business.slug}
    path = path_of(door.route, asked.values) + query_of(door)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, headers=headers)
    return response.status_code, [query["sql"] for query in queries.captured_queries]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_queries_do_not_grow(owner, model):
    doors_of_model = [door for door in READS if door.model is model]
    asked = ask_for(doors_of_model[0])
    make_copies(model, 10)
    few: dict[Door, list[str]] = {}
    for door in doors_of_model:
        # Warm caches: content types, permissions.
        ask(owner, door, asked)
        status, few[door] = ask(owner, door, asked)
        assert status == 200, door.route

    make_copies(model, 990)

    for door in doors_of_model:
        owner.get("/api/v1/me")  # renews the session, which it is once a minute
        _, many = ask(owner, door, asked)
        told = "\n".join([door.route, *many])
        if "/timeline" in door.route:
            # Its page mixes kinds: versions are read only where one is on the page.
            assert len(few[door]) - 1 <= len(many) <= len(few[door]), told
        else:
            assert len(many) == len(few[door]), told


def test_the_lists_of_the_documents_are_among_them():
    routes = " ".join(door.route for door in READS)

    for path in ("api/admin/customers", "/search", "/repeat", "/notes", "/history"):
        assert path in routes
