"""Raw SQL cannot change what is kept, on either engine."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations import AlterField, Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.models.signals import post_migrate, pre_migrate

from audit.checks import check_guards_installed
from audit.database.guards import differences, install_guards, require_guards
from audit.database.guards.declarations import guarded_tables, tenant_tables
from audit.log import record
from audit.models import Event, Operation
from customers.models import Credit, Note
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CreditFactory,
    CustomerFactory,
    NoteFactory,
)
from tests.factories.rows import make_row

GUARDED = {table.label: table for table in guarded_tables()}
EXPECTED = {
    "audit.event",
    "audit.operation",
    "capture.capture",
    "capture.quarantine",
    "capture.quarantinedecision",
    "capture.sighting",
    "customers.consentevent",
    "customers.bookingpayment",
    "customers.credit",
    *(
        f"{app}.historical{model}"
        for app, model in [
            *(
                ("customers", name)
                for name in (
                    "address",
                    "booking",
                    "business",
                    "contact",
                    "customer",
                    "flag",
                    "membership",
                    "note",
                    "preferences",
                    "refund",
                    "ticket",
                    "ticketmessage",
                )
            ),
            ("capture", "identityreview"),
            ("capture", "source"),
            ("capture", "apikey"),
            ("capture", "webhookendpoint"),
        ]
    ),
}
only_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="a way round that only SQLite has"
)
only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="a way round that only PostgreSQL has"
)


def execute(sql: str, params: list[object] | None = None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


def rows(table: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return cursor.fetchall()


def test_exactly_these_tables_are_guarded():
    assert set(GUARDED) == EXPECTED


@pytest.mark.parametrize("label", sorted(EXPECTED))
def test_no_column_of_a_kept_row_can_be_updated(db, label):
    make_row(apps.get_model(label))
    table = GUARDED[label].table
    before = rows(table)

    for field in apps.get_model(label)._meta.fields:
        with pytest.raises(IntegrityError, match=f"HF001 UPDATE on {label} refused"):
            execute(f"UPDATE {table} SET {field.column} = {field.column}")

    assert rows(table) == before


@pytest.mark.parametrize("label", sorted(EXPECTED))
def test_a_kept_row_cannot_be_deleted(db, label):
    make_row(apps.get_model(label))
    table = GUARDED[label].table
    before = rows(table)

    with pytest.raises(IntegrityError, match=f"HF001 DELETE on {label} refused"):
        execute(f"DELETE FROM {table}")

    assert rows(table) == before


@pytest.mark.parametrize("label", sorted(EXPECTED))
def test_a_row_without_salt_is_not_taken(db, label):
    make_row(apps.get_model(label))
    table, key = GUARDED[label].table, GUARDED[label].key
    columns = [f.column for f in apps.get_model(label)._meta.fields]
    fresh = {"salt": "NULL", key: "'01a1fd0040687e6b80e5182c44a05ff3'"}
    values = ", ".join(fresh.get(column, column) for column in columns)

    with pytest.raises(IntegrityError, match=f"HF002 INSERT on {label} refused"):
        execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}"
        )


@only_postgresql
@pytest.mark.parametrize("label", sorted(EXPECTED))
def test_a_kept_table_cannot_be_truncated(db, label):
    with pytest.raises(IntegrityError, match=f"HF001 TRUNCATE on {label} refused"):
        execute(f"TRUNCATE {GUARDED[label].table} CASCADE")


@only_sqlite
@pytest.mark.parametrize("label", sorted(EXPECTED))
@pytest.mark.parametrize("key", ["pk", "rowid"])
def test_insert_or_replace_does_not_remove_a_kept_row(db, label, key):
    make_row(apps.get_model(label))
    table = GUARDED[label]
    before = rows(table.table)
    columns = [f.column for f in apps.get_model(label)._meta.fields]
    names, values = list(columns), list(columns)
    if key == "rowid":
        names, values = ["rowid", *names], ["rowid", *values]
        values[1 + columns.index(table.key)] = "'01a1fd0040687e6b80e5182c44a05ff3'"
    statement = (
        f"INSERT OR REPLACE INTO {table.table} ({', '.join(names)}) "
        f"SELECT {', '.join(values)} FROM {table.table}"
    )

    if table.dedupe:
        # The repeat of a known key is skipped, so the row stays as it is.
        if key == "pk":
            execute(statement)
    else:
        with pytest.raises(IntegrityError, match=f"HF001 REPLACE on {label} refused"):
            execute(statement)

    assert rows(table.table) == before


@only_sqlite
def test_moving_another_row_onto_a_kept_one_is_refused(db):
    CreditFactory(), CreditFactory()
    before = rows("customers_credit")

    with pytest.raises(IntegrityError, match="HF001 UPDATE"):
        execute("UPDATE OR REPLACE customers_credit SET rowid = 1")

    assert rows("customers_credit") == before


def test_a_repeated_operation_is_skipped_and_the_first_one_stays(db, actor):
    record("test.first", actor=actor)
    actor.operation.route = "changed meanwhile"
    record("test.second", actor=actor)

    assert Operation.objects.get(pk=actor.operation.id).route == "test"
    assert Event.objects.filter(operation_id=actor.operation.id).count() == 2


@only_postgresql
def test_guards_stand_in_replica_mode(db):
    CreditFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'A'"
        )
        assert cursor.fetchall() == []


@only_postgresql
def test_a_temporary_table_does_not_fool_the_parent_guard(db, bakery, rival):
    stranger = CustomerFactory(business=rival)
    address = AddressFactory(customer__business=bakery)
    execute(
        "CREATE TEMP TABLE customers_customer AS "
        "SELECT id, %s::uuid AS business_id FROM public.customers_customer",
        [bakery.pk],
    )

    with pytest.raises(IntegrityError, match="HF003"):
        execute(
            "UPDATE customers_address SET customer_id = %s WHERE id = %s",
            [stranger.pk, address.pk],
        )


# --- children belong to the business of their parents --------------------------


def test_every_table_of_a_business_has_the_guard():
    declared = {table.label for table in tenant_tables()}
    having = {
        model._meta.label_lower
        for model in apps.get_models()
        if any(f.name == "business" for f in model._meta.fields)
        and not hasattr(model, "instance_type")
    }

    assert declared == having
    assert len(declared) >= 13


def test_a_child_of_another_businesss_customer_is_refused(db, actor, bakery, rival):
    stranger = CustomerFactory(business=rival)

    with pytest.raises(IntegrityError, match=r"HF003 business on customers\.note"):
        Note.objects.as_actor(actor).bulk_create(
            [Note(business=bakery, customer=stranger, content="x")]
        )

    assert not Note.objects.exists()


def test_a_child_cannot_be_moved_to_another_businesss_customer(
    db, actor, bakery, rival
):
    note = NoteFactory(customer__business=bakery)
    stranger = CustomerFactory(business=rival)

    with pytest.raises(IntegrityError, match=r"HF003 business on customers\.note"):
        Note.objects.as_actor(actor).filter(pk=note.pk).update(customer=stranger)


def test_each_parent_counts_not_only_the_customer(db, bakery, rival):
    foreign = BookingFactory(customer__business=rival)
    customer = CustomerFactory(business=bakery)

    with pytest.raises(IntegrityError, match=r"HF003 business on customers\.credit"):
        CreditFactory(customer=customer, booking=foreign)

    assert not Credit.objects.exists()


def test_a_row_never_changes_its_business(db, bakery, rival):
    customer = CustomerFactory(business=bakery)

    with pytest.raises(IntegrityError, match=r"HF003 business on customers\.customer"):
        execute(
            "UPDATE customers_customer SET business_id = (SELECT id FROM "
            "customers_business WHERE slug = 'rival')"
        )

    customer.refresh_from_db()
    assert customer.business == bakery


# --- installing, comparing, remaking -------------------------------------------


def test_the_migrated_database_has_exactly_the_declared_guards(db):
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_a_missing_guard_is_named_and_stops_the_server():
    drop = {
        "sqlite": "DROP TRIGGER holdfast_delete_audit_event",
        "postgresql": "DROP TRIGGER holdfast_guard ON audit_event",
    }
    execute(drop[connection.vendor])

    assert len(differences()) == 1
    assert "audit_event is missing" in differences()[0]
    with pytest.raises(ImproperlyConfigured, match=r"manage\.py migrate"):
        require_guards()
    assert [w.id for w in check_guards_installed(["default"])] == ["audit.W001"]

    install_guards()
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_an_altered_guard_is_named():
    alter = {
        "sqlite": [
            "DROP TRIGGER holdfast_delete_audit_event",
            "CREATE TRIGGER holdfast_delete_audit_event BEFORE DELETE ON audit_event "
            "WHEN 0 BEGIN SELECT 1; END",
        ],
        "postgresql": ["ALTER TABLE audit_event DISABLE TRIGGER holdfast_guard"],
    }
    for statement in alter[connection.vendor]:
        execute(statement)

    assert len(differences()) == 1
    assert "audit_event was altered" in differences()[0]

    install_guards()
    assert differences() == []


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_replaced_function_is_named():
    execute(
        "CREATE OR REPLACE FUNCTION holdfast_refuse() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN new; END'"
    )

    assert differences() == ["function holdfast_refuse is missing or was altered."]

    install_guards()
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_a_foreign_trigger_is_named_and_removed():
    execute("CREATE TABLE impostor (id integer)")
    body = {
        "sqlite": "BEGIN SELECT 1; END",
        "postgresql": "FOR EACH ROW EXECUTE FUNCTION holdfast_refuse()",
    }
    rest = body[connection.vendor]
    execute(f"CREATE TRIGGER stranger BEFORE INSERT ON audit_event {rest}")

    assert differences() == ["stranger on audit_event is not ours."]

    install_guards()
    execute("DROP TABLE impostor")
    assert differences() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["audit.Event", "customers.Customer"])
def test_guards_stand_after_a_migration_that_remakes_a_table(table):
    """`AlterField` copies the table on SQLite, which drops its triggers silently."""
    model = apps.get_model(table)
    column = {"audit.Event": "action", "customers.Customer": "source"}[table]
    field = model._meta.get_field(column)
    state = MigrationExecutor(connection).loader.project_state()
    wider = models.CharField(max_length=field.max_length + 1, default="x")
    make_row(model)
    config = apps.get_app_config("audit")

    for altered in (wider, field.clone()):
        operation = AlterField(model._meta.model_name, column, altered)
        migration = Migration("remake", model._meta.app_label)
        migration.operations = [operation]
        options = {"using": "default", "plan": [(migration, False)]}
        pre_migrate.send(config, app_config=config, **options)
        with connection.schema_editor(atomic=True) as editor:
            state = migration.apply(state, editor)
        post_migrate.send(config, app_config=config, **options)

    assert differences() == []
    event = Event.objects.first()
    with pytest.raises(IntegrityError, match="HF001 DELETE"):
        execute("DELETE FROM audit_event")
    assert Event.objects.first() == event
