"""The search of every list is sent by POST, and its term is in no address or title."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.widgets import AutocompleteMixin
from django.db.models import ForeignKey
from django.test import Client

from audit.tenancy.actors import OperationContext
from tests.audit.admin.test_search_terms import attributes_with
from tests.conftest import search
from tests.contract.test_admin import PAGES, url
from tests.factories.rows import make_row

TERM = "zq7-person@example.org"
SEARCHED = sorted(
    (model for model, page in PAGES.items() if page.search_fields),
    key=lambda model: model._meta.label,
)
every_searched_page = pytest.mark.parametrize(
    "model", SEARCHED, ids=lambda model: model._meta.label
)


def test_nearly_every_list_can_be_searched():
    assert len(SEARCHED) > 25


@every_searched_page
def test_a_list_is_searched_by_post(owner, model):
    make_row(model)
    path = url(model, "changelist")

    response = owner.post(path, {"q": TERM})

    assert re.fullmatch(rf"{path}\?s=[\w-]{{4,8}}", response["Location"])
    page = owner.get(response["Location"])
    assert page.context["cl"].query == TERM
    assert '<form id="changelist-search" method="post"' in page.text
    # It stands in the field and beside the filters: in no link, title or message.
    assert attributes_with("zq7", page) == ["value"]
    assert "zq7" not in page.text.partition("<title>")[2].partition("</title>")[0]
    assert list(page.context["messages"]) == []


@every_searched_page
def test_a_search_needs_the_token_of_its_form(owner, model):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies

    assert strict.post(url(model, "changelist"), {"q": TERM}).status_code == 403


@every_searched_page
def test_another_business_finds_nothing(charlie, model):
    make_row(model)
    path = url(model, "changelist")
    page = charlie.get(path)
    if page.status_code == 403:
        assert charlie.post(path, {"q": TERM}).status_code == 403
        return

    everything = {one.pk for one in page.context["cl"].result_list}
    matching = {one.pk for one in search(charlie, path, "a").context["cl"].result_list}

    assert matching <= everything


def test_every_choice_of_a_row_is_searched_by_post(owner, rf):
    request = rf.get("/")
    request.user = owner.user
    request.operation = OperationContext(via="admin", route="/")
    widgets = [
        page.formfield_for_dbfield(field, request).widget
        for model, page in PAGES.items()
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey)
        and field.name in page.get_autocomplete_fields(request)
    ]

    boxes = [getattr(widget, "widget", widget) for widget in widgets]

    assert len(boxes) > 10
    for box in boxes:
        assert isinstance(box, AutocompleteMixin)
        assert box.build_attrs({})["data-ajax--type"] == "POST"
        assert "hub/js/choices.js" in str(box.media)


def test_no_choice_is_asked_for_in_an_address(owner):
    answer = owner.get("/admin/autocomplete/", {"term": TERM})

    assert answer.status_code == 405
