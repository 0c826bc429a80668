"""Every table with a business keeps foreign rows to itself, filter or no filter."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.apps import apps
from django.db import (
    DatabaseError,
    IntegrityError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db import models as django_models
from psycopg.types.json import Jsonb

from audit.database.guards.database_roles import quoted
from audit.database.guards.declarations import (
    changeable_columns,
    guarded_tables,
    scoped_tables,
    undeletable_tables,
)
from audit.log import record
from audit.models import Event, Operation
from audit.tenancy.actors import Actor, OperationContext
from audit.tenancy.scope import tenant_scope
from customers.models import Business, Customer
from tests.databases import ROOT
from tests.factories import BusinessFactory, CustomerFactory
from tests.factories.rows import make_row

COLUMNS = {scoped.table: scoped.column for scoped in scoped_tables()}
MODELS = sorted(
    (m for m in apps.get_models() if m._meta.db_table in COLUMNS),
    key=lambda model: model._meta.label,
)
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: m._meta.label)
# A policy refuses, or the trigger that cannot see the parent.
REFUSED = {"42501", "23000"}


def row_of_a_business(model: Any) -> Any:
    """Return a row of any business; the trail has rows of nobody too."""
    if model in (Event, Operation):
        business = BusinessFactory()
        actor = Actor(
            kind="user",
            operation=OperationContext(via="command", route="test"),
            business_ids=frozenset({business.pk}),
        )
        event = record("test.done", actor=actor, business_id=business.pk)
        pk = event.pk if model is Event else event.operation_id
        return model.objects.get(pk=pk)
    return make_row(model)


def business_of(row: django_models.Model) -> Any:
    column = COLUMNS[row._meta.db_table]
    return next(getattr(row, f.attname) for f in row._meta.fields if f.column == column)


def test_no_table_with_a_business_is_forgotten():
    named = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if any(field.column == "business_id" for field in model._meta.fields)
    }

    assert named <= set(COLUMNS)
    assert set(COLUMNS) - named == {
        "customers_business",
        "customers_historicalbusiness",
    }


def test_the_server_says_so(runtime):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relrowsecurity AND c.relforcerowsecurity AND c.relkind = 'r'"
        )
        secured = {table for (table,) in cursor.fetchall()}

    assert secured == set(COLUMNS)


@every_model
def test_a_foreign_row_does_not_exist(ours, model):
    row = row_of_a_business(model)
    rows = model._base_manager.filter(pk=row.pk)

    with tenant_scope({business_of(row)}):
        assert rows.exists()
    with tenant_scope(None):
        assert rows.exists()
    with tenant_scope({ours.pk}):
        assert not rows.exists()
        everything = {business_of(r) for r in model._base_manager.all()}
        assert everything <= {ours.pk}
    with tenant_scope(set()):
        assert not model._base_manager.exists()


@every_model
def test_a_row_for_another_business_is_not_taken(ours, model):
    row = row_of_a_business(model)
    columns = [field.column for field in model._meta.fields]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        names = ", ".join(connection.ops.quote_name(name) for name in columns)
        cursor.execute(f"SELECT {names} FROM {table} WHERE {row._meta.pk.column} = %s",
                       [row.pk])  # fmt: skip
        values = [_plain(value) for value in cursor.fetchone()]
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"

    for within in ({ours.pk}, set()):
        with tenant_scope(within), connection.cursor() as cursor:
            with pytest.raises(DatabaseError) as refusal:
                cursor.execute(statement, values)
            # A key that is taken would be another refusal, and a later one.
            assert refusal.value.__cause__.sqlstate in REFUSED


def _plain(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value


def test_foreign_rows_cannot_be_changed_or_taken_over(ours, theirs):
    mine = CustomerFactory(business=ours)
    other = CustomerFactory(business=theirs)
    change = "UPDATE customers_customer SET location = 'taken' WHERE id = %s"
    move = "UPDATE customers_customer SET business_id = %s WHERE id = %s"

    with tenant_scope({ours.pk}), connection.cursor() as cursor:
        cursor.execute(change, [other.pk])
        assert cursor.rowcount == 0
        cursor.execute(change, [mine.pk])
        assert cursor.rowcount == 1
        with pytest.raises(IntegrityError, match="HF003"):
            cursor.execute(move, [theirs.pk, mine.pk])
    assert Customer._base_manager.get(pk=other.pk).location != "taken"


def test_a_child_of_a_foreign_parent_is_refused(ours, theirs):
    other = CustomerFactory(business=theirs)
    with tenant_scope(None), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM customers_customerstats WHERE customer_id = %s",
                       [other.pk])  # fmt: skip
        names = [column.name for column in cursor.description]
        values = dict(zip(names, cursor.fetchone(), strict=True))
    values["business_id"] = ours.pk
    marks = ", ".join(["%s"] * len(values))
    statement = (
        f"INSERT INTO customers_customerstats ({', '.join(values)}) VALUES ({marks})"
    )

    with (
        tenant_scope({ours.pk}),
        connection.cursor() as cursor,
        pytest.raises(IntegrityError, match="HF003"),
    ):
        cursor.execute(statement, [_plain(v) for v in values.values()])


def test_events_of_the_platform_are_written_by_anybody_and_read_by_its_owner(ours):
    actor = Actor(
        kind="anonymous", operation=OperationContext(via="admin", route="/test")
    )
    with tenant_scope({ours.pk}):
        event = record("test.failed", actor=actor)
        assert not Event.objects.filter(pk=event.pk).exists()
        assert not Operation.objects.filter(pk=event.operation_id).exists()
    with tenant_scope(None):
        assert Event.objects.filter(pk=event.pk).exists()
        assert Operation.objects.filter(pk=event.operation_id).exists()


def test_a_business_cannot_be_made_by_a_member_of_another(ours):
    with (
        tenant_scope({ours.pk}),
        pytest.raises(ProgrammingError, match="row-level security"),
    ):
        BusinessFactory()
    assert Business._base_manager.filter(pk=ours.pk).exists()


# --- rights -------------------------------------------------------------------------


def rights_on(table: str) -> set[str]:
    kinds = (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "TRIGGER",
        "REFERENCES",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind FROM unnest(%s::text[]) kind "
            "WHERE has_table_privilege(%s, kind)",
            [list(kinds), table],
        )
        return {kind for (kind,) in cursor.fetchall()}


def test_the_role_may_do_what_the_application_does_and_no_more(runtime):
    guarded = {g.table for g in guarded_tables()}
    kept = undeletable_tables()
    tables = set(connection.introspection.table_names())
    read_only = {"auth_permission", "django_content_type", "django_migrations"}
    read_only.add("audit_keptcatalogue")

    assert guarded
    assert kept
    for table in tables:
        if table in guarded:
            assert rights_on(table) == {"SELECT", "INSERT"}, table
        elif table in kept:
            assert rights_on(table) == {"SELECT", "INSERT", "UPDATE"}, table
        elif table in read_only:
            assert rights_on(table) == {"SELECT"}, table
        elif table in changeable_columns():
            assert rights_on(table) == {"SELECT", "INSERT", "DELETE"}, table
        else:
            changes = {"SELECT", "INSERT", "UPDATE", "DELETE"}
            assert rights_on(table) == changes, table


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE impostor (id int)",
        "TRUNCATE audit_event",
        "TRUNCATE customers_note",
        "ALTER TABLE customers_note DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE customers_note DISABLE TRIGGER USER",
        "DROP POLICY holdfast_tenant ON customers_note",
        "CREATE OR REPLACE FUNCTION holdfast_all() RETURNS boolean LANGUAGE sql "
        "STABLE AS 'SELECT true'",
        "UPDATE audit_event SET action = 'nothing'",
        "DELETE FROM customers_customer",
        # Whose session, token or code it is, and what opens it, is said once.
        "UPDATE django_session SET session_key = 'a'",
        "UPDATE audit_tokenfamily SET user_id = NULL",
        "UPDATE audit_authenticator SET user_id = NULL",
        "UPDATE audit_recoverycode SET code_hash = 'a'",
        "UPDATE audit_passkey SET public_key = 'a'",
        "UPDATE audit_grant SET scope = 'bulk', user_id = NULL",
    ],
)
def test_the_role_cannot(runtime, statement):
    with pytest.raises(ProgrammingError) as refusal:
        connection.cursor().execute(statement)

    assert refusal.value.__cause__.sqlstate == "42501"


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE {owner}",
        "SET SESSION AUTHORIZATION {owner}",
        "SET session_replication_role = 'replica'",
        "SET row_security = off; SELECT 1 FROM customers_note",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        # Of the owner, or of anybody else.
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename <> current_user LIMIT 1",
        "CREATE EXTENSION pgcrypto",
        "CREATE ROLE impostor",
        "CREATE TEMP TABLE audit_event (LIKE public.audit_event)",
        "CREATE TABLE impostor () INHERITS (audit_event)",
        "CREATE RULE quiet AS ON INSERT TO audit_event DO INSTEAD NOTHING",
        "CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION holdfast_all()",
        "CREATE TRIGGER spy BEFORE INSERT ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER TABLE audit_event ALTER code TYPE varchar(100) USING 'hacked'",
        "ALTER TABLE audit_event RENAME TO audit_events",
        "DROP TABLE audit_event",
        "LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_what_attackers_try_as_the_role_is_refused(hardened, runtime, statement):
    """What a database writer is known to try; docs/trust.md says what is left."""
    owner = quoted(urlsplit(hardened.owner_url).username)

    with pytest.raises((DatabaseError, ProgrammingError)) as refusal:
        connection.cursor().execute(statement.format(owner=owner))

    assert refusal.value.__cause__.sqlstate == "42501"


def test_statistics_and_failing_conditions_tell_nothing_of_foreign_rows(
    hardened, ours, theirs
):
    CustomerFactory(business=theirs, name="Foreign Person")
    with psycopg.connect(hardened.owner_url, autocommit=True) as owner:
        owner.execute("ANALYZE customers_customer")
    kept = "SELECT count(*) FROM pg_stats WHERE tablename = 'customers_customer'"

    with tenant_scope({ours.pk}), connection.cursor() as cursor:
        cursor.execute(kept)
        assert cursor.fetchone() == (0,)
        # Of a name that it looked at, the cast would make an error that shows it.
        cursor.execute("SELECT count(*) FROM customers_customer WHERE name::int > 0")
        assert cursor.fetchone() == (0,)


def test_nobody_elses_statements_are_seen(hardened, runtime):
    with psycopg.connect(hardened.owner_url) as owner:
        owner.execute("SELECT 'what the owner asks'")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT query FROM pg_stat_activity WHERE pid = %s",
                [owner.info.backend_pid],
            )
            assert cursor.fetchone() == ("<insufficient privilege>",)


def test_what_the_role_can_in_spite_of_all_is_said(runtime, ours, theirs):
    text = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    said = "it can name every business, write large objects, and end roles and sessions"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('holdfast.businesses', '*', true)")
        cursor.execute("SELECT lo_creat(-1)")
        cursor.execute("DELETE FROM django_session")
        cursor.execute("UPDATE customers_membership SET ended_at = now()")
        cursor.execute("SELECT has_database_privilege('postgres', 'CONNECT')")
        assert cursor.fetchone() == (True,)
        transaction.set_rollback(True)

    assert said in " ".join(text.split())
    assert "It can also open the other databases of that server" in " ".join(
        text.split()
    )
