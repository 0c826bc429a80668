"""A form that is refused comes back filled in, whatever rows stand below its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.forms import BooleanField, SplitDateTimeField
from django.urls import reverse
from factory.django import DjangoModelFactory

import tests.factories
from audit.admin.base import GuardedAdmin, ScopedAdmin
from audit.admin.conflicts import RevisedAdmin
from customers.models import Booking
from tests.conftest import form_data, post_confirmed
from tests.factories import RefundFactory
from tests.factories.rows import make_row

FACTORIES = {
    factory._meta.model: factory
    for factory in vars(tests.factories).values()
    if isinstance(factory, type) and issubclass(factory, DjangoModelFactory)
}
EDITED = {
    model: page
    for model, page in admin.site._registry.items()
    if isinstance(page, ScopedAdmin) and not isinstance(page, GuardedAdmin)
}
# An answer to a question that was not asked, in each kind of field.
WRONG = "\0 not this"


def row_with_children(model: type[models.Model]) -> models.Model:
    """Return a row that has one in each list of its page."""
    if model is Booking:
        refund: Any = RefundFactory()
        return refund.booking
    row = make_row(model)
    for inline in EDITED[model].inlines:
        keys = [f.name for f in inline.model._meta.fields if f.related_model is model]
        FACTORIES[inline.model](**{keys[0]: row})
    return row


def forms_of(page: Any) -> list[Any]:
    """Return the form of a page, and those of the rows below it."""
    below = page.context["inline_admin_formsets"]
    # Rows that are only shown are no inputs.
    rows = [
        form
        for inline in below
        if inline.has_change_permission
        for form in inline.formset.initial_forms
    ]
    return [page.context["adminform"].form, *rows]


def fields_of(page: Any) -> list[Any]:
    return [field for form in forms_of(page) for field in form]


def editable(form: Any) -> list[str]:
    """Return the names of the inputs of a form that a person can change."""
    hidden = {field.html_name for field in form.hidden_fields()}
    return [
        field.html_name
        for field in form
        if field.html_name not in hidden
        and not field.field.disabled
        # A box that is ticked takes anything for a yes.
        and not isinstance(field.field, BooleanField | SplitDateTimeField)
    ]


@pytest.mark.parametrize("model", sorted(EDITED, key=str), ids=lambda m: m._meta.label)
def test_a_refused_form_comes_back_filled_in(owner, model):
    row = row_with_children(model)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    path = reverse(name, args=[row.pk])
    page = owner.get(path)
    assert page.status_code == 200
    if not page.context["has_change_permission"]:
        pytest.skip("Nobody changes these rows.")
    data = form_data(owner, path)
    refused = 0
    for form in forms_of(page):
        for name in editable(form)[:2]:
            response = post_confirmed(owner, path, {**data, name: WRONG})

            refused += 1
            assert response.status_code == 200, name
            assert response.context["errors"], name
            typed = {field.html_name: field.value() for field in fields_of(response)}
            assert typed[name] in (WRONG, [WRONG])
    assert refused


@pytest.mark.parametrize("model", sorted(EDITED, key=str), ids=lambda m: m._meta.label)
def test_a_refused_new_row_comes_back_filled_in(owner, model):
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    page = owner.get(path)
    if page.status_code == 403:
        pytest.skip("Nobody adds such rows.")
    data = form_data(owner, path)
    for name in editable(page.context["adminform"].form)[:3]:
        response = post_confirmed(owner, path, {**data, name: WRONG})

        assert response.status_code == 200, name
        assert response.context["errors"], name
        typed = {field.html_name: field.value() for field in fields_of(response)}
        assert typed[name] in (WRONG, [WRONG])


def test_every_table_that_counts_its_revisions_has_the_choice():
    counting = {m for m in EDITED if any(f.name == "rev" for f in m._meta.fields)}
    guarded = {m for m, page in EDITED.items() if isinstance(page, RevisedAdmin)}

    assert guarded == counting
    assert guarded
