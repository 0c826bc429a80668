"""What somebody does to the tables themselves has a name, and stops the server."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from audit.checks import check_catalogue
from audit.database.guards import catalogue, compare, remove_guards
from audit.log import record
from audit.maintenance import catalogue_faults, keep_catalogue, require_catalogue
from audit.models import Event, KeptCatalogue
from audit.tenancy.actors import Actor
from config.startup import require_ready
from tests.databases import ROOT, Database, copied
from tests.e2e import live
from tests.factories import CustomerFactory
from tests.factories.rows import make_row
from tests.hardened.conftest import serving

only_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="a way that only SQLite has"
)
only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="a way that only PostgreSQL has"
)

# Ways of the owner of the database, and what names each.
EVERYWHERE = {
    "columns change their names": (
        [
            "ALTER TABLE audit_event RENAME COLUMN code TO other",
            "ALTER TABLE audit_event RENAME COLUMN action TO code",
            "ALTER TABLE audit_event RENAME COLUMN other TO action",
        ],
        "columns audit_event was altered",
    ),
    "a column is made anew": (
        [
            "ALTER TABLE audit_event DROP COLUMN via",
            "ALTER TABLE audit_event ADD COLUMN via varchar(20) DEFAULT 'hacked' "
            "NOT NULL",
        ],
        "column audit_event.via was altered",
    ),
    "an index is gone": (
        ["DROP INDEX capture_newest"],
        "index capture_capture.capture_newest is missing",
    ),
    "a table is added": (["CREATE TABLE mine (x integer)"], "table mine is not ours"),
    "a view is added": (
        ["CREATE VIEW mine AS SELECT 1 AS x"],
        "view mine is not ours",
    ),
}
POSTGRESQL = {
    "inserts are swallowed": (
        ["CREATE RULE no_more AS ON INSERT TO audit_event DO INSTEAD NOTHING"],
        "rule audit_event.no_more is not ours",
    ),
    "captures are copied": (
        [
            "CREATE TABLE elsewhere (LIKE capture_capture)",
            "CREATE RULE leak AS ON INSERT TO capture_capture "
            "DO ALSO INSERT INTO elsewhere VALUES (new.*)",
        ],
        "rule capture_capture.leak is not ours",
    ),
    "a child shows its rows": (
        ["CREATE TABLE forged () INHERITS (audit_event)"],
        "inheritance audit_event.forged is not ours",
    ),
    "a child of another schema": (
        ["CREATE SCHEMA aside", "CREATE TABLE aside.forged () INHERITS (audit_event)"],
        "inheritance audit_event.aside.forged is not ours",
    ),
    "the table is dropped": (
        ["DROP TABLE audit_event CASCADE"],
        "table audit_event is missing",
    ),
    "the table goes to another schema": (
        ["CREATE SCHEMA aside", "ALTER TABLE audit_event SET SCHEMA aside"],
        "table audit_event is missing",
    ),
    "a check is dropped": (
        ["ALTER TABLE audit_event DROP CONSTRAINT event_outcome_known"],
        "constraint audit_event.event_outcome_known is missing",
    ),
    "a unique key is dropped": (
        ["DROP INDEX one_capture_per_message_and_trust"],
        "index capture_capture.one_capture_per_message_and_trust is missing",
    ),
    "a foreign key is dropped": (
        [
            "DO $$ DECLARE it name; BEGIN SELECT conname INTO it FROM pg_constraint "
            "WHERE conrelid = 'capture_capture'::regclass AND contype = 'f' LIMIT 1; "
            "EXECUTE format('ALTER TABLE capture_capture DROP CONSTRAINT %I', it); "
            "END $$"
        ],
        "constraint capture_capture.capture_capture_",
    ),
    "a check counts for new rows alone": (
        [
            "ALTER TABLE audit_event DROP CONSTRAINT event_outcome_known",
            "ALTER TABLE audit_event ADD CONSTRAINT event_outcome_known "
            "CHECK (outcome IN ('done', 'refused', 'failed')) NOT VALID",
        ],
        "constraint audit_event.event_outcome_known was altered",
    ),
    "a key is dropped": (
        ["ALTER TABLE audit_event DROP CONSTRAINT audit_event_pkey CASCADE"],
        "constraint audit_event.audit_event_pkey is missing",
    ),
    "a column may be null": (
        ["ALTER TABLE audit_event ALTER commitment DROP NOT NULL"],
        "column audit_event.commitment was altered",
    ),
    "a default": (
        ["ALTER TABLE audit_event ALTER code SET DEFAULT 'hacked'"],
        "column audit_event.code was altered",
    ),
    "a right of a table": (
        ["GRANT UPDATE, DELETE ON audit_event TO PUBLIC"],
        "rights audit_event.PUBLIC is not ours",
    ),
    "a right of a column": (
        ["GRANT UPDATE (code) ON audit_event TO PUBLIC"],
        "rights audit_event.code.PUBLIC is not ours",
    ),
    "a right by default": (
        ["ALTER DEFAULT PRIVILEGES GRANT UPDATE ON TABLES TO PUBLIC"],
        "rights by default of",
    ),
    "a trigger of his own": (
        [
            "CREATE TRIGGER his BEFORE INSERT ON audit_event FOR EACH ROW "
            "EXECUTE FUNCTION holdfast_refuse('x', 'y')"
        ],
        "trigger audit_event.his is not ours",
    ),
    "a guard sleeps": (
        ["ALTER TABLE audit_event DISABLE TRIGGER holdfast_guard"],
        "trigger audit_event.holdfast_guard was altered: enabled A",
    ),
    "a function of the guards": (
        [
            "CREATE OR REPLACE FUNCTION holdfast_refuse() RETURNS trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN new; END'"
        ],
        "function holdfast_refuse() was altered",
    ),
    "a function before that of the system": (
        [
            "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql "
            "AS $$ SELECT 'x' $$"
        ],
        "function lower(character varying) is not ours",
    ),
    "an operator before that of the system": (
        [
            "CREATE FUNCTION same(varchar, varchar) RETURNS bool LANGUAGE sql "
            "AS 'SELECT true'",
            "CREATE OPERATOR = (FUNCTION = same, LEFTARG = varchar, "
            "RIGHTARG = varchar)",
        ],
        "operator =(character varying,character varying) is not ours",
    ),
    "rows are not kept through a crash": (
        ["ALTER TABLE capture_sighting SET UNLOGGED"],
        "table capture_sighting was altered",
    ),
    "a policy": (
        [
            "ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY hide ON audit_event USING (action <> 'x')",
        ],
        "policy audit_event.hide is not ours",
    ),
    "a setting of the database": (
        [
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = his', "
            "current_database()); END $$"
        ],
        "setting of every role here.search_path is not ours",
    ),
    "a setting of a role": (
        [
            "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET "
            "row_security = off', current_user, current_database()); END $$"
        ],
        "here.row_security is not ours",
    ),
    "a schema that comes first": (
        [
            "DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', current_user); END $$",
        ],
        "table audit_event is missing",
    ),
}
SQLITE = {
    "the table is dropped": (
        ["DROP TABLE audit_event"],
        "table audit_event is missing",
    ),
    "the text of the table is written over": (
        [
            "PRAGMA writable_schema = on",
            "UPDATE sqlite_master SET sql = replace(sql, 'event_outcome_known', "
            "'event_outcome_known_') WHERE name = 'audit_event'",
            "PRAGMA writable_schema = off",
        ],
        "table audit_event was altered",
    ),
    "the text of a guard is written over": (
        [
            "PRAGMA writable_schema = on",
            "UPDATE sqlite_master SET sql = replace(sql, 'BEFORE DELETE', "
            "'AFTER  DELETE') WHERE name = 'holdfast_delete_audit_event'",
            "PRAGMA writable_schema = off",
        ],
        "trigger audit_event.holdfast_delete_audit_event was altered",
    ),
    "a table without its checks and keys": (
        [
            "CREATE TABLE other AS SELECT * FROM audit_event",
            "DROP TABLE audit_event",
            "ALTER TABLE other RENAME TO audit_event",
        ],
        "table audit_event was altered",
    ),
    "a trigger of his own": (
        ["CREATE TRIGGER his AFTER INSERT ON audit_event BEGIN SELECT 1; END"],
        "trigger audit_event.his is not ours",
    ),
}
WAYS = EVERYWHERE | (SQLITE if connection.vendor == "sqlite" else POSTGRESQL)


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def assert_named(sentence: str) -> None:
    found = catalogue_faults()
    assert any(sentence in fault for fault in found), found
    assert any(sentence in warning.msg for warning in check_catalogue(["default"]))
    with pytest.raises(ImproperlyConfigured, match=r"not as `migrate` left it: .*copy"):
        require_catalogue()


@pytest.mark.parametrize("way", WAYS)
def test_each_way_has_a_name_and_stops_the_start(db, way):
    statements, sentence = WAYS[way]
    assert catalogue_faults() == []

    with transaction.atomic():
        run(*statements)
        assert_named(sentence)
        transaction.set_rollback(True)

    assert catalogue_faults() == []
    require_catalogue()


def test_a_view_in_the_place_of_a_table_is_named(db):
    remove_guards()
    columns = ", ".join(field.column for field in Event._meta.fields)
    run(
        "ALTER TABLE audit_event RENAME TO hidden",
        f"CREATE VIEW audit_event AS SELECT {columns} FROM hidden WHERE action <> 'x'",
    )

    found = catalogue_faults()

    assert "table audit_event is missing." in found
    assert any(fault.startswith("view audit_event is not ours") for fault in found)
    assert any(fault.startswith("table hidden is not ours") for fault in found)
    # Nothing is said of each column of what is not there.
    assert not any("audit_event." in fault for fault in found)


@only_postgresql
def test_an_event_trigger_is_named(db):
    run("CREATE FUNCTION his() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
    try:
        with transaction.atomic():
            run("CREATE EVENT TRIGGER his ON ddl_command_end EXECUTE FUNCTION his()")
    except ProgrammingError:
        pytest.skip("The role of the tests is no superuser, as it should be.")

    assert_named("event trigger his is not ours")


# --- what was written cannot be written by others --------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_keptcatalogue SET lines = lines || 'x'",
        "UPDATE audit_keptcatalogue SET mac = '0'",
        "UPDATE audit_keptcatalogue SET mac = 'é'",
        "DELETE FROM audit_keptcatalogue",
        "DROP TABLE audit_keptcatalogue",
    ],
)
def test_without_the_key_no_other_catalogue_is_believed(db, statement):
    run(statement)

    (found,) = catalogue_faults()

    assert found.startswith("what `migrate` wrote of the catalogue ")
    with pytest.raises(ImproperlyConfigured, match="which accepts it"):
        require_catalogue()


def test_another_key_outside_does_not_fit(db, settings):
    settings.HASH_KEY = "another"

    (found,) = catalogue_faults()

    assert "HOLDFAST_HASH_KEY" in found


def test_a_database_before_this_table_has_nothing_to_compare(db):
    run(
        "DELETE FROM django_migrations WHERE app = 'audit' AND name LIKE '%catalogue'",
        "DROP TABLE audit_keptcatalogue",
    )

    assert catalogue_faults() == []


# --- accepting -------------------------------------------------------------------


def test_migrate_accepts_and_the_trail_says_what_it_could_not_explain(db, actor):
    record("test.before", actor=actor)
    run("CREATE TABLE mine (x integer)")

    call_command("migrate", verbosity=0)

    assert catalogue_faults() == []
    event = Event.objects.get(action="schema.changed")
    assert (event.actor_kind, event.via) == ("system", "command")
    assert event.data["unexplained"] == 1
    assert "table mine is not ours" in event.data["examples"][0]
    assert event.data["came"] >= 1
    assert event.data["went"] == 0
    assert len(event.data["sha256"]) == 64
    call_command("migrate", verbosity=0)
    assert Event.objects.filter(action="schema.changed").count() == 1


def test_what_migrate_mends_is_told_too(db, actor):
    record("test.before", actor=actor)
    name, table, _ = triggers()[0]
    run(
        f"DROP TRIGGER {name}"
        + ("" if connection.vendor == "sqlite" else f" ON {table}")
    )

    call_command("migrate", verbosity=0)

    assert catalogue_faults() == []
    data = Event.objects.get(action="schema.changed").data
    assert data["examples"] == [f"trigger audit_event.{name} is missing."]
    assert (data["came"], data["went"], data["unexplained"]) == (0, 0, 1)


def test_a_catalogue_that_was_lost_is_told_too(db, actor):
    record("test.before", actor=actor)
    KeptCatalogue.objects.all().delete()

    call_command("migrate", verbosity=0)

    assert Event.objects.get(action="schema.changed").data["unexplained"] == 1


def test_a_new_database_has_nobody_to_tell(db):
    KeptCatalogue.objects.all().delete()

    call_command("migrate", verbosity=0)

    assert catalogue_faults() == []
    assert not Event.objects.exists()


def test_half_way_through_the_migrations_nothing_is_written(db):
    run("DELETE FROM django_migrations WHERE app = 'capture'")
    run("CREATE TABLE mine (x integer)")

    keep_catalogue(actor=Actor.system("test"), faults_before=[])

    assert [fault[:10] for fault in catalogue_faults()] == ["table mine"]


# --- the same lines --------------------------------------------------------------


def test_two_looks_are_equal_and_each_thing_has_one_line(db):
    lines = catalogue()

    assert lines == catalogue()
    things = [line.partition(": ")[0] for line in lines]
    assert len(things) == len(set(things))
    assert not any("\n" in line for line in lines)


def test_rows_change_no_line(db):
    before = catalogue()
    make_row(Event)
    CustomerFactory()

    assert catalogue() == before


def test_sentences_name_what_came_went_and_changed():
    kept = ["column a.b: integer", "table a: kind r", "table gone: kind r"]
    kept += ["column gone.b: integer"]
    found = ["column a.b: integer, not null", "table a: kind r", "rule a.r: no"]

    assert compare(kept, found) == [
        "table gone is missing.",
        "rule a.r is not ours (no).",
        "column a.b was altered: integer became integer, not null.",
    ]


@only_sqlite
def test_white_space_of_a_statement_does_not_count_but_in_its_texts(db):
    lines = []
    for text in ("'a  b'", "'a b'", "'a b'\n\t"):
        with transaction.atomic():
            run(f"CREATE TABLE mine (x text  DEFAULT {text})")
            lines.append([line for line in catalogue() if line.startswith("table min")])
            transaction.set_rollback(True)

    assert lines[0] != lines[1]


# --- copies ----------------------------------------------------------------------

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def tool(name: str) -> str:
    found = shutil.which(name, path=str(BIN[-1])) if BIN else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed.")
    return found


EXTRA = """
CREATE TABLE aside (id serial PRIMARY KEY, b text COLLATE "C" DEFAULT 'x', gone int,
    CONSTRAINT ok CHECK (b <> E'a\\nb') NOT VALID);
ALTER TABLE aside DROP COLUMN gone;
CREATE INDEX aside_b ON aside (lower(b)) WHERE b IS NOT NULL;
CREATE TABLE child () INHERITS (aside);
CREATE TABLE parts (x int) PARTITION BY RANGE (x);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);
CREATE VIEW looks AS SELECT id, b FROM aside WHERE b LIKE '%x'
    OR b::varchar IN ('p', 'q');
CREATE RULE copies AS ON INSERT TO aside DO ALSO INSERT INTO parts VALUES (1);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN small AS int CHECK (VALUE < 9);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE OPERATOR %% (FUNCTION = twice, RIGHTARG = int);
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
ALTER TABLE aside ENABLE ROW LEVEL SECURITY;
CREATE POLICY open ON aside FOR SELECT USING (b = 'x');
GRANT SELECT, UPDATE (b) ON aside TO PUBLIC;
REVOKE EXECUTE ON FUNCTION twice(int) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
"""


@only_postgresql
def test_a_restored_dump_has_the_same_catalogue(
    tmp_path_factory, tmp_path, django_db_blocker
):
    with django_db_blocker.unblock(), copied(tmp_path_factory, tmp_path) as first:
        with psycopg.connect(first.url) as owner:
            owner.execute(EXTRA)
        with serving(first.url):
            assert catalogue_faults() != []
            keep_catalogue(actor=Actor.system("test"), faults_before=[])
        with psycopg.connect(first.url, autocommit=True) as owner:
            owner.execute("ANALYZE")
            owner.execute("VACUUM FULL customers_note")
        dump = subprocess.run(
            [tool("pg_dump"), first.url], capture_output=True, text=True, check=True
        )
        second = Database.create(tmp_path)
        try:
            restored = subprocess.run(
                [tool("psql"), "-qX", "-v", "ON_ERROR_STOP=1", second.url],
                input=dump.stdout,
                capture_output=True,
                text=True,
                check=False,
            )
            assert restored.returncode == 0, restored.stderr
            for database in (first, second):
                with serving(database.url):
                    assert catalogue_faults() == []
        finally:
            second.drop()


@only_sqlite
def test_a_restored_dump_of_sqlite_has_the_same_catalogue(
    tmp_path_factory, tmp_path, django_db_blocker
):
    with django_db_blocker.unblock(), copied(tmp_path_factory, tmp_path) as first:
        with closing(sqlite3.connect(first.name, isolation_level=None)) as owner:
            owner.execute("ANALYZE")
            owner.execute("VACUUM")
            dump = "\n".join(owner.iterdump())
        second = Database.create(tmp_path)
        with closing(sqlite3.connect(second.name)) as other:
            other.executescript(dump)
        for database in (first, second):
            with serving(database.url):
                assert catalogue_faults() == []


# --- not covered before there is a seal ------------------------------------------


def triggers() -> list[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' "
                "AND tbl_name = 'audit_event'"
            )
        else:
            cursor.execute(
                "SELECT tgname, 'audit_event', pg_get_triggerdef(oid) FROM pg_trigger "
                "WHERE tgrelid = 'audit_event'::regclass AND NOT tgisinternal"
            )
        return list(cursor.fetchall())


def _off_and_on() -> None:
    made = triggers()
    for name, table, _ in made:
        end = "" if connection.vendor == "sqlite" else f" ON {table}"
        run(f'DROP TRIGGER "{name}"{end}')
    run("UPDATE audit_event SET code = 'hacked'")
    for name, table, text in made:
        run(text)
        if connection.vendor == "postgresql":
            run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _same_type() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite cannot alter a type.")
    # What fired at the end of the transaction has been waited for.
    run(
        "SET CONSTRAINTS ALL IMMEDIATE",
        "ALTER TABLE audit_event ALTER code TYPE varchar(100) USING 'hacked'",
    )


def _forged() -> None:
    columns = [field.column for field in Event._meta.fields]
    values = ", ".join(
        "'01a1fd0040687e6b80e5182c44a05ff3'" if name == "id" else name
        for name in columns
    )
    run(
        f"INSERT INTO audit_event ({', '.join(columns)}) "
        f"SELECT {values} FROM audit_event LIMIT 1"
    )


def _raw() -> None:
    run("UPDATE customers_customer SET name = 'hacked'")


NOT_COVERED: dict[str, Any] = {
    "guards off and on again": _off_and_on,
    "`ALTER … TYPE` to the same type": _same_type,
    "a forged `INSERT`": _forged,
    "a raw `UPDATE` or `DELETE`": _raw,
}


@pytest.mark.parametrize("way", NOT_COVERED)
def test_what_leaves_no_trace_in_the_catalogue_is_said_to_be_open(db, way):
    make_row(Event)
    CustomerFactory()

    NOT_COVERED[way]()

    assert catalogue_faults() == []
    text = " ".join((ROOT / "docs" / "trust.md").read_text(encoding="utf-8").split())
    assert way in text


# --- the server ------------------------------------------------------------------


def test_the_start_looks_at_the_catalogue(db):
    require_ready()
    run("CREATE TABLE mine (x integer)")

    with pytest.raises(ImproperlyConfigured, match="table mine is not ours"):
        require_ready()


@pytest.mark.slow
def test_a_server_does_not_start_on_a_changed_database(tmp_path_factory, tmp_path):
    with copied(tmp_path_factory, tmp_path) as database:
        hub = live.Hub(database, tmp_path)
        statement = "CREATE TABLE mine (x integer)"
        if database.is_sqlite:
            with closing(sqlite3.connect(database.name)) as owner:
                owner.execute(statement)
        else:
            with psycopg.connect(database.url) as owner:
                owner.execute(statement)

        with pytest.raises(AssertionError, match="table mine is not ours"):
            hub.server.start()
        checked = hub.manage("check", "--database", "default")
        assert re.search(r"audit\.W003.*table mine is not ours", checked.stderr)
        assert hub.manage("migrate").returncode == 0
        hub.server.start()
        hub.server.kill()
