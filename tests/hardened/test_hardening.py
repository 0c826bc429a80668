"""The command that hardens, and the servers that refuse an open second lock."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from audit.checks import check_hardening
from audit.database.guards import hardening_faults, require_hardening
from audit.log import record
from audit.maintenance import catalogue_faults, require_catalogue
from audit.models import Event
from audit.tenancy.actors import Actor
from audit.tenancy.scope import RowSecurityWrapper
from tests.databases import ROOT, Database, environment


def run(**options: object) -> str:
    out = io.StringIO()
    call_command("harden_database", stdout=out, **options)
    return out.getvalue()


def count(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


POLICIES = "SELECT count(*) FROM pg_policy"


@pytest.fixture
def taken_back(as_owner):
    """Whatever the test does to the database is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_sqlite_has_nothing_to_harden(db):
    if connection.vendor != "sqlite":
        pytest.skip("This is about the other database.")

    assert "nothing to do" in run()


def test_sqlite_cannot_be_served_as_hardened(db, settings):
    if connection.vendor != "sqlite":
        pytest.skip("This is about the other database.")
    settings.HARDENED = True

    with pytest.raises(ImproperlyConfigured, match="needs PostgreSQL"):
        require_hardening()


def test_a_database_that_was_never_hardened_may_be_served(db):
    assert hardening_faults() == []


def test_without_the_setting_no_statement_costs_more(db):
    assert not any(
        isinstance(w, RowSecurityWrapper) for w in connection.execute_wrappers
    )


def test_the_runtime_role_may_serve(runtime):
    require_hardening()

    assert check_hardening() == []


def test_the_runtime_role_compares_the_catalogue_and_cannot_write_it(runtime):
    require_catalogue()

    with pytest.raises(ProgrammingError, match="permission denied"):
        connection.cursor().execute("UPDATE audit_keptcatalogue SET mac = ''")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("GRANT UPDATE ON audit_event TO {}", "rights audit_event.{} was altered"),
        ("GRANT DELETE ON audit_event TO PUBLIC", "rights audit_event.PUBLIC is not"),
        ("ALTER POLICY holdfast_tenant ON customers_note USING (true)", "policy cust"),
        ("ALTER ROLE {} SET search_path = his", "setting of {} everywhere.search_path"),
        ("CREATE ROLE {}_x; GRANT {} TO {}_x", "member {}.{}_x is not ours"),
        (
            "CREATE FUNCTION holdfast_all(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "",
        ),
    ],
)
def test_a_changed_right_is_named_and_harden_database_accepts_it(
    taken_back, hardened, statement, sentence
):
    record("test.before", actor=Actor.system("test"))
    assert catalogue_faults() == []
    connection.cursor().execute(statement.replace("{}", hardened.role))

    found = catalogue_faults()

    assert any(sentence.replace("{}", hardened.role) in fault for fault in found), found
    run(role=hardened.role)
    assert catalogue_faults() == []
    event = Event.objects.filter(action="schema.changed").first()
    assert event.data["unexplained"] == len(found)
    assert event.data["examples"] == found[:20]


def test_the_owner_may_not(as_owner):
    with pytest.raises(ImproperlyConfigured, match="owns tables"):
        require_hardening()

    assert {warning.id for warning in check_hardening()} == {"audit.W002"}


def test_a_hardened_database_is_not_served_without_the_setting(runtime, settings):
    settings.HARDENED = False

    with pytest.raises(ImproperlyConfigured, match="Set HOLDFAST_HARDENED=true"):
        require_hardening()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP POLICY holdfast_tenant ON customers_note", "of customers_note is miss"),
        ("ALTER POLICY holdfast_tenant ON customers_note USING (true)", "was altered"),
        (
            "ALTER POLICY holdfast_tenant ON customers_note WITH CHECK (true)",
            "was altered",
        ),
        ("CREATE POLICY door ON customers_note USING (true)", "door on customers_note"),
        (
            "ALTER TABLE customers_note NO FORCE ROW LEVEL SECURITY",
            "no forced row-level security",
        ),
        (
            "ALTER TABLE customers_note DISABLE ROW LEVEL SECURITY",
            "no forced row-level security",
        ),
        (
            "CREATE OR REPLACE FUNCTION holdfast_all() RETURNS boolean LANGUAGE sql "
            "STABLE AS 'SELECT true'",
            "holdfast_all is missing or was altered",
        ),
    ],
)
def test_an_open_lock_is_found_and_migrate_shuts_it(taken_back, statement, sentence):
    connection.cursor().execute(statement)

    assert any(sentence in fault for fault in hardening_faults())
    call_command("migrate", verbosity=0)
    assert not any(sentence in fault for fault in hardening_faults())


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("GRANT TRUNCATE ON customers_note TO {}", "right TRUNCATE on customers_note"),
        ("GRANT DELETE ON customers_customer TO {}", "right DELETE on customers_cus"),
        ("GRANT UPDATE ON audit_event TO {}", "right UPDATE on audit_event"),
        ("GRANT UPDATE (code) ON audit_event TO {}", "right UPDATE on audit_event"),
        ("GRANT TRIGGER ON audit_event TO {}", "right TRIGGER on audit_event"),
        ("GRANT UPDATE (user_id) ON audit_tokenfamily TO {}", "audit_tokenfamily.user"),
        ("GRANT TEMPORARY ON DATABASE CURRENT TO {}", "create temporary tables"),
        ("ALTER ROLE {} CREATEROLE", "may make roles"),
        ("ALTER ROLE {} CREATEDB", "may make databases"),
        ("GRANT CREATE ON SCHEMA public TO {}", "may create tables"),
        ("GRANT holdfast_owner_of_test TO {}", "owns tables"),
    ],
)
def test_a_role_that_may_too_much_may_not_serve(hardened, runtime, statement, sentence):
    undo = {"GRANT": "REVOKE", " TO ": " FROM ", " CREATE": " NOCREATE"}
    if not statement.startswith("ALTER"):
        undo.pop(" CREATE")
    statement = statement.replace("CURRENT", _database(hardened.owner_url))
    statement = statement.replace("holdfast_owner_of_test", _user(hardened.owner_url))
    statement = statement.format(hardened.role)
    back = statement
    for old, new in undo.items():
        back = back.replace(old, new)
    with psycopg.connect(hardened.owner_url, autocommit=True) as owner:
        try:
            owner.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            pytest.skip("The role of this run may not give that right.")
        try:
            assert any(sentence in fault for fault in hardening_faults())
        finally:
            owner.execute(back)
    assert hardening_faults() == []


def _database(url: str) -> str:
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


def _user(url: str) -> str:
    return psycopg.conninfo.conninfo_to_dict(url)["user"]


def test_a_role_of_the_server_gives_no_rights_of_its_own(hardened, runtime):
    user = _user(hardened.owner_url)
    with psycopg.connect(hardened.owner_url, autocommit=True) as owner:
        row = owner.execute(
            "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row, user
        try:
            owner.execute(f"GRANT pg_read_all_data TO {hardened.role}")
        except psycopg.errors.InsufficientPrivilege:
            pytest.skip("The role of this run may not give that right.")
        try:
            assert any("rights of pg_read_all_data" in f for f in hardening_faults())
        finally:
            owner.execute(f"REVOKE pg_read_all_data FROM {hardened.role}")


def test_no_temporary_table_takes_the_place_of_ours(runtime):
    with (
        pytest.raises(ProgrammingError, match="permission denied to create temporary"),
        transaction.atomic(),
    ):
        connection.cursor().execute(
            "CREATE TEMP TABLE audit_event (LIKE public.audit_event)"
        )
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert cursor.fetchone() == ("public, pg_temp",)


def test_a_password_is_set_where_the_owner_may_make_no_roles(
    hardened, taken_back, tmp_path
):
    try:
        with transaction.atomic():
            connection.cursor().execute("ALTER ROLE CURRENT_USER NOCREATEROLE")
    except ProgrammingError:
        pytest.skip("Since PostgreSQL 16 a role cannot take this right from itself.")
    secret = tmp_path / "password"
    secret.write_text("as it was typed")

    # The line that a superuser runs holds the password as a hash.
    with pytest.raises(CommandError) as refused:
        run(role="holdfast_nobody_yet", password_file=str(secret))
    assert "LOGIN PASSWORD 'SCRAM-SHA-256$" in str(refused.value)
    assert "as it was typed" not in str(refused.value)
    # One that is there has another password.
    with pytest.raises(CommandError, match=r"ALTER ROLE .* PASSWORD 'SCRAM-SHA-256"):
        run(role=hardened.role, password_file=str(secret))
    # Or this one: nothing is left to set.
    parts = psycopg.conninfo.conninfo_to_dict(hardened.role_url)
    secret.write_text(parts["password"])
    assert "Hardened" in run(role=hardened.role, password_file=str(secret))


def test_hardening_again_changes_nothing_but_rights(hardened, taken_back):
    first = run(role=hardened.role, dry_run=True)
    run(role=hardened.role)

    assert "POLICY" not in first
    assert "FUNCTION holdfast_all() RETURNS" not in first
    assert "GRANT SELECT, INSERT ON" in first
    assert run(role=hardened.role, dry_run=True) == first


def test_it_is_taken_away_and_comes_back(hardened, taken_back):
    policies = count(POLICIES)
    assert policies > 0

    assert "Undone" in run(undo=True)
    assert count(POLICIES) == 0
    assert (
        count(
            "SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity"
        )
        == 0
    )
    assert (
        count(
            "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a "
            f"JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = '{hardened.role}'"
        )
        == 0
    )

    run(role=hardened.role)
    assert count(POLICIES) == policies
    temporary = (
        f"SELECT has_database_privilege('{hardened.role}', current_database(), 'TEMP')"
    )
    assert count(f"SELECT ({temporary})::int") == 0


def test_a_dry_run_changes_nothing(taken_back):
    before = count(POLICIES)

    assert "DROP POLICY" in run(undo=True, dry_run=True)
    assert count(POLICIES) == before


def test_only_the_owner_hardens(hardened, runtime):
    for options in ({"role": hardened.role}, {"undo": True}):
        with pytest.raises(CommandError, match="Only the owner of the tables"):
            run(**options)


def test_the_owner_is_no_role_to_serve_with(hardened, taken_back):
    with pytest.raises(CommandError, match="owns the tables"):
        run(role=_user(hardened.owner_url))


def test_a_name_that_is_none_is_refused(taken_back):
    with pytest.raises(CommandError, match="no name for a role"):
        run(role='app"; DROP TABLE audit_event; --')


def test_a_missing_right_is_said_with_its_fix(taken_back):
    try:
        with transaction.atomic():
            connection.cursor().execute("ALTER ROLE CURRENT_USER NOCREATEROLE")
    except ProgrammingError:
        pytest.skip("Since PostgreSQL 16 a role cannot take this right from itself.")

    with pytest.raises(CommandError, match="CREATE ROLE holdfast_nobody_yet LOGIN"):
        run(role="holdfast_nobody_yet")


def test_a_password_file_that_is_missing_or_empty(hardened, taken_back, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()

    with pytest.raises(CommandError, match="is empty"):
        run(role=hardened.role, password_file=str(empty))
    with pytest.raises(CommandError, match="cannot be read"):
        run(role=hardened.role, password_file=str(tmp_path / "none"))


def test_migrate_runs_as_the_owner(as_owner):
    call_command("migrate", verbosity=0)


def test_migrate_refuses_where_it_would_see_no_rows(as_owner, settings):
    settings.HARDENED = False

    with pytest.raises(ImproperlyConfigured, match="Set HOLDFAST_HARDENED=true"):
        call_command("migrate", verbosity=0)


def test_migrate_refuses_the_runtime_role(runtime):
    with pytest.raises(ImproperlyConfigured, match="Only the owner of the tables"):
        call_command("migrate", verbosity=0)


def test_a_table_of_a_later_migration_is_secured(hardened, taken_back):
    """As if its migration had just made it: no policy, and the rights of nobody."""
    connection.cursor().execute(
        "DROP POLICY holdfast_tenant ON customers_note; "
        "ALTER TABLE customers_note DISABLE ROW LEVEL SECURITY; "
        f"REVOKE ALL ON customers_note FROM {hardened.role}"
    )

    call_command("migrate", verbosity=0)

    rights = (
        f"SELECT has_table_privilege('{hardened.role}', 'customers_note', 'UPDATE')"
    )
    assert count(f"SELECT ({rights})::int") == 1
    assert not any("customers_note" in fault for fault in hardening_faults())


@pytest.mark.slow
@pytest.mark.parametrize("module", ["config.wsgi", "config.asgi"])
def test_the_server_starts_as_the_runtime_role_alone(hardened, tmp_path, module):
    def start(url: str, is_hardened: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            cwd=ROOT,
            env=environment(Database(url), tmp_path)
            | {"HOLDFAST_HARDENED": is_hardened, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    assert start(hardened.role_url, "true").returncode == 0
    for url, is_hardened, sentence in (
        (hardened.owner_url, "true", "owns tables"),
        (hardened.role_url, "false", "Set HOLDFAST_HARDENED=true"),
    ):
        refused = start(url, is_hardened)
        assert refused.returncode != 0
        assert sentence in refused.stderr
