"""No address of the admin tells a column that its page does not offer to filter by."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client

from audit.admin.base import ScopedAdmin
from tests.conftest import signed_in
from tests.contract.test_admin import PAGES, every_page, url
from tests.factories import CustomerFactory, UserFactory
from tests.factories.rows import make_row

SUFFIXES = ("startswith", "regex", "gt", "contains")


def hidden_columns(model: type[models.Model], page: Any) -> list[str]:
    """Return columns, and columns of related rows, that the page filters by nowhere."""
    own = [field.name for field in model._meta.concrete_fields]
    related = [
        f"{field.name}__{other.name}"
        for field in model._meta.concrete_fields
        if field.remote_field
        for other in field.remote_field.model._meta.concrete_fields
    ]
    offered = {_parameter(spec) for spec in page.list_filter}
    return [
        name
        for name in (*own, *related)
        if name not in offered
        and name.removesuffix("__id") not in offered
        and name != page.date_hierarchy
    ]


def _parameter(spec: Any) -> str:
    if isinstance(spec, type):
        return spec.parameter_name
    return spec if isinstance(spec, str) else spec[0]


def shown(response: Any) -> int | None:
    """Return how many rows a list shows; None for an answer that is no list."""
    if response.status_code != 200:
        return None
    return len(response.context["cl"].result_list)


@every_page
def test_no_hidden_column_can_be_asked_about(owner, rf, model):
    page = PAGES[model]
    request = rf.get("/")
    request.user = owner.user
    names = hidden_columns(model, page)
    asked = [*names, *(f"{name}__{suffix}" for name in names for suffix in SUFFIXES)]

    wrong = [
        lookup
        for lookup in asked
        if lookup not in page.extra_lookups
        and page.lookup_allowed(lookup, "zzzz", request)
    ]

    assert names
    assert wrong == []


@every_page
def test_such_a_question_is_refused_and_not_answered(owner, model):
    make_row(model)
    path = url(model, "changelist")
    names = hidden_columns(model, PAGES[model])

    for name in (names[-1], next(n for n in names if n not in ("id", "pk"))):
        # What matches nothing: an oracle would answer with an empty list.
        response = owner.get(path, {f"{name}__startswith": "zzzz"})
        assert response.status_code == 400, name


@every_page
def test_what_can_be_ordered_by_is_what_is_shown(owner, model):
    """Numbers name columns of the list; everything else orders by nothing."""
    make_row(model)
    path = url(model, "changelist")
    for order in ("99", "-99.0", "password", "1.99.x", "--1", "\u0663"):
        response = owner.get(path, {"o": order})
        assert response.status_code in {200, 302, 400}, order


@pytest.mark.parametrize(
    "query",
    [
        "_to_field=email",
        "_to_field=key_hash",
        "_to_field=nothing",
        "_to_field=email&_popup=1",
        "hidden__x__y=1",
        "business__apikey__key_hash__startswith=a",
        "notes__content__contains=a",
        "pk__in=a,b",
        "id__regex=.",
    ],
)
def test_a_forged_question_is_refused(owner, query):
    CustomerFactory()

    response = owner.get(f"/admin/customers/customer/?{query}")

    assert response.status_code == 400


@pytest.mark.parametrize("query", ["e=1", "_popup=1", "p=99999", "p=x", "all=1"])
def test_other_words_of_the_list_change_nothing(owner, query):
    CustomerFactory()
    path = "/admin/customers/customer/"

    response = owner.get(f"{path}?{query}", follow=True)

    assert response.status_code == 200
    assert shown(response) in {0, 1} if query.startswith("p=") else shown(response)


@pytest.mark.parametrize(
    "forged",
    [
        {"app_label": "audit", "model_name": "user", "field_name": "password"},
        {"app_label": "capture", "model_name": "apikey", "field_name": "key_hash"},
        {"app_label": "customers", "model_name": "note", "field_name": "content"},
        {"app_label": "customers", "model_name": "nothing", "field_name": "x"},
        {"app_label": "x", "model_name": "y", "field_name": "z"},
        {"app_label": "customers", "model_name": "note", "field_name": "nothing"},
        {"app_label": "", "model_name": "", "field_name": ""},
        {},
    ],
)
def test_a_forged_choice_finds_nothing(owner, forged):
    CustomerFactory(name="Ana")

    response = owner.post("/admin/autocomplete/", {"term": "a", **forged})

    assert response.status_code in {403, 404}
    assert "Ana" not in response.content.decode()


def test_a_choice_is_not_for_those_who_may_not_look(db):
    CustomerFactory(name="Ana")
    asked = {"app_label": "customers", "model_name": "note", "field_name": "customer"}

    stranger = signed_in(UserFactory()).post("/admin/autocomplete/", asked)
    nobody = Client().post("/admin/autocomplete/", asked)

    assert stranger.status_code == 403
    assert nobody.status_code == 302


def test_every_page_has_the_allow_list():
    for page in admin.site._registry.values():
        assert isinstance(page, ScopedAdmin), page
        assert type(page).lookup_allowed is ScopedAdmin.lookup_allowed
