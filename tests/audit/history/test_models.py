"""Each way of Django's ORM to change a tracked row writes history or refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError, NotSupportedError, connection, models
from django.db.transaction import TransactionManagementError, atomic
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.history.models import TrackedModel, tracked_models
from audit.models import Operation
from audit.tenancy.actors import Actor
from customers.models import Customer, Note
from tests.conftest import actor_of
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    NoteFactory,
    UserFactory,
)
from tests.factories.rows import make_row

TRACKED = sorted(tracked_models(), key=lambda model: model._meta.label)
every_model = pytest.mark.parametrize("model", TRACKED, ids=lambda m: m._meta.label)


def _bare_customer() -> Customer:
    customer = Customer(
        business=BusinessFactory(), name="Without preferences", joined_at=timezone.now()
    )
    Customer.objects.as_actor(Actor.system("test")).bulk_create([customer])
    return customer


def _for_bare_customer() -> dict[str, Any]:
    customer = _bare_customer()
    return {"customer": customer, "business": customer.business}


# What a second row of a model must not share with the first.
UNIQUE: dict[str, Callable[[], dict[str, Any]]] = {
    "customers.Booking": lambda: {"reference": "B-OTHER"},
    "customers.Business": lambda: {"slug": "other"},
    "customers.Customer": lambda: {"unique_id": "C-OTHER"},
    "customers.Flag": lambda: {"code": "other"},
    "customers.Membership": lambda: {"user": UserFactory()},
    "customers.Preferences": _for_bare_customer,
    "customers.Ticket": lambda: {"number": 999},
    "capture.Source": lambda: {"slug": "other"},
    "capture.IdentityReview": lambda: {"user_ref": "other"},
    "capture.ApiKey": lambda: {"prefix": "pk_other", "key_hash": "0" * 64},
}


def values_of_another(model: type[TrackedModel]) -> dict[str, Any]:
    """Return the columns of a row that could stand beside the one of `make_row`."""
    row = make_row(model)
    skipped = {"id", "rev", "created_at", "updated_at"}
    values = {
        f.attname: getattr(row, f.attname)
        for f in model._meta.fields
        if f.name not in skipped
    }
    more = UNIQUE.get(model._meta.label, dict)()
    for name, value in more.items():
        values[model._meta.get_field(name).attname] = getattr(value, "pk", value)
    return values


def stored(model: type[models.Model]) -> list[dict[str, Any]]:
    return list(model._base_manager.order_by("pk").values())


def assert_history_tells(
    row: TrackedModel, kind: str, actor: Actor, reason: str
) -> None:
    """Assert that the newest history row is the stored row, and says who and why."""
    log = type(row).history.model
    newest = log._base_manager.filter(id=row.pk).order_by("-history_id").first()
    live = type(row)._base_manager.filter(pk=row.pk).values().get()
    assert {name: getattr(newest, name) for name in live} == live
    assert (newest.history_type, newest.history_change_reason) == (kind, reason)
    assert newest.operation_id == actor.operation.id
    assert Operation.objects.filter(pk=newest.operation_id).exists()
    assert newest.salt is not None


def history_count(model: type[TrackedModel]) -> int:
    return model.history.model._base_manager.count()


# --- ways that write history ----------------------------------------------------


def _save(model: Any, row: Any, by: Any) -> Any:
    row = model._base_manager.get(pk=row.pk)
    row._authorship = by._authorship
    row.save()
    return row


def _save_update_fields(model: Any, row: Any, by: Any) -> Any:
    row = model._base_manager.get(pk=row.pk)
    row._authorship = by._authorship
    row.save(update_fields=["created_at"])
    return row


def _update(model: Any, row: Any, by: Any) -> Any:
    assert by.filter(pk=row.pk).update(created_at=timezone.now()) == 1
    return row


def _bulk_update(model: Any, row: Any, by: Any) -> Any:
    row.created_at = timezone.now()
    by.bulk_update([row], ["created_at"])
    return row


def _update_or_create(model: Any, row: Any, by: Any) -> Any:
    row, created = by.update_or_create(
        pk=row.pk, defaults={"created_at": timezone.now()}
    )
    assert not created
    return row


def _loaded_through_by(model: Any, row: Any, by: Any) -> Any:
    row = by.get(pk=row.pk)
    row.save()
    return row


CHANGES = [
    _save,
    _save_update_fields,
    _update,
    _bulk_update,
    _update_or_create,
    _loaded_through_by,
]


@every_model
@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__.strip("_"))
def test_each_way_to_change_writes_one_row(db, actor, model, change):
    row = make_row(model)
    before = history_count(model)

    row = change(model, row, model.objects.as_actor(actor, reason="because"))

    assert history_count(model) == before + 1
    assert_history_tells(row, "~", actor, "because")


def _create(model: Any, values: Any, by: Any) -> Any:
    return by.create(**values)


def _save_new(model: Any, values: Any, by: Any) -> Any:
    row = model(**values)
    row._authorship = by._authorship
    row.save()
    return row


def _bulk_create(model: Any, values: Any, by: Any) -> Any:
    return by.bulk_create([model(**values)])[0]


def _get_or_create(model: Any, values: Any, by: Any) -> Any:
    row, created = by.get_or_create(pk=model._meta.pk.get_default(), defaults=values)
    assert created
    return row


def _update_or_create_new(model: Any, values: Any, by: Any) -> Any:
    row, created = by.update_or_create(pk=model._meta.pk.get_default(), defaults=values)
    assert created
    return row


CREATIONS = [_create, _save_new, _bulk_create, _get_or_create, _update_or_create_new]


@every_model
@pytest.mark.parametrize("create", CREATIONS, ids=lambda f: f.__name__.strip("_"))
def test_each_way_to_create_writes_one_row(db, actor, model, create):
    values = values_of_another(model)
    before = history_count(model)

    row = create(model, values, model.objects.as_actor(actor, reason="because"))

    assert history_count(model) == before + 1
    assert_history_tells(row, "+", actor, "because")


# --- ways that refuse -----------------------------------------------------------


def _deserialized(model: Any, row: Any, by: Any) -> None:
    text = serializers.serialize("json", [row])
    for loaded in serializers.deserialize("json", text):
        loaded.save()


REFUSED: dict[str, Callable[[Any, Any, Any], Any]] = {
    "instance delete": lambda model, row, by: row.delete(),
    "queryset delete": lambda model, row, by: by.filter(pk=row.pk).delete(),
    "base manager delete": lambda m, row, by: m._base_manager.all().delete(),
    "raw delete": lambda model, row, by: by._raw_delete("default"),
    "collector": lambda model, row, by: _collect(row),
    "save without history": lambda m, row, by: row.save_without_historical_record(),
    "save_base": lambda model, row, by: row.save_base(),
    "raw save_base": lambda model, row, by: row.save_base(raw=True),
    "loaddata": _deserialized,
    "ignore conflicts": lambda m, row, by: by.bulk_create([row], ignore_conflicts=True),
    "update conflicts": lambda m, row, by: by.bulk_create(
        [row], update_conflicts=True, unique_fields=["id"], update_fields=["created_at"]
    ),
    "save by nobody": lambda m, row, by: m._base_manager.get(pk=row.pk).save(),
    "update by nobody": lambda m, row, by: m.objects.update(created_at=timezone.now()),
    "base manager update": lambda m, row, by: m._base_manager.all().update(
        created_at=timezone.now()
    ),
    "default manager update": lambda m, row, by: m._default_manager.update(
        created_at=timezone.now()
    ),
    "bulk create by nobody": lambda m, row, by: m.objects.bulk_create([row]),
    "bulk update by nobody": lambda m, row, by: m.objects.bulk_update(
        [row], ["created_at"]
    ),
}


def _collect(row: models.Model) -> None:
    collector = models.deletion.Collector("default", origin=row)
    collector.add([row])
    collector.delete()


def _back_dated(model: Any, row: Any, by: Any) -> None:
    row = by.get(pk=row.pk)
    row._history_date = timezone.now()
    row.save()


REFUSED["back-dated"] = _back_dated


@every_model
@pytest.mark.parametrize("way", REFUSED)
def test_each_other_way_refuses_and_changes_nothing(db, actor, model, way):
    row = make_row(model)
    before, history = stored(model), stored(model.history.model)

    with pytest.raises(NotSupportedError, match="without history"), atomic():
        REFUSED[way](model, row, model.objects.as_actor(actor))

    assert stored(model) == before
    assert stored(model.history.model) == history


def test_related_managers_are_no_way_round(db):
    note, other = NoteFactory(), CustomerFactory()
    before = stored(Note)

    for change in (
        lambda: note.customer.notes.update(content="x"),
        lambda: other.notes.add(note),
        lambda: other.notes.set([note]),
        lambda: note.customer.notes.all().delete(),
        lambda: note.customer.notes.create(business=note.business, content="y"),
    ):
        with pytest.raises(NotSupportedError, match="without history"), atomic():
            change()

    assert stored(Note) == before


@every_model
def test_no_foreign_key_changes_rows_by_itself(model):
    for field in model._meta.fields:
        if field.remote_field:
            assert field.remote_field.on_delete is models.PROTECT, field
    assert not model._meta.many_to_many


def test_the_librarys_commands_cannot_touch_history(db):
    customer = CustomerFactory()
    before = stored(Customer.history.model)

    with pytest.raises(IntegrityError, match="HF001 DELETE"), atomic():
        call_command("clean_old_history", days=-1, auto=True, verbosity=0)
    customer.as_actor(Actor.system("again")).save()
    with pytest.raises(IntegrityError, match="HF001 DELETE"), atomic():
        call_command(
            "clean_duplicate_history",
            auto=True,
            verbosity=0,
            excluded_fields=["rev", "updated_at"],
        )
    call_command("populate_history", auto=True, verbosity=0)

    assert stored(Customer.history.model)[: len(before)] == before
    assert history_count(Customer) == 2


@pytest.mark.django_db(transaction=True)
def test_locked_rows_are_updated_in_their_transaction_alone(actor):
    """Outside of one nothing is locked, and rows and history could part."""
    customer = CustomerFactory(source="fair")

    with pytest.raises(TransactionManagementError, match=r"use transaction\.atomic"):
        Customer.objects.as_actor(actor).update_locked([customer.pk], source="web")

    customer.refresh_from_db()
    assert customer.source == "fair"


# --- what history says ----------------------------------------------------------


def test_a_stale_instance_does_not_write_what_it_believes(db, actor):
    customer = CustomerFactory(name="Ana", source="fair")
    stale = Customer.objects.get(pk=customer.pk)
    Customer.objects.as_actor(actor).update(source="web")

    stale.status = "inactive"
    stale.as_actor(actor).save(update_fields=["status"])

    newest = customer.history.order_by("-history_id").first()
    assert (newest.source, newest.status) == ("web", "inactive")


def test_an_update_takes_what_is_stored_out_of_its_own_statement(db, actor):
    customer = CustomerFactory(name="Ana")
    row = Customer.objects.select_related("business").get(pk=customer.pk)
    row.location = ""

    with CaptureQueriesContext(connection) as queries:
        row.as_actor(actor).save()

    asked = [query["sql"] for query in queries.captured_queries]
    assert not any(sql.startswith("SELECT") for sql in asked), asked
    # As it is stored, the empty text and the counted revision included.
    assert (row.location, row.rev, row.business) == (None, 2, customer.business)
    assert row.history.order_by("-history_id").first().rev == 2


def test_a_row_that_is_gone_is_inserted_with_its_history(db, actor):
    customer = CustomerFactory()
    note = Note(business=customer.business, customer=customer, content="Likes rye.")
    note._state.adding = False

    note.as_actor(actor).save()

    assert Note.objects.get(pk=note.pk).content == "Likes rye."
    assert note.history.count() == 1


def test_the_revision_counts_every_change(db, actor):
    customer = CustomerFactory()
    customer.as_actor(actor).save()
    Customer.objects.as_actor(actor).update(source="web")
    customer.refresh_from_db()
    customer.as_actor(actor).save(update_fields=["source"])

    assert customer.rev == 4
    assert list(
        customer.history.order_by("history_id").values_list("rev", flat=True)
    ) == [
        1,
        2,
        3,
        4,
    ]


def test_derived_columns_follow_on_every_path(db, actor):
    bakery = BusinessFactory(country="NO")
    (ana,) = Customer.objects.as_actor(actor).bulk_create(
        [
            Customer(
                business=bakery,
                name="Ana",
                email="ANA@example.org",
                phone="22 00 00 00",
                joined_at=timezone.now(),
            )
        ]
    )
    assert (ana.email_key, ana.phone_e164) == ("ana@example.org", "+4722000000")

    ana.email = "Bea@example.org"
    Customer.objects.as_actor(actor).bulk_update([ana], ["email"])
    ana.refresh_from_db()
    assert ana.email_key == "bea@example.org"

    ana.email = "Cia@example.org"
    ana.as_actor(actor).save(update_fields=["email"])
    ana.refresh_from_db()
    assert ana.email_key == "cia@example.org"

    with pytest.raises(NotSupportedError, match="part email and email_key"):
        Customer.objects.as_actor(actor).update(email="dea@example.org")
    with pytest.raises(NotSupportedError, match="part email and email_key"):
        Customer.objects.as_actor(actor).update(email_key="dea@example.org")


def test_a_failed_history_row_takes_the_change_with_it(db, actor, monkeypatch):
    customer = CustomerFactory(name="Ana")
    monkeypatch.setattr("audit.fields.secrets.token_bytes", _broken)

    customer.name = "Bea"
    with pytest.raises(RuntimeError, match="no entropy"):
        customer.as_actor(actor).save()

    customer.refresh_from_db()
    assert customer.name == "Ana"


def _broken(*_: Any, **__: Any) -> None:
    msg = "no entropy"
    raise RuntimeError(msg)


def test_many_rows_take_few_statements(db, actor, django_assert_max_num_queries):
    bakery = BusinessFactory()
    people = [
        Customer(business=bakery, name=f"n{n}", joined_at=timezone.now())
        for n in range(100)
    ]
    Customer.objects.as_actor(actor).bulk_create(people)

    # Ten statements, whatever the rows need in batches of SQLite's variables.
    limit = 10 if connection.vendor == "postgresql" else 16
    with django_assert_max_num_queries(limit):
        Customer.objects.as_actor(actor).update(source="fair")

    assert history_count(Customer) == 200


def test_the_acting_person_is_named_without_a_foreign_key(db, alice):
    customer = CustomerFactory()
    customer.as_actor(actor_of(alice.user), reason="asked").save()

    newest = customer.history.order_by("-history_id").first()
    assert newest.history_user_id == alice.user.pk
    names = {f.name for f in newest._meta.fields if f.is_relation}
    assert "history_user" not in names
    assert json.dumps(newest.history_change_reason) == '"asked"'


def test_every_mutable_table_of_the_hub_is_tracked():
    """Only projections, uploads, how somebody likes a list, and what never changes."""
    untracked = {
        model._meta.label
        for app in ("customers", "capture")
        for model in apps.get_app_config(app).get_models()
        if not issubclass(model, TrackedModel)
        and not hasattr(model, "instance_type")
        and not hasattr(model, "guard")
    }

    assert untracked == {
        "customers.CustomerIndex",
        "customers.CustomerStats",
        "customers.ImportContent",
        "customers.ImportFile",
        "customers.ListLayout",
        "customers.SavedView",
        "capture.CaptureLink",
        "capture.CapturedValue",
        "capture.DashboardSnapshot",
        "capture.Identifier",
        "capture.Login",
        "capture.Payment",
        "capture.PaymentReference",
        "capture.Questionnaire",
        "capture.RefusalCount",
        "capture.Signup",
    }
