"""What must hold for every page of the admin."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.urls import reverse

from audit.admin.base import GuardedAdmin, ScopedAdmin
from audit.admin.tracked import TrackedAdmin
from audit.history.models import TrackedModel, tracked_models
from audit.models import Event, Grant, Operation, PinCredential, User
from audit.tenancy.actors import Actor
from customers.models import Customer
from tests.conftest import search
from tests.contract.copies import make_copies
from tests.factories import CustomerFactory, UserFactory
from tests.factories.rows import make_row

# Counters, stored answers and uploads with a time to live: nothing for others to look
# at. What somebody signs in with stands on the page of the own account, and how
# somebody likes a list has pages below that list.
BOOKKEEPING = {
    "audit.AttemptCounter",
    "audit.Authenticator",
    "audit.Ceremony",
    "audit.Heartbeat",
    "audit.IdempotentResponse",
    "audit.JobBatch",
    "audit.KeptCatalogue",
    "audit.Passkey",
    "audit.RateLimitBucket",
    "audit.RecoveryCode",
    "audit.RefusalWindow",
    "audit.TokenFamily",
    "audit.UserPreferences",
    "customers.CustomerIndex",
    "customers.ImportContent",
    "customers.ImportFile",
    "customers.ListLayout",
    "customers.SavedView",
}
OURS = [
    model
    for app in ("audit", "customers", "capture")
    for model in apps.get_app_config(app).get_models()
    if not hasattr(model, "instance_type") and model._meta.label not in BOOKKEEPING
]
PAGES = {model: page for model, page in admin.site._registry.items() if model in OURS}
TRACKED = sorted(tracked_models(), key=lambda model: model._meta.label)
every_page = pytest.mark.parametrize(
    "model", sorted(PAGES, key=lambda m: m._meta.label), ids=lambda m: m._meta.label
)
every_tracked = pytest.mark.parametrize("model", TRACKED, ids=lambda m: m._meta.label)
# Rows that belong to no business, or to the platform.
PLATFORM = (User, Operation, Event, PinCredential, Grant)


def url(model: type[models.Model], view: str, *args: Any) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}"
    return reverse(name, args=args)


def test_every_model_has_a_page_on_our_base():
    assert set(PAGES) == set(OURS)
    for model, page in PAGES.items():
        assert isinstance(page, ScopedAdmin), model
        if issubclass(model, TrackedModel):
            assert isinstance(page, TrackedAdmin), model
        if hasattr(model, "guard"):
            assert isinstance(page, GuardedAdmin), model


def test_nobody_types_json(owner):
    request = owner.get("/admin/").wsgi_request
    typed = {
        (model._meta.model_name, name)
        for model, page in PAGES.items()
        if page.has_change_permission(request)
        for name, field in page.get_form(request).base_fields.items()
        if isinstance(field, forms.JSONField)
        and isinstance(field.widget, forms.Textarea)
    }

    assert not typed


def test_no_page_edits_in_lists_or_shows_raw_ids():
    for page in PAGES.values():
        assert not page.list_editable
        assert not page.raw_id_fields
        assert page.list_select_related is not True
        assert not page.show_full_result_count


@every_page
def test_the_owner_can_open_list_and_row(owner, model):
    row = make_row(model)

    assert owner.get(url(model, "changelist")).status_code == 200
    assert owner.get(url(model, "change", row.pk)).status_code == 200
    if PAGES[model].search_fields:
        page = search(owner, url(model, "changelist"), "nothing-like-it")
        assert (page.status_code, page.context["cl"].query) == (200, "nothing-like-it")


@every_page
def test_each_filter_of_the_list_works(owner, model):
    make_row(model)
    page = owner.get(url(model, "changelist"))
    changelist = page.context["cl"]

    links = [
        choice["query_string"]
        for spec in changelist.filter_specs
        for choice in spec.choices(changelist)
        if "query_string" in choice
    ]

    for link in links[:40]:
        assert owner.get(url(model, "changelist") + link).status_code == 200, link


@every_page
def test_people_without_rights_are_kept_out(client, db, model):
    row = make_row(model)
    client.force_login(UserFactory())

    assert client.get(url(model, "changelist")).status_code == 403
    assert client.get(url(model, "change", row.pk)).status_code in {403, 404}


@every_page
def test_anonymous_people_are_sent_to_the_door(client, db, model):
    response = client.get(url(model, "changelist"))

    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]


@pytest.mark.parametrize(
    "model",
    [m for m in sorted(PAGES, key=lambda m: m._meta.label) if m not in PLATFORM],
    ids=lambda m: m._meta.label,
)
def test_another_businesss_rows_do_not_exist(charlie, model):
    row = make_row(model)

    page = charlie.get(url(model, "changelist"))
    rows = list(page.context["cl"].result_list)
    # Charlie's own business and membership are his.
    assert row.pk not in {r.pk for r in rows}
    for view in ("change", "history"):
        assert charlie.get(url(model, view, row.pk)).status_code == 404
    # Kept rows refuse every change before they look for the row.
    refusal = 403 if isinstance(PAGES[model], GuardedAdmin) else 404
    assert charlie.post(url(model, "change", row.pk), {}).status_code == refusal


@every_page
def test_nothing_can_be_deleted(owner, model):
    row = make_row(model)

    response = owner.post(url(model, "delete", row.pk), {"post": "yes"})
    acted = owner.post(
        url(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )

    assert response.status_code == 403
    assert acted.status_code in {200, 302, 403}
    assert type(row)._base_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    "model",
    [m for m in PAGES if hasattr(m, "guard")],
    ids=lambda m: m._meta.label,
)
def test_kept_rows_cannot_be_changed_through_a_form(owner, model):
    row = make_row(model)
    before = model._base_manager.filter(pk=row.pk).values().get()

    response = owner.post(url(model, "change", row.pk), {"reason": "x", "action": "x"})

    assert response.status_code == 403
    assert model._base_manager.filter(pk=row.pk).values().get() == before


# --- history --------------------------------------------------------------------


@every_tracked
@pytest.mark.parametrize("who", ["owner", "alice", "bob"])
def test_no_version_can_be_written_back(request, db, who, model):
    """The library's form writes on POST with the mere right to look."""
    row = make_row(model)
    log = model.history.model
    version = log._base_manager.filter(id=row.pk).first()
    before = model._base_manager.filter(pk=row.pk).values().get()
    count = log._base_manager.count()
    client = request.getfixturevalue(who)
    changed = log._base_manager.count() - count  # what signing in itself has made

    path = url(model, "simple_history", row.pk, version.pk)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(path, {"name": "x"}).status_code == 405

    assert model._base_manager.filter(pk=row.pk).values().get() == before
    assert log._base_manager.count() == count + changed


@every_tracked
def test_history_can_be_read(owner, model):
    row = make_row(model)
    version = model.history.model._base_manager.filter(id=row.pk).first()

    page = owner.get(url(model, "history", row.pk))
    one = owner.get(url(model, "simple_history", row.pk, version.pk))

    assert page.status_code == one.status_code == 200
    assert "created by a command or a key" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    for secret in ("key_hash",):
        value = getattr(row, secret, None)
        assert value is None or value not in page.content.decode()


# --- queries do not grow --------------------------------------------------------


def grow(browser: Any, model: type[models.Model]) -> None:
    """Add many rows, and renew the session, which takes queries once a minute."""
    make_copies(model, 990)
    browser.get("/api/v1/me")


@every_page
def test_queries_of_the_list_do_not_grow(owner, model, assert_flat):
    make_row(model)
    make_copies(model, 9)

    assert_flat(
        call=partial(owner.get, url(model, "changelist")),
        grow=partial(grow, owner, model),
    )


@every_page
def test_queries_of_the_page_do_not_grow(owner, model, assert_flat):
    row = make_row(model)
    make_copies(model, 9)

    assert_flat(
        call=partial(owner.get, url(model, "change", row.pk)),
        grow=partial(grow, owner, model),
    )


def test_queries_of_a_history_do_not_grow(owner, assert_flat):
    customer = CustomerFactory()

    def change(times: int) -> None:
        for _ in range(times):
            customer.as_actor(Actor.system("test")).save()

    change(2)
    assert_flat(
        call=partial(owner.get, url(Customer, "history", customer.pk)),
        grow=partial(change, 150),
    )
