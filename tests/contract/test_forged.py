"""Forged posts, ids, keys and look-ups: no trace, and one entry of the attempt each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.urls import reverse

from audit.models import Event, Operation, Outcome, RateLimitBucket, RefusalWindow
from customers.models import Contact, Customer, ImportContent, ImportFile
from tests.conftest import form_data, signed_in, staff
from tests.factories import (
    CaptureFactory,
    ContactFactory,
    CustomerFactory,
    NoteFactory,
    SourceFactory,
)

PERSON = "customers_customer"


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:{name}", args=args)


# Written by what is refused, too.
NOT_LOOKED_AT = (
    RateLimitBucket,
    Event,
    ImportContent,
    ImportFile,
    Operation,
    RefusalWindow,
)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row of ours but the trail, rate buckets, and one's own uploads."""
    found: dict[str, list[dict[str, Any]]] = {}
    for app in ("audit", "customers", "capture"):
        for model in apps.get_app_config(app).get_models():
            if model not in NOT_LOOKED_AT:
                rows: models.QuerySet[Any] = model._base_manager.order_by("pk")
                found[model._meta.label] = list(rows.values())
    return found


@pytest.fixture
def refused(db) -> Callable[..., Event]:
    """Do something that must leave nothing but one entry, and return the entry."""

    def check(call: Callable[[], Any], *statuses: int) -> Event:
        before = everything()
        known = set(Event.objects.values_list("pk", flat=True))
        response = call()
        assert response.status_code in statuses, response.status_code
        assert everything() == before
        [entry] = Event.objects.exclude(pk__in=known).filter(outcome=Outcome.REFUSED)
        assert entry.action == "access.denied"
        assert entry.actor_id is not None
        return entry

    return check


@pytest.fixture
def ana(bakery) -> Customer:
    return CustomerFactory(business=bakery, name="Ana", email="ana@example.org")


@pytest.fixture
def theirs(rival) -> Customer:
    return CustomerFactory(business=rival, name="Ruth", email="ruth@example.org")


def test_changing_a_foreign_row(alice, theirs, refused):
    page = url(f"{PERSON}_change", theirs.pk)

    entry = refused(lambda: alice.post(page, {"name": "Mine"}), 404)

    assert (entry.code, entry.object_id) == ("not_found", str(theirs.pk))


def test_a_foreign_row_and_a_missing_one_look_the_same(alice, theirs, refused):
    foreign = alice.get(url(f"{PERSON}_change", theirs.pk))
    missing = alice.get(url(f"{PERSON}_change", uuid4()))

    assert foreign.status_code == missing.status_code == 404
    ids = [response["X-Request-Id"] for response in (foreign, missing)]
    bodies = [
        r.text.replace(i, "") for r, i in zip((foreign, missing), ids, strict=True)
    ]
    assert bodies[0] == bodies[1]
    assert Event.objects.filter(outcome=Outcome.REFUSED).count() == 2


def test_adding_and_changing_without_the_right(bob, ana, refused):
    refused(lambda: bob.post(url(f"{PERSON}_add"), {"name": "New"}), 403)
    refused(lambda: bob.post(url(f"{PERSON}_change", ana.pk), {"name": "X"}), 403)


def test_deleting(alice, ana, refused):
    refused(lambda: alice.post(url(f"{PERSON}_delete", ana.pk), {"post": "yes"}), 403)


def test_an_inline_row_of_another_business(alice, ana, theirs, refused):
    foreign = ContactFactory(customer=theirs, business=theirs.business, name="Rut")
    page = url(f"{PERSON}_change", ana.pk)
    own = ContactFactory(customer=ana, business=ana.business, name="Own")
    form = form_data(alice, page)
    stem = next(k for k, v in form.items() if v == str(own.pk)).removesuffix("-id")
    form |= {f"{stem}-id": str(foreign.pk), f"{stem}-name": "Stolen"}

    refused(lambda: alice.post(page, form), 200)
    assert Contact.objects.get(pk=foreign.pk).name == "Rut"


def test_a_foreign_key_of_another_business(alice, theirs, refused):
    form = {"customer": str(theirs.pk), "note_type": "general", "content": "Hello"}

    entry = refused(lambda: alice.post(url("customers_note_add"), form), 200)

    assert entry.code == "invalid_choice"


@pytest.mark.parametrize("chosen", ["foreign", "missing", "rubbish"])
def test_an_action_on_rows_out_of_reach(alice, ana, theirs, refused, chosen):
    pk = {"foreign": theirs.pk, "missing": uuid4(), "rubbish": "' or 1=1"}[chosen]
    form = {
        "action": "archive",
        "_selected_action": [str(ana.pk), str(pk)],
        "reason": "because",
    }

    entry = refused(lambda: alice.post(url(f"{PERSON}_changelist"), form), 302)

    assert entry.code == "not_found"


def test_an_action_that_is_not_offered(alice, bob, ana, refused):
    form = {"_selected_action": [str(ana.pk)], "post": "yes"}
    page = url(f"{PERSON}_changelist")

    for client, action in ((alice, "delete_selected"), (bob, "archive")):
        data = {**form, "action": action, "reason": "because"}
        entry = refused(lambda c=client, d=data: c.post(page, d), 200, 302)
        assert entry.code == "unknown_action"


def test_going_back_to_an_old_version(alice, ana, refused):
    version = ana.history.first()
    page = url(f"{PERSON}_simple_history", ana.pk, version.history_id)

    entry = refused(lambda: alice.post(page, {"name": "Old"}), 405)

    assert entry.code == "history_is_read_only"


def test_history_without_the_right(bakery, ana, refused):
    marketing = signed_in(staff(bakery, "marketing"))

    refused(lambda: marketing.get(url(f"{PERSON}_history", ana.pk)), 403)


def test_confirming_an_import_without_the_right(bob, refused):
    page = url(f"{PERSON}_import_file", uuid4())

    refused(lambda: bob.post(page, {}), 403)


def test_confirming_a_file_that_is_not_ones_own(alice, refused):
    page = url(f"{PERSON}_import_file", uuid4())

    entry = refused(lambda: alice.post(page, {}), 302)

    assert entry.code == "not_found"


def test_importing_over_a_foreign_row(alice, theirs, refused):
    text = f"reference,name\n{theirs.unique_id},Stolen\n"
    file = SimpleUploadedFile("people.csv", text.encode(), content_type="text/csv")
    form = {"import_file": file}

    entry = refused(lambda: alice.post(url(f"{PERSON}_import"), form), 302)

    assert entry.code == "not_found"


@pytest.mark.parametrize(
    "query",
    [
        "email_key__startswith=a",
        "phone_e164__regex=.",
        "notes__content__icontains=secret",
        "business__membership__user__password__startswith=argon2",
    ],
)
def test_asking_for_a_hidden_column_in_the_address(alice, ana, refused, query):
    page = f"{url(f'{PERSON}_changelist')}?{query}"

    refused(lambda: alice.get(page), 400, 302)


def test_an_act_without_the_right(bob, bakery, refused):
    source = SourceFactory(business=bakery)
    capture = CaptureFactory(source=source, body={"email": "a@b.org"})

    refused(lambda: bob.post(url("capture_capture_correct", capture.pk), {}), 403)


def test_a_stale_form(alice, ana, refused):
    page = url(f"{PERSON}_change", ana.pk)
    first, second = form_data(alice, page), form_data(alice, page)
    alice.post(page, {**first, "name": "First"})

    entry = refused(lambda: alice.post(page, {**second, "name": "Second"}), 200)

    assert entry.code == "stale_version"


def test_several_notes_of_one_request_are_one_entry(alice, ana, theirs, refused):
    NoteFactory(customer=theirs, business=theirs.business)
    form = {
        "action": "erase_everything",
        "_selected_action": [str(theirs.pk)],
    }

    refused(lambda: alice.post(url(f"{PERSON}_changelist"), form), 302)
